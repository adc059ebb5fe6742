/* SPDX-License-Identifier: MIT */
/* One script, once: the hand-off, its steps, and what has to be true then. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "fault.h"
#include "fault_answer.h"
#include "fault_peer.h"
#include "stream.h"
#include "tests/tls_calls.h"

#define BAD_RECORD 20 /* bad_record_mac */

struct fault_run fault_run;
const uint8_t *fault_pattern;

int fault_fail(const char *format, ...)
{
	va_list args;

	if (fault_run.failed)
		return -1;
	fault_run.failed = 1;
	fault_run.at = fault_run.step->kind;
	va_start(args, format);
	vsnprintf(fault_run.why, sizeof(fault_run.why), format, args);
	va_end(args);
	return -1;
}

/* One file for all runs, with our stream in it. */
static int pattern_file(void)
{
	static int fd = -1;
	uint8_t *map;

	if (fd >= 0)
		return fd;
	fd = memfd_create("faults", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, FAULT_FILE_LEN))
		return -1;
	map = mmap(NULL, FAULT_FILE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	if (map == MAP_FAILED)
		return -1;
	stream_fill(FAULT_OUR_STREAM, 0, map, FAULT_FILE_LEN);
	fault_pattern = map;
	return fd;
}

/* A record whose beginning the SSL has read, and whose end it has not. */
static int half_a_record(void)
{
	struct fault_peer *p = &fault_run.peer;
	uint8_t buf[200];
	uint8_t sealed[300];
	char byte;
	int n;

	stream_fill(FAULT_PEER_STREAM, 0, buf, sizeof(buf));
	p->sent = sizeof(buf);
	if (SSL_write(p->ssl, buf, sizeof(buf)) != (int)sizeof(buf))
		return fault_fail("the peer's first write");
	n = BIO_read(p->out, sealed, sizeof(sealed));
	if (fault_wire_send(sealed, 50))
		return -1;
	if (SSL_read(fault_run.ssl, &byte, 1) > 0)
		return fault_fail("more than was sent");
	return fault_wire_send(sealed + 50, (size_t)n - 50);
}

/* The events are those of SSL_want(), and everything has come. */
static int go_on(int err)
{
	int nomem = fault_run.plan.kind[0] == FAULT_NOMEM ||
		    fault_run.plan.kind[1] == FAULT_NOMEM;

	fault_run.no_room = 0;
	fault_run.no_input = 0;
	fault_peer_work();
	if (fault_run.polls++ > 50)
		return fault_fail("the hand-off does not end");
	if (err == -EAGAIN && !fault_run.c->blocking)
		return 0;
	if (err == -EINTR && fault_run.hit)
		return 0;
	return err == -ENOMEM && nomem ? 0 : -1;
}

static int hand_off(void)
{
	struct fault_run *r = &fault_run;
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int err;

	opts.tx = r->c->path->tx;
	opts.rx = r->c->path->rx;
	opts.flags = r->c->script->flags | tls_take();
	opts.key_records = r->c->script->key_records;
	r->tickets = 0;
	r->peer.tickets_got = 0;
	r->peer.key_updates_got = 0;
	r->handed = 1;
	while ((err = ktls_handoff(&r->k, r->ssl, &opts)) < 0)
		if (go_on(err))
			break;
	r->given = err == 0 && opts.flags & KTLS_TAKE_SSL;
	if (err == 0 || r->failed)
		return err;
	r->final = err;
	if (r->k || !r->dead)
		return fault_fail("hand-off: %s", ktls_strerror(err));
	return -1;
}

static int expect(uint64_t is, uint64_t should, const char *what)
{
	if (is == should)
		return 0;
	return fault_fail("%s: %llu, not %llu", what, (unsigned long long)is,
			  (unsigned long long)should);
}

/* What the application is told, against what the peer has seen. */
static void check_info(void)
{
	const struct fault_run *r = &fault_run;
	struct ktls_conn_info info = { .size = sizeof(info) };

	ktls_info(r->k, &info);
	expect(info.tx.bytes, r->sent, "info.tx.bytes");
	expect(info.key_updates_sent, r->peer.key_updates_got,
	       "key_updates_sent");
	if (r->lingers)
		return;
	expect(info.rx.bytes, r->read, "info.rx.bytes");
	expect(info.key_updates_received, r->peer.key_updates_sent,
	       "key_updates_received");
	expect(info.tickets, r->peer.tickets_sent, "info.tickets");
	expect(info.tickets_fed, r->tickets, "info.tickets_fed");
}

/* No error: everything has come, at both ends. */
static void check_all(void)
{
	const struct fault_run *r = &fault_run;

	expect(r->peer.got, r->sent, "bytes that the peer got");
	expect(r->peer.tickets_got, r->posted, "tickets that the peer got");
	expect(r->peer.auths_got, r->peer.auths_sent,
	       "answers to the peer's requests");
	if (!r->lingers)
		expect(r->read, r->peer.sent, "bytes that were read");
	if (r->fatal && r->peer.alert != r->fatal)
		fault_fail("alert %d came, not %d", r->peer.alert, r->fatal);
	if (!r->fatal && !r->peer.closed)
		fault_fail("no close_notify has come");
	check_info();
}

static ssize_t linger_again(size_t tries)
{
	int err = -EAGAIN;

	fault_run.peer.answers = 1;
	while (tries-- && (err == -EAGAIN || err == -EINTR)) {
		fault_run.no_room = 0;
		fault_run.no_input = 0;
		err = ktls_linger(fault_run.k, 1 << 20, 1000);
		fault_peer_work();
	}
	return err;
}

static const struct fault_step the_end = { STEP_END, 0 };

static void finish(void)
{
	struct fault_run *r = &fault_run;
	long polls = 0;

	r->step = &the_end;
	while ((fault_peer_work() || fault_in_flight()) && polls++ < 10000)
		;
	if (r->failed)
		return;
	if (r->final == 0 && r->dead && !r->lingers)
		fault_fail("a reset that nobody was told of");
	if (r->final == 0) {
		if (!r->dead)
			check_all();
		return;
	}
	if (r->peer.broken && r->peer.alert <= 0)
		fault_fail("the peer is broken");
	if (r->k && linger_again(20) != 0)
		fault_fail("linger on a connection that has failed");
	fault_peer_work();
	if (r->final == r->expected && !r->dead && r->peer.alert != BAD_RECORD)
		fault_fail("alert %d for a forged record", r->peer.alert);
	if (r->final == r->expected && !r->dead)
		expect(r->peer.got, r->sent, "bytes before the alert");
}

static void fault_open(const struct fault_case *c,
		       const struct fault_plan *plan)
{
	struct fault_run *r = &fault_run;
	int flags = c->blocking ? O_CLOEXEC : O_CLOEXEC | O_NONBLOCK;

	memset(r, 0, sizeof(*r));
	r->c = c;
	r->plan = *plan;
	r->step = &the_end;
	r->file = pattern_file();
	if (pipe2(r->pipe, flags))
		fault_fail("no pipe");
	fault_ledger_start();
}

void fault_play(const struct fault_case *c, const struct fault_plan *plan)
{
	struct fault_run *r = &fault_run;
	const struct fault_step *step;
	int err;

	fault_open(c, plan);
	err = fault_connect() || half_a_record() || hand_off();
	for (step = c->script->steps; !err && step->kind != STEP_END; step++) {
		r->step = step;
		err = fault_step(step);
	}
	/* The fault that nobody had to tell of: it must be known by now. */
	finish();
	fault_disconnect();
	close(r->pipe[0]);
	close(r->pipe[1]);
}
