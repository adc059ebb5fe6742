/* SPDX-License-Identifier: MIT */
/* Control records of ours, on whatever path TX has but the library's. */
#ifndef KTLS_OUTPUT_H
#define KTLS_OUTPUT_H

#include "conn.h"

/* Descriptions, RFC 8446 section 6. */
enum {
	KTLS__CLOSE_NOTIFY = 0,
	KTLS__UNEXPECTED_MESSAGE = 10,
	KTLS__BAD_RECORD_MAC = 20,
	KTLS__RECORD_OVERFLOW = 22,
	KTLS__HANDSHAKE_FAILURE = 40,
	KTLS__ILLEGAL_PARAMETER = 47,
	KTLS__DECODE_ERROR = 50,
	KTLS__INTERNAL_ERROR = 80,
	KTLS__USER_CANCELED = 90,
	KTLS__NO_RENEGOTIATION = 100
};

#define KTLS__ALERT_WARNING 1
#define KTLS__ALERT_FATAL 2

uint8_t ktls__alert_level(uint8_t description);

/* An alert is out: count it and tell.  Not under the lock. */
void ktls__alert_was_sent(struct ktls *k, uint8_t description);

/* Under the lock: send what is sealed.  0: all of it; -EAGAIN; -errno. */
int ktls__output_flush(struct ktls *k);

/*
 * Under the lock, never waiting: one record of `type`.  Bytes taken, at most
 * 16384; -EAGAIN, -ENOMEM: none, and nothing has changed; other errors are
 * final for TX.
 */
ssize_t ktls__output_record(struct ktls *k, uint8_t type, const uint8_t *p,
			    size_t len);

/* An alert of ours that is the last record: nothing may follow. */
void ktls__output_end(struct ktls *k, uint8_t description);

/* The kernel has taken a control record of `len` bytes. */
void ktls__output_count(struct ktls *k, size_t len);

#endif
