/* SPDX-License-Identifier: MIT */
/* The hand-off itself: the state it starts from, its answers, its result. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "run.h"

#define ROUNDS 100000

/* Something half done: a large write, peer data that has not arrived. */
static int disorder(struct run *r)
{
	if (stream_one_in(&r->random, 3) && !r->write.kind &&
	    near_write(r, stream_between(&r->random, 20000, RUN_WRITE_MAX)))
		return -1;
	if (stream_one_in(&r->random, 2) && peer_write(r, run_some_len(r)))
		return -1;
	if (stream_one_in(&r->random, 2) &&
	    wire_deliver(r, stream_between(&r->random, 1, 20000)) < 0)
		return -1;
	if (stream_one_in(&r->random, 2))
		return near_read(r);
	return 0;
}

/* A blocking call must find all it may wait for. */
static int go_blocking(struct run *r)
{
	if (near_finish_write(r) || near_drain_out(r) || wire_take_all(r) ||
	    wire_deliver_all(r))
		return -1;
	fcntl(r->fd, F_SETFL, 0);
	return 0;
}

static int check_refused(struct run *r, int ret)
{
	if (r->k)
		return run_fail(r, "ktls_handoff gives %d and an object", ret);
	if (ret == -KTLS_EPENDING && (r->write.kind || r->read_owes)) {
		run_count(COUNT_HANDOFF_PENDING);
		return 0;
	}
	if (ret == -EAGAIN && !r->plan.blocking &&
	    !(r->plan.flags & KTLS_NO_WAIT)) {
		run_count(COUNT_HANDOFF_AGAIN);
		return 0;
	}
	if (ret == -EINTR && r->plan.blocking && r->plan.disturb)
		return 0;
	return run_fail(r, "ktls_handoff: %s", ktls_strerror(ret));
}

/* After a refusal the SSL works as before, and gets what it waits for. */
static int go_on(struct run *r, int ret)
{
	if (ret == -KTLS_EPENDING) {
		if (r->write.kind ? near_write(r, 0) : near_read(r))
			return -1;
	} else if (near_feed(r)) {
		return -1;
	} else if (stream_one_in(&r->random, 4) && near_read(r)) {
		return -1;
	}
	return near_drain_out(r) || wire_step(r) ? -1 : 0;
}

/* The SSL is left for the kernel, or for the library's own records, unless
 * the reason lies in itself. */
static int expected_path(enum ktls_path path, enum ktls_reason reason,
			 enum ktls_choice choice)
{
	switch (reason) {
	case KTLS_REASON_NONE:
		return path == KTLS_PATH_KERNEL;
	case KTLS_REASON_POLICY:
		return path == (choice == KTLS_USERSPACE ?
				KTLS_PATH_USERSPACE : KTLS_PATH_LIBRARY);
	case KTLS_REASON_NO_MODULE:
	case KTLS_REASON_NO_REKEY:
	case KTLS_REASON_KERNEL_SUITE:
	case KTLS_REASON_ATTACH:
	case KTLS_REASON_INSTALL:
		return path == KTLS_PATH_USERSPACE;
	default:
		return path == KTLS_PATH_LIBRARY;
	}
}

static int expected(const struct run *r, int dir,
		    const struct ktls_direction *d)
{
	const struct run_plan *p = &r->plan;
	int refused = dir == KTLS_TX ? p->refuse_tx : p->refuse_rx;
	enum ktls_choice choice = dir == KTLS_TX ? p->tx : p->rx;

	if (!expected_path(d->path, d->reason, choice))
		return 0;
	switch (d->reason) {
	case KTLS_REASON_NONE:
		return !p->refuse_ulp && !refused;
	case KTLS_REASON_POLICY:
		return choice == KTLS_LIBRARY || choice == KTLS_USERSPACE;
	case KTLS_REASON_NO_REKEY:
		return dir == KTLS_RX && p->version == KTLS_TLS_1_3 &&
		       p->rx == KTLS_AUTO;
	case KTLS_REASON_NOT_PREPARED:
		return p->prepare == RUN_UNPREPARED;
	/* Without KTLS_NO_WAIT too: what was taken out of the SSL cannot be
	 * put back, so that there is no way to call again. */
	case KTLS_REASON_PARTIAL_RECORD:
	case KTLS_REASON_PENDING_WRITE:
		return !p->blocking || p->disturb || (p->flags & KTLS_NO_WAIT);
	case KTLS_REASON_ATTACH:
	case KTLS_REASON_NO_MODULE:
		return p->refuse_ulp && d->reason_errno == p->refuse_ulp;
	case KTLS_REASON_INSTALL:
		return refused && d->reason_errno == refused;
	default:
		return 0;
	}
}

