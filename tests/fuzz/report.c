/* SPDX-License-Identifier: MIT */
/* Counts what the iterations met, and refuses a run that met too little. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fake_kernel.h"
#include "run.h"
#include "tests/tls_calls.h"

/* Iterations from which on every class must appear, and those that come three
 * times in a thousand. */
#define ENOUGH 500
#define ENOUGH_RARE 2000

enum must {
	MAY,
	MUST,
	MUST_REFERENCES, /* where an SSL has references */
	MUST_TICKETS, /* where tickets are made on request */
	MUST_RARE,    /* in that many iterations */
	MUST_AES,     /* where two ends can come to AES in TLS 1.3 */
	MUST_FAKE /* only on the fake kernel */
};

static const struct {
	const char *name;
	enum must must;
} classes[COUNTS] = {
	[COUNT_TX_KERNEL] = { "tx in the kernel", MUST },
	[COUNT_RX_KERNEL] = { "rx in the kernel", MUST },
	[COUNT_TX_USERSPACE] = { "tx in userspace", MUST },
	[COUNT_RX_USERSPACE] = { "rx in userspace", MUST },
	[COUNT_TX_LIBRARY] = { "tx on the library path", MUST },
	[COUNT_RX_LIBRARY] = { "rx on the library path", MUST },
	[COUNT_MIXED_PATHS] = { "one of each", MUST },
	[COUNT_CLIENT] = { "client", MUST },
	[COUNT_SERVER] = { "server", MUST },
	[COUNT_TLS12] = { "TLS 1.2", MUST },
	[COUNT_TLS13] = { "TLS 1.3", MUST },
	[COUNT_AES128] = { "AES-128-GCM", MUST },
	[COUNT_AES256] = { "AES-256-GCM", MUST },
	[COUNT_CHACHA] = { "ChaCha20-Poly1305", MUST },
	[COUNT_AES256_TLS13] = { "TLS 1.3 with AES-256-GCM", MUST_AES },
	[COUNT_BLOCKING] = { "blocking", MUST },
	[COUNT_NONBLOCKING] = { "non-blocking", MUST },
	[COUNT_SOCKET_BIO] = { "socket BIO", MUST },
	[COUNT_MEMORY_BIO] = { "memory BIO", MUST },
	[COUNT_CLOSING_BIO] = { "closing BIO", MUST },
	[COUNT_ATTACH_EARLY] = { "attached early", MUST },
	[COUNT_ATTACH_LATE] = { "attached late", MUST },
	[COUNT_UNPREPARED] = { "not prepared", MUST },
	[COUNT_HELLO_RETRY] = { "HelloRetryRequest", MUST },
	[COUNT_REFUSED_ULP] = { "ULP refused", MUST },
	[COUNT_REFUSED_TX] = { "TX refused", MUST },
	[COUNT_REFUSED_RX] = { "RX refused", MUST },
	[COUNT_SSL_KEPT] = { "SSL kept", MUST_REFERENCES },
	[COUNT_SSL_FREED] = { "SSL freed at once", MUST_REFERENCES },
	[COUNT_SSL_GIVEN] = { "SSL given away", MUST },
	[COUNT_HANDOFF_AGAIN] = { "hand-off: -EAGAIN", MUST },
	[COUNT_HANDOFF_PENDING] = { "hand-off: -KTLS_EPENDING", MUST },
	[COUNT_NO_WAIT_RECORD] = { "not waited for a record", MUST_RARE },
	[COUNT_NO_WAIT_WRITE] = { "not waited for a write", MUST_RARE },
	[COUNT_IN_FLIGHT] = { "peer data in flight", MUST },
	[COUNT_LEFTOVER] = { "data left over inside", MUST },
	[COUNT_PARTIAL_WRITE] = { "SSL_write() to be repeated", MUST },
	[COUNT_KEY_UPDATE_NEAR] = { "KeyUpdates of ours before", MUST },
	[COUNT_KEY_UPDATE_PEER] = { "KeyUpdates of the peer before", MUST },
	[COUNT_KEY_UPDATE_QUEUED] = { "KeyUpdate queued", MUST },
	[COUNT_KEY_UPDATE_INSIDE] = { "KeyUpdate inside", MUST },
	[COUNT_KEY_UPDATE_END] = { "ended by a KeyUpdate inside", MAY },
	[COUNT_TICKET_NEAR] = { "tickets queued by us", MUST_TICKETS },
	[COUNT_TICKET_PEER] = { "tickets of the peer", MUST_TICKETS },
	[COUNT_TICKET_SKIPPED] = { "connections that skipped some", MUST },
	[COUNT_WRITE] = { "write", MUST },
	[COUNT_WRITEV] = { "writev", MUST },
	[COUNT_SENDFILE] = { "sendfile", MUST },
	[COUNT_READ] = { "read", MUST },
	[COUNT_READV] = { "readv", MUST },
	[COUNT_WRITE_AGAIN] = { "write: -EAGAIN", MUST },
	[COUNT_WRITE_SHORT] = { "write: short", MUST },
	[COUNT_READ_AGAIN] = { "read: -EAGAIN", MUST },
	[COUNT_SHUTDOWN_AGAIN] = { "shutdown: -EAGAIN", MUST },
	[COUNT_PEER_FIRST] = { "peer closed first", MUST },
	[COUNT_TRUNCATED] = { "no close_notify", MUST },
	[COUNT_QUEUED] = { "records that TCP took later", MUST_FAKE },
	[COUNT_FAULTS] = { "errors and cuts inflicted", MUST },
};

