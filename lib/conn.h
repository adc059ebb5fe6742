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
#include "no_pad.h"
#include "sealer.h"

/* One direction. */
struct ktls__side {
	uint8_t path;            /* enum ktls_path */
	uint8_t reason;          /* enum ktls_reason */
	uint8_t reason_errno;
	uint8_t secret_len;      /* 0: keys cannot change */
	_Atomic int err;         /* final error, latched */
	_Atomic uint64_t bytes;  /* application data since the hand-off */
	_Atomic uint64_t seq0;   /* where the present key began */
	_Atomic uint64_t before; /* records under earlier keys */
	/* TLS 1.3: of the present keys; TX's under the lock */
	uint8_t secret[KTLS__SECRET_MAX];
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
enum ktls__limit {
	KTLS__LIMIT_FAR,
	KTLS__LIMIT_CHANGED, /* reached, and the key is changed */
	KTLS__LIMIT_EXCEEDED,
	KTLS__LIMIT_REFUSED
};

struct ktls__news {
	uint8_t limit;           /* enum ktls__limit */
	bool asked;              /* and the peer was asked for its own */
	int16_t alert;           /* one that was put off is sent; -1: none */
	unsigned updated;        /* our keys are new, so many times */
};

/* The key of TX: how much it has sealed, and what is due.  Under the lock,
 * but for `todo`, which is only a hint without it. */
struct ktls__turn {
	_Atomic unsigned todo;
	int failed;              /* final, to be latched outside the lock */
	_Atomic uint64_t sealed; /* records; kernel: an estimate */
	uint64_t look;           /* where the estimate is checked next */
	size_t room;             /* bytes that may be sent before a change */
	uint16_t payload;        /* of a full record; kernel */
	uint8_t alert;           /* that did not go out */
	_Atomic bool sending;    /* the writing thread is in a call that may
				  * wait; kernel.  Nobody else sends then */
	bool updating;           /* ktls_update_keys() is not done */
	bool asking;             /* and asks the peer for its own */
	bool told;               /* that the limit is reached */
	bool rekeys;             /* the kernel can change keys */
	struct ktls__news news;
};

/* A control message that may come in pieces, and how many came in a row. */
struct ktls__control {
	uint8_t *msg;            /* the whole message, when somebody wants it */
	uint32_t msg_len;
	uint32_t left;           /* of its body, still to come */
	uint8_t head[4];         /* of a handshake message */
	uint8_t head_len;
	uint8_t alert_len;
	uint8_t alert[2];
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

/* What waits for room: data, that the caller comes back with; or the last of
 * other calls. */
enum ktls__waits {
	KTLS__WRITE_WAITS = 1,
	KTLS__CALL_WAITS = 2
};

/* What KTLS_MORE has left behind. */
enum ktls__held {
	KTLS__RECORD_OPEN = 1,
	KTLS__CORKED = 2
};

/* struct ktls_opts, as far as it lasts. */
struct ktls__limits {
	uint64_t key_records;    /* 0: none */
	uint32_t key_update_run;
	uint32_t ticket_run;
	uint32_t warning_run;
	uint32_t empty_run;
};

/* The userspace path: records that are sealed and opened here. */
struct ktls__engine {
	struct ktls__sealer sealer;
	struct ktls__inbox inbox;
	_Atomic uint64_t rx_seq; /* of the next record */
};

/* What goes with an SSL as long as it is needed. */
struct ktls__kept {
	void *bio;               /* over the link */
	void *closing_bio;       /* closes the descriptor in the end, or NULL */
	struct ktls__stale stale;
	struct ktls__said said;  /* handshake messages on their way out */
	size_t said_off;
	uint64_t updates_told;   /* of those that it has sent */
	_Atomic uint8_t cut;     /* enum ktls__cut: a write that was begun
				  * before the hand-off has to be repeated */
	size_t refused;          /* bytes of a write that a foreign SSL has
				  * begun and wants again */
};

/* Bytes of a pipe that were not accepted yet. */
struct ktls__piped {
	size_t len;
	size_t off;
	uint8_t data[];
};

/* There may be ten thousand idle ones: what only some need is apart. */
struct ktls {
	int fd;
	unsigned flags;          /* of struct ktls_opts */
	struct ktls__handshake hs;
	struct ktls__limits limits;
	void (*event)(struct ktls *k, const struct ktls_event *ev, void *arg);
	void *event_arg;

