/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection after its hand-off, as scripts: one end is ours,
 * on a path, the other a peer that seals its own records.  A case is a table
 * of steps; what may rightly differ between paths stands in the steps' own
 * conditions.
 */
#ifndef KTLS_TEST_LIFE_H
#define KTLS_TEST_LIFE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "ktls/ktls.h"

/* Milliseconds that only a hang takes. */
#define LIFE_LIMIT 20000

/* Where a case runs, and a step: bits of struct life_case, `when` and
 * `unless`. */
enum {
	LIFE_CLIENT = 1 << 0,
	LIFE_SERVER = 1 << 1,
	LIFE_TLS_1_2 = 1 << 2,
	LIFE_TLS_1_3 = 1 << 3,
	LIFE_TX_KERNEL = 1 << 4,
	LIFE_RX_KERNEL = 1 << 5,
	LIFE_TX_USERSPACE = 1 << 6,
	LIFE_RX_USERSPACE = 1 << 7,
	LIFE_TX_LIBRARY = 1 << 8,
	LIFE_RX_LIBRARY = 1 << 9,
	LIFE_TX_FIXED = 1 << 10, /* in a kernel that cannot change keys */
	LIFE_RX_FIXED = 1 << 11,
	LIFE_PAUSES = 1 << 12,   /* RX is in a kernel that can */
	LIFE_FED = 1 << 13,      /* RX has left the SSL, which is there */
	LIFE_RX_BORING = 1 << 14 /* RX is on an SSL of BoringSSL's */
};
#define LIFE_BOTH (LIFE_CLIENT | LIFE_SERVER)
#define LIFE_TLS (LIFE_TLS_1_2 | LIFE_TLS_1_3)

/* As cases have it. */
#define CLIENT_1_2 (LIFE_CLIENT | LIFE_TLS_1_2)
#define SERVER_1_2 (LIFE_SERVER | LIFE_TLS_1_2)
#define CLIENT_1_3 (LIFE_CLIENT | LIFE_TLS_1_3)
#define SERVER_1_3 (LIFE_SERVER | LIFE_TLS_1_3)
#define BOTH_1_2 (LIFE_BOTH | LIFE_TLS_1_2)
#define BOTH_1_3 (LIFE_BOTH | LIFE_TLS_1_3)
#define ALL (LIFE_BOTH | LIFE_TLS)

enum life_op {
	LIFE_DONE,
	/* the peer */
	LIFE_SEND,           /* a record */
	LIFE_UPDATE,         /* a KeyUpdate, and the next key */
	LIFE_REKEY,          /* the next key alone */
	LIFE_RAW,            /* bytes that are no record */
	LIFE_HOLD,           /* what is sent from here on ... */
	LIFE_RELEASE,        /* ... goes out in one piece */
	LIFE_FIN,
	LIFE_RESET,
	LIFE_TICKET,         /* a ticket that its SSL will know again */
	LIFE_GETS,           /* the next message of ours, or data */
	LIFE_GETS_MESSAGE,   /* a handshake message, by its type */
	LIFE_GETS_ALERT,
	LIFE_GETS_STREAM,    /* the pattern, under short-lived keys */
	LIFE_LENGTHS_IN,     /* a record of each length, and ours reads it */
	LIFE_TAMPER,         /* one that was changed on its way, each round
			      * in another place */
	/* ours */
	LIFE_READ,
	LIFE_ENDS,           /* a read of close_notify */
	LIFE_FAILS,          /* a read of a final error */
	LIFE_REFUSES,        /* the error and alert due after TAMPER */
	LIFE_DEAD,           /* each call gives the error of FAILS */
	LIFE_SEES,           /* reads until a count is reached */
	LIFE_PEEKS,          /* at the socket layer */
	LIFE_WRITE,
	LIFE_WRITES,         /* the pattern, by small writes */
	LIFE_WRITEV,         /* the pattern, by one call */
	LIFE_SENDFILE,       /* the pattern, by one call */
	LIFE_LENGTHS_OUT,    /* a call for each length, and the peer opens */
	LIFE_ALERT,
	LIFE_SHUTDOWN,
	LIFE_UPDATE_KEYS,
	LIFE_POST_HANDSHAKE,
	LIFE_NEW_TICKET,     /* SSL_new_session_ticket() */
	LIFE_ASK_CERT,       /* SSL_verify_client_post_handshake() */
	LIFE_COUNT,          /* of struct ktls_conn_info */
	LIFE_NUMBER,         /* an int of it */
	LIFE_EVENT,          /* the next event */
	LIFE_RESUMES,        /* the callback's session, in a new handshake */
	LIFE_STOP
};

enum life_fault {
	LIFE_GOOD,
	LIFE_BAD_TAG,
	LIFE_BAD_VERSION,
	LIFE_ALL_ZERO,       /* TLS 1.3: no inner type */
	LIFE_OUTER_TYPE      /* TLS 1.3: 22 in place of 23 */
};

enum life_aead {
	LIFE_ANY_AEAD,
	LIFE_AES_128,
	LIFE_AES_256,
	LIFE_CHACHA20
};

