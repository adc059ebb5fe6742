/* SPDX-License-Identifier: MIT */
/*
 * One connection after its hand-off, and what its parts share.  Written by
 * the reading thread: rx, control, leftover; by the writing thread: tx, owed,
 * shut.  Errors are latched from either side, hence atomic.  The SSL and its
 * link are used under `lock`.
 */
#ifndef KTLS_CONN_H
#define KTLS_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "handshake.h"
#include "ktls/ktls.h"
#include "link.h"

struct ktls__side {
	enum ktls_path path;
	enum ktls_reason reason;
	int reason_errno;
	_Atomic int err;         /* final error, latched */
	_Atomic int taken;       /* an error that was fetched off the socket
				  * before its data were read */
	_Atomic uint64_t bytes;  /* application data since the hand-off */
	uint64_t seq0;           /* sequence number at the install */
};

/* A control message that may come in pieces. */
struct ktls__control {
	uint8_t alert[2];
	size_t alert_len;
	uint8_t head[4];         /* of a handshake message */
	size_t head_len;
	size_t skip;             /* of its body, still to come */
};

enum ktls__shut {
	KTLS__OPEN,
	KTLS__NOTIFIED,          /* close_notify is in the queue */
	KTLS__SHUT               /* and all has left it */
};

struct ktls {
	int fd;
	struct ktls__handshake hs;
	struct ktls__side tx;
	struct ktls__side rx;
	_Atomic bool eof;        /* the peer's close_notify was read */
	struct ktls__leftover leftover;
	_Atomic size_t left;     /* bytes in it */
	struct ktls__control control;
	_Atomic int alert_received;
	_Atomic int alert_sent;
	_Atomic uint64_t tickets;

	_Atomic bool want_out;   /* the last output waits for room */
	_Atomic bool queued;     /* the link's queue does */
	bool waits_for_input;    /* the last write does, not for room */
	size_t refused;          /* bytes of a write that a foreign SSL has
				  * begun and wants again */
	bool owed;               /* a byte is sealed that was not accepted */
	uint8_t owed_byte;
	enum ktls__shut shut;
	_Atomic uint64_t control_bytes; /* of alerts that the kernel took */
	uint64_t tcp_base;       /* TCP's bytes at the TX install */

	struct ssl_st *ssl;      /* NULL: no longer needed */
	bool foreign;            /* the SSL keeps its own BIOs */
	void *bio;
	void *closing_bio;
	pthread_mutex_t lock;
	struct ktls__link link;

	bool device_known;
	enum ktls_device tx_device;
	enum ktls_device rx_device;
};

/* Is this the end of a direction, or only of a call? */
bool ktls__is_final(int err);

/* Remember a final error of I/O in `side`; one that ends the TCP connection
 * ends the other direction too.  Returns err. */
int ktls__latch(struct ktls *k, struct ktls__side *side, int err);

/* The connection as a whole is over: both directions. */
int ktls__latch_both(struct ktls *k, int err);

/* Does an error of sendfile() or pread() speak of the file alone? */
bool ktls__is_file_error(int err);

/* 0: writing is allowed; else what a write has to return. */
int ktls__may_write(const struct ktls *k);

#endif
