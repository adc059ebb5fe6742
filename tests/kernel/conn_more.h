/* SPDX-License-Identifier: MIT */
/* A connection and its stream, for what KTLS_MORE holds back. */
#ifndef KTLS_TEST_CONN_MORE_H
#define KTLS_TEST_CONN_MORE_H

#include "rig.h"

/* The file's bytes are those of the stream at the same place. */
#define CONN_MORE_FILE ((size_t)1 << 20)
extern uint8_t more_text[CONN_MORE_FILE];

struct more {
	struct rig rig;
	uint64_t at;            /* of the next byte that we send */
	uint64_t got;           /* of the next that the peer gets */
	int file;
};

/* Without Nagle's algorithm, so that what waits was made to wait; and with a
 * peer that does not wait for ever.  key_records 0: no limit of our own. */
void conn_more_start(struct more *m, int i);
void conn_more_limited(struct more *m, struct rig_config config,
		       uint64_t key_records);
void conn_more_close(struct more *m);

/* The next bytes of the stream, all of which are taken. */
void conn_more_write(struct more *m, size_t len, int flags);
void conn_more_file(struct more *m, size_t len, int flags);

/* TCP holds nothing back. */
void conn_more_on_its_way(struct more *m);
/* Nor does the record layer: the peer gets all, without a call of ours. */
void conn_more_arrives(struct more *m);
/* Records that the kernel has sealed. */
uint64_t conn_more_sealed(struct more *m);

/* The peer reads under our next key. */
void conn_more_next_key(struct more *m);
/* The next record of ours is a KeyUpdate, and those behind it are under the
 * next key. */
void conn_more_key_update(struct more *m);
int conn_more_can_update(const struct more *m);

#endif
