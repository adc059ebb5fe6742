/* SPDX-License-Identifier: MIT */
/*
 * Faults at every system call: a script is one connection from its hand-off
 * to its close, played again and again, each time with another call refused,
 * interrupted or cut short.
 *
 * One thread plays both ends.  Our socket never blocks in truth; where a
 * script wants it to, the table waits by letting the peer work, so that what
 * would wait for ever is seen at once, and no clock is needed.
 */
#ifndef FAULT_H
#define FAULT_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ktls/ktls.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_AGAIN, /* -EAGAIN, once */
	FAULT_FULL,  /* -EAGAIN, until somebody polls for it */
	FAULT_INTR,
	FAULT_HALF,  /* a short count: half of it */
	FAULT_BYTE,  /* a short count: one byte */
	FAULT_NOMEM,
	FAULT_RESET, /* -ECONNRESET, and dead from there on */
	FAULT_KINDS
};

/* The calls that can fail here. */
enum fault_call {
	CALL_SEND,
	CALL_RECV,
	CALL_SENDFILE,
	CALL_PREAD,
	CALL_KEYS,   /* setsockopt(TLS_TX or TLS_RX) */
	CALL_POLL,   /* one that waits */
	CALL_SPLICE_IN,
	CALL_SPLICE_OUT,
	CALL_PIPE    /* read() or write() of the pipe */
};

struct fault_seen {
	enum fault_call call;
	int waits;   /* it may not say -EAGAIN */
	int whole;   /* it has no short count */
};

/* One fault, or two in a row. */
struct fault_plan {
	long at;     /* counted from the hand-off; -1: never */
	enum fault_kind kind[2];
};

enum fault_step_kind {
	STEP_END,
	STEP_WRITE,       /* n bytes */
	STEP_FILE,        /* n bytes by ktls_sendfile() */
	STEP_PIPE_OUT,    /* n bytes by ktls_splice_write() */
	STEP_READ,        /* n bytes, which the peer writes first */
	STEP_PIPE_IN,     /* the same by ktls_splice_read() */
	STEP_UPDATE,      /* ktls_update_keys(n) */
	STEP_PEER_UPDATE, /* the peer's; n: it asks for ours */
	STEP_TICKET,      /* the peer issues n tickets */
	STEP_POST,        /* we issue one */
	STEP_ASKED,       /* the peer asks for a certificate */
	STEP_ALERT,       /* ktls_alert(n) */
	STEP_UNREAD,      /* the peer writes n bytes; nobody reads them */
	STEP_LIMIT,       /* ktls_write() up to -KTLS_EKEYLIMIT */
	STEP_SHUTDOWN,
	STEP_PEER_CLOSE,  /* the peer's close_notify, and our 0 */
	STEP_FORGED,      /* a record that is not authentic ends it all */
	STEP_LINGER
};

struct fault_step {
	enum fault_step_kind kind;
	size_t n;
};

enum { ROLE_CLIENT = 1, ROLE_SERVER = 2, ROLE_BOTH = 3 };
enum { VERSION_12 = 1, VERSION_13 = 2, VERSION_BOTH = 3 };

/* Whom a script is for, and what happens in it. */
struct fault_script {
	const char *name;
	int roles;
	int versions;
	int rekeys;          /* it needs a TX that can change its keys */
	int cannot_rekey;    /* ... that cannot */
	unsigned flags;      /* of struct ktls_opts */
	uint64_t key_records;
	struct fault_step steps[16];
};

/* Who encrypts. */
struct fault_path {
	const char *name;
	enum ktls_choice tx;
	enum ktls_choice rx;
	int rekey;           /* the fake kernel's */
	int follows;         /* RX can follow a KeyUpdate */
	int rekeys;          /* TX can change its keys */
};

struct fault_case {
	const struct fault_script *script;
	const struct fault_path *path;
	int server;
	int version;
	int blocking;
};

/* The other end: an SSL on memory BIOs, and its socket. */
struct fault_peer {
	SSL *ssl;
	BIO *in;
	BIO *out;
	int fd;
	uint8_t held[8];     /* the end of a record, which comes later */
	size_t held_len;
	uint64_t taken;      /* bytes off its socket, FIN counts as one */
	uint64_t given;
	int eof;             /* our FIN has come */
	int fin;             /* and its own was sent */
	int closed;          /* our close_notify was read */
	int answers;         /* it closes when we do */
	int alert;           /* the last one that it has read; -1: none */
	int broken;          /* it could not open what we sent */
	uint64_t got;        /* of our stream */
	uint64_t sent;       /* of its own */
	uint64_t key_updates_got;
	uint64_t key_updates_sent;
	uint64_t tickets_sent;
	uint64_t tickets_got;
	uint64_t auths_sent;  /* requests for a certificate, and the Finished */
	uint64_t auths_got;   /* that ends each answer */
	uint8_t head[13];    /* of the record that comes in */
	size_t have;
	size_t skip;
	int sealed;          /* TLS 1.2: behind ChangeCipherSpec */
	int counting;
	uint64_t nonce;
};

