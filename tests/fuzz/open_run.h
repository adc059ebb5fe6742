/* SPDX-License-Identifier: MIT */
/*
 * One iteration of fuzz_open: a session of some kind, a stream of records of
 * the peer's that is cut into leftovers and what the socket brings, and what
 * we write meanwhile.  The same plan is played on every path.
 */
#ifndef OPEN_RUN_H
#define OPEN_RUN_H

#include "keyed.h"
#include "stream.h"

/* How the peer's stream ends. */
enum open_end {
	OPEN_STAYS,   /* it does not */
	OPEN_CLOSES,  /* close_notify */
	OPEN_FIN,     /* a bare FIN */
	OPEN_ALERT,   /* a fatal alert */
	OPEN_BAD,     /* a record that does not open */
	OPEN_ENDS
};

struct open_plan {
	struct keyed_kind kind;
	int server;
	unsigned seed;
	uint64_t tx_seq;
	uint64_t rx_seq;
	uint64_t peer_key;    /* streams: what the peer sends ... */
	uint64_t near_key;    /* ... and we */
	size_t records;       /* of the peer's stream, about */
	int updates;          /* KeyUpdates are among them */
	int requests;         /* ... that ask for ours */
	int our_updates;
	enum open_end end;
	size_t plaintext_len;
	size_t to_write;
	int small;            /* buffers of our socket */
	unsigned disturb;     /* one call in so many; 0: none */
	unsigned flags;
	uint64_t key_records;
};

/* What has to be the same on every path. */
struct open_result {
	int opened;           /* what ktls_open() gave */
	int64_t end;          /* and reading, in the end */
	uint64_t got;         /* bytes, by us ... */
	uint64_t come;        /* ... and by the peer */
	uint64_t tickets;
	uint64_t updates;
	uint64_t alerts;
	int64_t alert;        /* the last one that the peer has got */
};

struct open_run {
	struct open_plan plan;
	struct stream_random random;
	struct keyed c;
	uint8_t *plaintext;
	size_t left;          /* bytes of c.wire: that were left over */
	size_t at;            /* ... and that are sent since */
	size_t bad_end;       /* where the bad record ends */
	uint64_t to_read;
	uint64_t sent;
	uint64_t nonce;       /* TLS 1.2: the next one of ours */
	int read_over;
	int write_over;
	struct open_result result;
	int failed;
	char why[200];
};

/* open_plan.c */
void open_plan(struct open_run *r, int rekey);
/* Our side is not open, the peer's stream is sealed and cut. */
void open_prepare(struct open_run *r);

/* open_run.c: 0, or -1 and why. */
int open_play(struct open_run *r, enum ktls_choice tx, enum ktls_choice rx);
int open_fail(struct open_run *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