/* How LENGTHS_IN pads (TLS 1.3), or LENGTHS_OUT sends. */
enum life_way_of {
	LIFE_PLAINLY,
	LIFE_PAD_SOME,       /* 0 to 255 bytes */
	LIFE_PAD_ALL,        /* as much as a record holds */
	LIFE_FROM_FILE       /* by ktls_sendfile() */
};

enum life_change {
	LIFE_FLIP,           /* a bit: each of the header, then one a byte */
	LIFE_CUT             /* bytes are missing at the end */
};

struct life_step {
	enum life_op op;
	unsigned when;       /* all of these bits, or the step is left out */
	unsigned unless;     /* one of them, and it is left out */
	uint8_t type;        /* of a record */
	const char *bytes;   /* sent or expected; NULL: the pattern */
	size_t from;
	size_t len;
	size_t piece;        /* records or buffers of that size */
	size_t pad;
	unsigned times;      /* more times */
	enum life_fault fault;
	unsigned key;        /* generation, counted from 1; 0: any */
	int result;
	int value;
	int dir;
	size_t field;
	int fatal;           /* GETS_ALERT: whatever the number */
};

struct life_case {
	const char *name;
	unsigned on;         /* roles and versions */
	unsigned only;       /* paths: all of these bits */
	unsigned flags;      /* of struct ktls_opts */
	uint64_t key_records;
	uint32_t key_update_run;
	uint32_t ticket_run;
	uint32_t warning_run;
	uint32_t empty_run;
	int blocking;        /* our descriptor */
	int late_auth;       /* the client offers post-handshake auth */
	unsigned before;     /* records that our SSL writes, before */
	unsigned rounds;     /* so many connections, 0: one */
	enum life_aead aead; /* 0: they go round */
	/* LIFE_RX_BORING: the error of FAILS and DEAD, and our alert, a
	 * server's of TLS 1.2; where it is not 0 */
	int boring_err;
	int boring_alert;
	int boring_server;
	const struct life_step *steps;
};

#define LIFE_SCRIPT(...) \
	.steps = (const struct life_step[]){ __VA_ARGS__, { .op = LIFE_DONE } }

/* What an SSL of BoringSSL's makes of the same. */
#define BORING(err, number) .boring_err = (err), .boring_alert = (number)
/* In TLS 1.2 a handshake message is as good as renegotiation to its server,
 * and fatal. */
#define BORING_1_2(number) .boring_alert = (number), .boring_server = 100

/* The words of the scripts. */
#define WHEN(bits) .when = (bits)
#define UNLESS(bits) .unless = (bits)
#define TEXT(text) .bytes = (text), .len = sizeof(text) - 1

#define SEND(text) .op = LIFE_SEND, .type = KTLS_RECORD_DATA, TEXT(text)
#define SEND_AS(record, text) .op = LIFE_SEND, .type = (record), TEXT(text)
#define SEND_HS(text) SEND_AS(KTLS_RECORD_HANDSHAKE, text)
#define SEND_ALERT(text) SEND_AS(KTLS_RECORD_ALERT, text)
#define SEND_MUCH(n) .op = LIFE_SEND, .type = KTLS_RECORD_DATA, .len = (n)
#define IN_PIECES(n) .piece = (n)
#define FROM(n) .from = (n)
#define PADDED(n) .pad = (n)
#define TIMES(n) .times = (n) - 1
#define UPDATE(request) .op = LIFE_UPDATE, .value = (request)
#define REKEY .op = LIFE_REKEY
#define BROKEN(how) .fault = LIFE_##how
/* From `first` to `last`, in steps of `by`. */
#define LENGTHS(first, last, by) \
	.from = (first), .len = (last), .piece = (by)
#define LENGTHS_IN(first, last, by) \
	.op = LIFE_LENGTHS_IN, LENGTHS(first, last, by)
#define LENGTHS_OUT(first, last, by) \
	.op = LIFE_LENGTHS_OUT, LENGTHS(first, last, by)
#define IN_A_WAY(how) .value = LIFE_##how
#define TAMPER(how, text) .op = LIFE_TAMPER, .value = LIFE_##how, TEXT(text)
#define REFUSES .op = LIFE_REFUSES
#define RAW(text) .op = LIFE_RAW, TEXT(text)
#define HOLD .op = LIFE_HOLD
#define RELEASE .op = LIFE_RELEASE
#define FIN .op = LIFE_FIN
#define RESET .op = LIFE_RESET
#define TRUE_TICKET .op = LIFE_TICKET

#define GETS(text) .op = LIFE_GETS, .type = KTLS_RECORD_DATA, TEXT(text)
#define GETS_HS(text) \
	.op = LIFE_GETS, .type = KTLS_RECORD_HANDSHAKE, TEXT(text)
#define GETS_MESSAGE(msg) .op = LIFE_GETS_MESSAGE, .value = (msg)
#define GETS_ALERT(number) .op = LIFE_GETS_ALERT, .value = (number)
#define GETS_STREAM(n, most) \
	.op = LIFE_GETS_STREAM, .len = (n), .value = (most)