#define FAULT_LOG 4096

struct fault_run {
	const struct fault_case *c;
	struct fault_plan plan;
	int fd;
	int file;
	int pipe[2];
	SSL *ssl;
	struct ktls *k;
	struct fault_peer peer;

	long calls;          /* of those that can fail, since the hand-off */
	long polls;          /* of ours, and waits */
	struct fault_seen seen[FAULT_LOG];
	int handed;          /* the hand-off has begun: faults may come */
	int given;           /* the SSL, with KTLS_TAKE_SSL */
	int hit;             /* a fault has come */
	int dead;            /* the connection was reset */
	int no_room;         /* FAULT_FULL */
	int no_input;
	uint64_t tcp_base;   /* our socket's counts before the first byte */
	uint64_t tcp_in_base;

	const struct fault_step *step;
	uint64_t sent;       /* bytes taken from us */
	uint64_t read;
	uint64_t tickets;    /* that came to our new-session callback */
	int final;           /* what has ended the connection, or 0 */
	int expected;        /* what has to */
	int ended;           /* ktls_read() gave 0 */
	int shut;            /* ktls_shutdown() did */
	int fatal;           /* a fatal alert that we have sent */
	int lingers;
	uint64_t posted;     /* tickets of ours */
	int failed;
	enum fault_step_kind at;  /* the step that did */
	char why[240];
};

/* The one that is being played. */
extern struct fault_run fault_run;

/* Keeps the first reason.  Returns -1. */
int fault_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* fault_script.c */
extern const struct fault_script fault_scripts[];
extern const struct fault_path fault_paths[];
extern const size_t fault_script_count;
extern const size_t fault_path_count;
/* Is there such a case? */
int fault_fits(const struct fault_case *c);
const char *fault_step_name(enum fault_step_kind kind);

/* fault_table.c: the table of calls over the fake kernel's. */
void fault_table_start(void);
const char *fault_kind_name(enum fault_kind kind);
const char *fault_call_name(enum fault_call call);
int fault_applies(enum fault_kind kind, const struct fault_seen *seen);
/* Which fault this call gets, in the order of its coming. */
enum fault_kind fault_next(enum fault_call call, int waits, int whole);
/* The answer of a call that fails before it has done anything; 0: none. */
int fault_refusal(enum fault_call call, enum fault_kind kind);
size_t fault_shorter(enum fault_kind kind, size_t len);
/* Are there keys in our socket? */
int fault_keys_on(int dir);

/* fault_pipe.c: its part of the table. */
struct ktls__sys;
void fault_pipe_start(struct ktls__sys *table, const struct ktls__sys *below);
void fault_clock_add(int ms);

/* fault_wait.c */
/* The peer works until something has moved: 0; -1: nothing ever will. */
int fault_wait(void);
/* What an application does after -EAGAIN.  0; -1: it would never wake. */
int fault_poll(void);
/* The table's poll(). */
struct pollfd;
int fault_below_poll(struct pollfd *p);
int fault_sys_poll(struct pollfd *fds, unsigned long n, int timeout_ms);

/* fault_ledger.c: no nonce twice, no sealed byte changed. */
void fault_ledger_start(void);
/* What is offered to a socket without TX keys, and what it took. */
struct msghdr;
void fault_offered(const struct msghdr *msg);
void fault_accepted(ssize_t n);

/* fault_peer.c; 0 or -1 where an int is returned. */
int fault_contexts_open(const struct fault_case *c);
void fault_contexts_close(void);
int fault_connect(void);
void fault_disconnect(void);
/* Everything that it can do now; 1: something moved, 0: nothing did. */
int fault_peer_work(void);
int fault_peer_write(size_t n);
int fault_peer_update(int ask);
int fault_peer_ask(void);
int fault_peer_tickets(size_t n);
int fault_peer_close(void);
int fault_peer_forge(void);
/* Bytes of ours that have left and not come yet. */
uint64_t fault_in_flight(void);
/* What the other end has written has come to us. */
void fault_arrived(void);

/* fault_play.c: one script, once. */
void fault_play(const struct fault_case *c, const struct fault_plan *plan);

/* fault_step.c: 0: go on; -1: the script ends here. */
int fault_step(const struct fault_step *step);

#define FAULT_OUR_STREAM 1
#define FAULT_PEER_STREAM 2
#define FAULT_FILE_LEN (1 << 20)

#endif
