/* SPDX-License-Identifier: MIT */
/*
 * One connection after its hand-off, and what its parts share.  Written by
 * the reading thread: rx, inbox, control, leftover; by the writing thread:
 * tx, owed, shut.  Errors are latched from either side, hence atomic.  The
 * SSL, its link, the sealer and the keys of TX are used under `lock`, which
 * may wait for a file that is sealed, and for nothing else.
 */
#ifndef KTLS_CONN_H
#define KTLS_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "backend_feed.h"
#include "handshake.h"
#include "inbox.h"
#include "ktls/ktls.h"
#include "link.h"
#include "sealer.h"

struct ktls__side {
	enum ktls_path path;
	enum ktls_reason reason;
	int reason_errno;
	_Atomic int err;         /* final error, latched */
	_Atomic int taken;       /* an error that was fetched off the socket
				  * before its data were read */
	_Atomic uint64_t bytes;  /* application data since the hand-off */
	_Atomic uint64_t seq0;   /* where the present key began */
	_Atomic uint64_t before; /* records under earlier keys */
	_Atomic uint64_t seq;    /* RX in userspace: of the next record */
	/* TLS 1.3: of the present keys; TX's under the lock */
	uint8_t secret[KTLS__SECRET_MAX];
	size_t secret_len;       /* 0: keys cannot change */
};

/* What the next output has to do before it may send data. */
enum ktls__todo {
	KTLS__SEND_HANDSHAKE = 1, /* `said` is not all sent */
	KTLS__SEND_UPDATE = 2,    /* a KeyUpdate of ours is due */
	KTLS__ASK_UPDATE = 4,     /* and asks the peer for one */
	KTLS__INSTALL = 8,        /* it is sent, the key is not installed */
	KTLS__SEND_ALERT = 16     /* turn.alert is not sent */
};

/* What was done under the lock, and has to be told outside. */
struct ktls__news {
	enum ktls__limit {
		KTLS__LIMIT_FAR,
		KTLS__LIMIT_CHANGED, /* reached, and the key is changed */
		KTLS__LIMIT_EXCEEDED,
		KTLS__LIMIT_REFUSED
	} limit;
	unsigned updated;        /* our keys are new, so many times */
	bool asked;              /* and the peer was asked for its own */
	int alert;               /* one that was put off is sent; -1: none */
};

/* The key of TX: how much it has sealed, and what is due.  Under the lock,
 * but for `todo`, which is only a hint without it. */
struct ktls__turn {
	_Atomic unsigned todo;
	uint64_t limit;          /* records; 0: none */
	_Atomic uint64_t sealed; /* kernel: an estimate */
	uint64_t look;           /* where the estimate is checked next */
	size_t room;             /* bytes that may be sent before a change */
	size_t payload;          /* of a full record; kernel */
	_Atomic bool sending;    /* the writing thread is in a call that may
				  * wait; kernel.  Nobody else sends then */
	bool updating;           /* ktls_update_keys() is not done */
	bool asking;             /* and asks the peer for its own */
	uint8_t alert;           /* that did not go out */
	int failed;              /* final, to be latched outside the lock */
	bool told;               /* that the limit is reached */
	uint64_t updates_told;   /* of those that the SSL has sent */
	bool rekeys;             /* the kernel can change keys */
	struct ktls__news news;
};

/* A control message that may come in pieces, and how many came in a row. */
struct ktls__control {
	uint8_t alert[2];
	size_t alert_len;
	uint8_t head[4];         /* of a handshake message */
	size_t head_len;
	size_t left;             /* of its body, still to come */
	uint8_t *msg;            /* the whole message, when somebody wants it */
	size_t msg_len;
	uint8_t update;          /* the body of a KeyUpdate */
	bool install;            /* RX's next key is due */
	_Atomic uint8_t fault;   /* alert for the error that was found */
	_Atomic bool told;       /* the peer has got one already */
	uint32_t records;        /* of any kind but data, in a row */
	uint32_t key_updates;    /* and of them */
	uint32_t tickets;
	uint32_t warnings;
	uint32_t empties;
};

enum ktls__shut {
	KTLS__OPEN,
	KTLS__NOTIFIED,          /* close_notify is in the queue */
	KTLS__SHUT               /* and all has left it */
};

/* struct ktls_opts, as far as it lasts. */
struct ktls__limits {
	unsigned flags;
	uint64_t key_records;
	uint32_t key_update_run;
	uint32_t ticket_run;
	uint32_t warning_run;
	uint32_t empty_run;
};

struct ktls {
	int fd;
	struct ktls__handshake hs;
	struct ktls__limits limits;
	void (*event)(struct ktls *k, const struct ktls_event *ev, void *arg);
	void *event_arg;

	struct ktls__side tx;
	struct ktls__side rx;
	_Atomic bool eof;        /* the peer's close_notify was read */
	struct ktls__leftover leftover;
	_Atomic size_t left;     /* bytes in it */
	struct ktls__inbox inbox;
	struct ktls__control control;

	_Atomic int alert_received;
	_Atomic int alert_sent;
	_Atomic uint64_t alerts_received;
	_Atomic uint64_t alerts_sent;
	_Atomic uint64_t tickets;
	_Atomic uint64_t tickets_fed;
	_Atomic uint64_t key_updates_received;
	_Atomic uint64_t key_updates_sent;
	_Atomic uint64_t limits_hit;
	_Atomic uint32_t asked;  /* KeyUpdates that may come beyond a
				  * run's limit: ours asked for them */

	_Atomic bool want_out;   /* the last output waits for room */
	_Atomic bool queued;     /* the link's queue does */
	bool waits_for_input;    /* the last write does, not for room */
	_Atomic bool notified;   /* close_notify is sealed */
	_Atomic bool ended;      /* that, or a fatal alert: nothing of ours may
				  * follow; set under the lock, or while no
				  * other thread may send */
	size_t refused;          /* bytes of a write that a foreign SSL has
				  * begun and wants again */
	bool owed;               /* a byte is sealed that was not accepted */
	uint8_t owed_byte;
	uint8_t *piped;          /* out of a pipe, not accepted yet, or NULL */
	size_t piped_len;
	size_t piped_off;
	_Atomic enum ktls__shut shut;
	_Atomic uint64_t control_bytes; /* of alerts and handshake messages
					 * that the kernel took */
	uint64_t tcp_base;       /* TCP's bytes at the TX install */

	struct ktls__turn turn;
	struct ktls__sealer sealer;
	struct ktls__said said;  /* handshake messages on their way out */
	size_t said_off;

	bool lingers;
	bool half_closed;        /* the socket is shut down for writing */
	int64_t linger_until;    /* CLOCK_MONOTONIC, milliseconds */
	size_t lingered;         /* bytes discarded */
	bool deaf;               /* nothing more can be received */
	bool stalled;            /* half a record is there, and POLLIN */

	struct ssl_st *ssl;      /* NULL: no longer needed */
	bool foreign;            /* the SSL keeps its own BIOs */
	struct ktls__stale stale;
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

/* Tell the application.  Not under the lock. */
void ktls__tell(struct ktls *k, enum ktls_event_type type, int dir, int value);
void ktls__tell_event(struct ktls *k, const struct ktls_event *ev);

#endif