static unsigned long counts[COUNTS];
static unsigned long reasons[2][KTLS_REASON_END];

void run_count(enum run_count what)
{
	counts[what]++;
}

void run_count_add(enum run_count what, unsigned long n)
{
	counts[what] += n;
}

void run_count_reason(int dir, enum ktls_reason reason)
{
	if (reason >= 0 && reason < KTLS_REASON_END)
		reasons[dir == KTLS_RX][reason]++;
}

static void print_reasons(const char *name, const unsigned long *n)
{
	int i;

	for (i = 0; i < KTLS_REASON_END; i++)
		if (n[i])
			printf("  %s: %-40s %8lu\n", name,
			       ktls_reason_name((enum ktls_reason)i), n[i]);
}

static int is_due(enum must must, const struct run_options *options,
		  unsigned long ran)
{
	switch (must) {
	case MAY:
		return 0;
	case MUST_REFERENCES:
		return tls_has(TLS_REFERENCES);
	case MUST_TICKETS:
		return tls_has(TLS_TICKETS_LATER);
	case MUST_RARE:
		return ran >= ENOUGH_RARE;
	case MUST_AES:
		return tls_has(TLS_CHOICE_1_3) ||
		       strstr(tls_suite_of_two(), "AES") != NULL;
	case MUST_FAKE:
		return options->fake_kernel;
	default:
		return 1;
	}
}

int run_report(const struct run_options *options, unsigned long ran)
{
	int never = 0;
	int i;

	for (i = 0; i < COUNTS; i++)
		printf("  %-44s %8lu\n", classes[i].name, counts[i]);
	print_reasons("tx", reasons[0]);
	print_reasons("rx", reasons[1]);
	if (ran < ENOUGH)
		return 0;
	for (i = 0; i < COUNTS; i++) {
		if (counts[i] || !is_due(classes[i].must, options, ran))
			continue;
		printf("fuzz_handoff: never met: %s\n", classes[i].name);
		never++;
	}
	return never;
}

int run_fail(struct run *r, const char *format, ...)
{
	va_list args;

	if (r->failed)
		return -1;
	r->failed = 1;
	va_start(args, format);
	vsnprintf(r->why, sizeof(r->why), format, args);
	va_end(args);
	return -1;
}

void run_trace(const struct run *r, const char *format, ...)
{
	va_list args;

	if (!r->options->trace)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}
