/* SPDX-License-Identifier: MIT */
/*
 * A system-call table that a test scripts: each call takes its next result
 * from a queue and is logged with its arguments.  A call without a scripted
 * result goes to the real kernel, unless its descriptor is a fake one.
 */
#ifndef FAKE_SYS_H
#define FAKE_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sys.h"

enum fake_call {
	FAKE_SETSOCKOPT,
	FAKE_GETSOCKOPT,
	FAKE_SENDMSG,
	FAKE_RECVMSG,
	FAKE_SENDFILE,
	FAKE_PREAD,
	FAKE_PREADV,
	FAKE_LSEEK,
	FAKE_FSTAT,
	FAKE_SPLICE,
	FAKE_READ,
	FAKE_WRITE,
	FAKE_PIPE_SIZE,
	FAKE_INQ,
	FAKE_POLL,
	FAKE_OUTQ,
	FAKE_SOCKET,
	FAKE_BIND,
	FAKE_LISTEN,
	FAKE_CONNECT,
	FAKE_ACCEPT,
	FAKE_GETSOCKNAME,
	FAKE_GETPEERNAME,
	FAKE_SHUTDOWN,
	FAKE_CLOSE,
	FAKE_NOW,
	FAKE_SIGPIPE_RELEASE,
	FAKE_CALLS /* one past the last */
};

/* Descriptors from here on are nobody's: a call on one that has no scripted
 * result fails the test, but close() is fine. */
#define FAKE_FD 100000

/* Of the bytes that a call took or gave, this many are kept. */
#define FAKE_KEEP 256

/* One call as it was made. */
struct fake_log {
	enum fake_call call;
	int fd;
	int level;	/* sockets: domain */
	int name;	/* sockets: type; SOL_TLS options and the like; the
			 * other descriptor of sendfile() and splice() */
	int flags;	/* sockets: protocol */
	int type;	/* record type in the control data sent, or -1 */
	size_t len;	/* bytes offered: option, buffers or count */
	const void *at; /* where they lie */
	uint8_t bytes[FAKE_KEEP]; /* what was passed in */
	long result;
};

/* Put the table in place with empty queues and an empty log. */
void fake_sys(void);

/* Put the real table back. */
void fake_sys_end(void);

/* The next result of a call: what the table's member returns. */
void fake_push(enum fake_call call, long result);

/* As fake_push(), and these bytes go to where the call stores its own. */
void fake_push_data(enum fake_call call, long result, const void *data,
		    size_t len);

/* The next recvmsg() gives these bytes with this record type (-1: none) and
 * these msg_flags. */
void fake_push_record(int type, const void *data, size_t len, int msg_flags);

/* The next call goes to the real kernel, also between scripted ones. */
void fake_push_real(enum fake_call call);

/* How often a call was made, and the n-th time (from 0). */
size_t fake_n(enum fake_call call);
const struct fake_log *fake_nth(enum fake_call call, size_t n);

/* Scripted results that nobody asked for; a test ends with 0. */
size_t fake_left(void);

#endif
