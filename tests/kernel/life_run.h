/* SPDX-License-Identifier: MIT */
/* A script of life.h on its way. */
#ifndef KTLS_TEST_LIFE_RUN_H
#define KTLS_TEST_LIFE_RUN_H

#include "life.h"
#include "life_peer.h"
#include "rig.h"

#define LIFE_EVENTS 256

struct life_event {
	enum ktls_event_type type;
	int dir;
	int value;
	uint8_t data[64];
	size_t len;
};

struct life_way_in {
	const char *name;         /* of the path */
	enum ktls_choice tx;
	enum ktls_choice rx;
};

/* One run of a case. */
struct life_run {
	const struct life_case *c;
	const struct life_way_in *path;
	unsigned env;             /* where: bits of life.h */
	unsigned turn;            /* counts the suites round */
};

struct life {
	const struct life_run *run;
	const struct life_step *step;
	unsigned env;
	struct rig rig;
	struct life_peer peer;
	struct life_event events[LIFE_EVENTS];
	size_t event_count;
	size_t event_next;
	size_t sent;              /* of the pattern: by the peer */
	size_t read;              /* ... and come to us */
	size_t written;           /* taken from us */
	size_t got;               /* ... and come to the peer */
	int shut;                 /* our close_notify is sent */
	int given;                /* the SSL, with KTLS_TAKE_SSL */
	size_t tickets;           /* that the peer's SSL has made */
	unsigned round;           /* of run->c->rounds */
	const struct life_step *tampered;
	int due;                  /* its error, 0: none ... */
	int due_alert;            /* ... and its alert */
};

/* life_run.c */
/* What a row needs of the place where it runs: 1, and *env; 0: not there. */
int life_fits(const struct life_case *c, const struct life_way_in *path,
	      unsigned place, unsigned *env);
void life_go(const struct life_run *run);
void life_name(char *out, size_t room, const struct life_run *run);
_Noreturn void life_fail(const struct life *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
struct ktls_conn_info life_info(struct life *l);

/* life_stack.c */
/* 1: there is such a step. */
int life_uses(const struct life_case *c, enum life_op op);
/* What the case asks of the TLS library, and that lacks: 1, and said so.
 * `suite_1_3`: the only one of TLS 1.3 that it is for, or NULL. */
int life_lacks(const struct life_case *c, unsigned place,
	       const char *suite_1_3);
/* The step, with what BoringSSL answers. */
void life_as_boringssl(const struct life *l, struct life_step *s);

typedef void life_do(struct life *l, const struct life_step *s);

/* life_theirs.c */
life_do life_send, life_update, life_rekey, life_raw, life_hold, life_release,
	life_fin, life_reset, life_gets, life_gets_message, life_gets_alert,
	life_gets_stream;
/* Is it the alert that was due, or the SSL's own idea of it? */
int life_is_alert(const struct life *l, int alert, int due);

/* life_ours.c */
life_do life_read, life_ends, life_fails, life_dead, life_sees, life_peeks,
	life_write, life_alert, life_shutdown, life_update_keys,
	life_post_handshake, life_count, life_number, life_an_event;
/* Waits for what -EAGAIN asks for. */
void life_wait(struct life *l);
/* A result that was foreseen. */
void life_result(struct life *l, const char *call, ssize_t is, ssize_t due);

/* life_much.c */
life_do life_writes, life_writev, life_sendfile;

/* life_lengths.c, life_tamper.c */
life_do life_lengths_in, life_lengths_out, life_tampers, life_refuses;

/* life_ssl.c */
life_do life_true_ticket, life_new_ticket, life_ask_cert, life_resumes;
void life_ssl_start(struct life *l);
void life_ssl_end(struct life *l);

#endif