#define KEY(generation) .key = (generation) + 1

#define READ(text) .op = LIFE_READ, TEXT(text)
#define READ_MUCH(n) .op = LIFE_READ, .len = (n)
#define BUFFER(n) .piece = (n)
#define ENDS .op = LIFE_ENDS
#define FAILS(err) .op = LIFE_FAILS, .result = (err)
#define DEAD(err) .op = LIFE_DEAD, .result = (err)
#define SEES(member, n) \
	.op = LIFE_SEES, .value = (n), \
	.field = offsetof(struct ktls_conn_info, member)
#define PEEKS(record, text) .op = LIFE_PEEKS, .type = (record), TEXT(text)
#define WRITE(text) .op = LIFE_WRITE, TEXT(text), .result = sizeof(text) - 1
#define WRITE_FAILS(err) .op = LIFE_WRITE, TEXT("never"), .result = (err)
#define WRITES(n, each) .op = LIFE_WRITES, .len = (n), .piece = (each)
#define WRITEV(n, each) .op = LIFE_WRITEV, .len = (n), .piece = (each)
#define SENDFILE(n) .op = LIFE_SENDFILE, .len = (n)
#define UNTIL(err) .result = (err)
#define ALERT(number, err) .op = LIFE_ALERT, .value = (number), .result = (err)
#define SHUTDOWN(err) .op = LIFE_SHUTDOWN, .result = (err)
#define UPDATE_KEYS(bits, err) \
	.op = LIFE_UPDATE_KEYS, .value = (bits), .result = (err)
#define POST_HANDSHAKE(err) .op = LIFE_POST_HANDSHAKE, .result = (err)
#define NEW_TICKET .op = LIFE_NEW_TICKET
#define ASK_CERT .op = LIFE_ASK_CERT
#define COUNT(member, n) \
	.op = LIFE_COUNT, .value = (n), \
	.field = offsetof(struct ktls_conn_info, member)
#define NUMBER(member, n) \
	.op = LIFE_NUMBER, .value = (n), \
	.field = offsetof(struct ktls_conn_info, member)
#define EVENT(event, direction, number) \
	.op = LIFE_EVENT, .type = KTLS_EVENT_##event, \
	.dir = KTLS_##direction, .value = (number)
#define RESUMES .op = LIFE_RESUMES
#define STOP .op = LIFE_STOP

/* Handshake messages. */
#define HS_UPDATE "\x18\0\0\x01\0"
#define HS_UPDATE_BACK "\x18\0\0\x01\x01"
/* RFC 8446 section 4.6.1: lifetime, age_add, nonce, ticket, extensions. */
#define HS_TICKET \
	"\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0" \
	"\0\x0c" "ticket-bytes" "\0\0"
/* ... whose fourth byte from the end, and fifth, are a KeyUpdate's type. */
#define HS_TICKET_0X18 \
	"\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0" \
	"\0\x0c" "\x18\x18\x18\x18\x18\x18\x18\x18\x18\x18\x18\x18" "\0\0"
/* RFC 8446 section 4.3.2, with signature_algorithms. */
#define HS_CERT_REQUEST \
	"\x0d\0\0\x0f" "\x04" "ctxt" "\0\x08" "\0\x0d" "\0\x04" "\0\x02" \
	"\x04\x03"
#define HS_HELLO_REQUEST "\0\0\0\0"
#define HS_CLIENT_HELLO \
	"\x01\0\0\x2b" "\x03\x03" "01234567890123456789012345678901" \
	"\0" "\0\x02" "\xc0\x2b" "\x01\0" "\0\0"

/* The connection is over, for each call, and the peer knows why; `bits`
 * where only there. */
#define OVER(bits, err, number) \
	{ WHEN(bits), FAILS(err) }, \
	{ WHEN(bits), DEAD(err) }, \
	{ WHEN(bits), GETS_ALERT(number) }, \
	{ WHEN(bits), NUMBER(alert_sent, number) }, \
	{ WHEN(bits), STOP }
#define ENDS_WITH(err, number) OVER(0, err, number)
/* A KeyUpdate that this kernel cannot follow, or not answer. */
#define CANNOT_FOLLOW OVER(LIFE_RX_FIXED, -KTLS_EKEYUPDATE, 80)
#define CANNOT_ANSWER \
	CANNOT_FOLLOW, OVER(LIFE_TX_FIXED, -KTLS_EKEYUPDATE, 80)

struct life_topic {
	const char *name;
	const struct life_case *cases;
	size_t count;
};

#define LIFE_TOPIC(title, table) \
	{ title, table, sizeof(table) / sizeof((table)[0]) }

extern const struct life_topic life_reassembly;
extern const struct life_topic life_protocol;
extern const struct life_topic life_updates;
extern const struct life_topic life_fixed;
extern const struct life_topic life_limits;
extern const struct life_topic life_tickets;
extern const struct life_topic life_alerts;
extern const struct life_topic life_faults;
extern const struct life_topic life_tls12;
extern const struct life_topic life_floods;
extern const struct life_topic life_lengths;
extern const struct life_topic life_tamper;

#endif