	struct ktls__side tx;
	struct ktls__side rx;
	struct ktls__turn turn;
	struct ktls__control control;
	struct ktls__leftover leftover;
	/* TCP's bytes at the TX install, and since then those of alerts and
	 * handshake messages that the kernel took */
	_Atomic uint64_t tcp_base;
	size_t lingered;             /* bytes discarded */

	struct ktls__piped *piped;   /* NULL: none */
	struct ssl_st *ssl;          /* NULL: no longer needed */
	struct ktls__kept *kept;     /* NULL: neither is this */
	struct ktls__link *link;     /* where an SSL or the sealer writes */
	struct ktls__engine *engine; /* NULL: no direction in userspace */
	pthread_mutex_t lock;

	_Atomic int rx_taken;    /* an error that was fetched off the socket
				  * before its data were read */
	_Atomic int16_t alert_received;
	_Atomic int16_t alert_sent;
	_Atomic uint32_t alerts_received;
	_Atomic uint32_t alerts_sent;
	_Atomic uint32_t tickets;
	_Atomic uint32_t tickets_fed;
	_Atomic uint32_t key_updates_received;
	_Atomic uint32_t key_updates_sent;
	_Atomic uint32_t limits_hit;
	_Atomic uint32_t asked;  /* KeyUpdates that may come beyond a
				  * run's limit: ours asked for them */
	struct ktls__no_pad no_pad;
	uint32_t linger_until;   /* CLOCK_MONOTONIC, milliseconds, cut */

	_Atomic bool eof;        /* the peer's close_notify was read */
	_Atomic bool left;       /* there is something left over */
	_Atomic uint8_t want_out; /* enum ktls__waits */
	_Atomic bool queued;     /* the link's queue does */
	_Atomic bool notified;   /* close_notify is sealed */
	_Atomic bool ended;      /* that, or a fatal alert: nothing of ours may
				  * follow; set under the lock, or while no
				  * other thread may send */
	_Atomic uint8_t shut;    /* enum ktls__shut */
	bool foreign;            /* the SSL keeps its own BIOs */
	bool waits_for_input;    /* the last write does, not for room */
	bool owed;               /* a byte is sealed that was not accepted */
	uint8_t owed_byte;
	bool owed_of_file;
	uint8_t batch;           /* records that are sealed at once */
	bool more;               /* KTLS_MORE of the present call */
	_Atomic uint8_t held;    /* kernel: enum ktls__held, of output */
	bool roomy;              /* kernel: there is room for many records */
	bool lingers;
	bool half_closed;        /* the socket is shut down for writing */
	bool deaf;               /* nothing more can be received */
	bool stalled;            /* half a record is there, and POLLIN */
	bool device_known;
	_Atomic bool untold;     /* RX has ended, and no read said so yet */
	uint8_t tx_device;       /* enum ktls_device */
	uint8_t rx_device;
};

/* Some lines for each struct of malloc()'s own. */
_Static_assert(sizeof(struct ktls) <= 504, "512 bytes in the kernel");
_Static_assert(sizeof(struct ktls) + sizeof(struct ktls__engine) +
			       sizeof(struct ktls__link) <= 1000 - 24,
	       "1 KiB in userspace");

/* Is this the end of a direction, or only of a call? */
bool ktls__is_final(int err);

/* Remember a final error of I/O in `side`; one that ends the TCP connection
 * ends the other direction too.  Returns err. */
int ktls__latch(struct ktls *k, struct ktls__side *side, int err);

/* The connection as a whole is over: both directions. */
int ktls__latch_both(struct ktls *k, int err);

/* Does an error of sendfile() or pread() speak of the file alone? */
bool ktls__is_file_error(int err);

/* Is nothing to be written through the SSL before the application has
 * repeated a write?  may_be_cut(): or that is not known yet. */
bool ktls__is_cut(const struct ktls *k);
bool ktls__may_be_cut(const struct ktls *k);

/* What writes anything else asks first: 0; -KTLS_EPENDING; a final error.
 * _locked(): under the lock, and the caller latches. */
int ktls__refuse_cut(struct ktls *k);
int ktls__refuse_cut_locked(struct ktls *k);

/* It waits, or no longer. */
void ktls__wants(struct ktls *k, enum ktls__waits who, bool waits);

/* 0: writing is allowed; else what a write has to return. */
int ktls__may_write(const struct ktls *k);

/* Tell the application.  Not under the lock. */
void ktls__tell(struct ktls *k, enum ktls_event_type type, int dir, int value);
void ktls__tell_event(struct ktls *k, const struct ktls_event *ev);

#endif