static void count_path(int dir, enum ktls_path path)
{
	int tx = dir == KTLS_TX;

	if (path == KTLS_PATH_KERNEL)
		run_count(tx ? COUNT_TX_KERNEL : COUNT_RX_KERNEL);
	else if (path == KTLS_PATH_USERSPACE)
		run_count(tx ? COUNT_TX_USERSPACE : COUNT_RX_USERSPACE);
	else
		run_count(tx ? COUNT_TX_LIBRARY : COUNT_RX_LIBRARY);
}

static int check_direction(struct run *r, int dir,
			   const struct ktls_direction *d)
{

	run_trace(r, "%s: %s, %s, errno %d", dir == KTLS_TX ? "tx" : "rx",
		  ktls_path_name(d->path), ktls_reason_name(d->reason),
		  d->reason_errno);
	run_count_reason(dir, d->reason);
	count_path(dir, d->path);
	if (d->reason == KTLS_REASON_PARTIAL_RECORD && dir == KTLS_RX)
		run_count(COUNT_NO_WAIT_RECORD);
	if (d->reason == KTLS_REASON_PENDING_WRITE && dir == KTLS_TX)
		run_count(COUNT_NO_WAIT_WRITE);
	if (expected(r, dir, d))
		return 0;
	return run_fail(r, "%s is on path %s: %s (%d)",
			dir == KTLS_TX ? "tx" : "rx", ktls_path_name(d->path),
			ktls_reason_name(d->reason), d->reason_errno);
}

/* That of the plan, also where the library has the choice. */
static int check_suite(struct run *r, uint16_t suite)
{
	static const uint16_t tls12[] = { 0xc02b, 0xc02c, 0xcca9 };
	const struct run_plan *p = &r->plan;

	if (suite == (p->version == KTLS_TLS_1_3 ? 0x1301 + p->suite :
						   tls12[p->suite]))
		return 0;
	return run_fail(r, "suite %04x, not %d", suite, p->suite);
}

static int check_result(struct run *r)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	if (ktls_info(r->k, &info))
		return run_fail(r, "no info");
	if (check_suite(r, info.suite))
		return -1;
	if (info.version != r->plan.version ||
	    info.server != r->plan.near_server || ktls_fd(r->k) != r->fd)
		return run_fail(r, "info is about another connection");
	if ((info.tx.path == KTLS_PATH_LIBRARY ||
	     info.rx.path == KTLS_PATH_LIBRARY) && !info.ssl_held)
		return run_fail(r, "the SSL is in use and not held");
	if (info.tx.path != info.rx.path)
		run_count(COUNT_MIXED_PATHS);
	if (ktls_pending(r->k))
		run_count(COUNT_LEFTOVER);
	/* A KeyUpdate that RX leaves inside the SSL, and TX cannot answer. */
	r->may_end &= info.tx.path == KTLS_PATH_KERNEL &&
		      !r->options->rekey;
	if (check_direction(r, KTLS_TX, &info.tx))
		return -1;
	return check_direction(r, KTLS_RX, &info.rx);
}

static void take_over(struct run *r)
{
	r->handed_off = 1;
	r->sent_at_handoff = r->near_sent;
	r->got_at_handoff = r->near_got;
	if (r->to_near.off != r->to_near.len)
		run_count(COUNT_IN_FLIGHT);
	if (r->plan.flags & KTLS_TAKE_SSL) {
		run_count(COUNT_SSL_GIVEN);
		r->near = NULL;
		return;
	}
	run_count(r->plan.keep_ssl ? COUNT_SSL_KEPT : COUNT_SSL_FREED);
	if (r->plan.keep_ssl)
		return;
	SSL_free(r->near);
	r->near = NULL;
}

int over(struct run *r)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int ret, i;

	if (disorder(r) || (r->plan.blocking && go_blocking(r)))
		return -1;
	opts.fd = r->plan.give_fd ? r->fd : -1;
	opts.tx = r->plan.tx;
	opts.rx = r->plan.rx;
	opts.flags = r->plan.flags;
	for (i = 0; i < ROUNDS; i++) {
		ret = ktls_handoff(&r->k, r->near, &opts);
		run_trace(r, "ktls_handoff: %d", ret);
		if (ret == 0)
			break;
		if (check_refused(r, ret) || go_on(r, ret))
			return -1;
	}
	if (ret)
		return run_fail(r, "the hand-off does not end: %s",
				ktls_strerror(ret));
	/* before any failure: an SSL that was given away is not ours to free */
	take_over(r);
	return check_result(r);
}
