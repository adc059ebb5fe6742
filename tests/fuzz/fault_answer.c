/* SPDX-License-Identifier: MIT */
/* Every answer held against the contract in ktls.h, and against the fault
 * that came: see fault_answer.h. */
#include "fault_answer.h"

#include <errno.h>

#include "fault.h"

#define TRIES 1000

static struct ktls_conn_info info_of(void)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ktls_info(fault_run.k, &info);
	return info;
}

int fault_can_rekey(void)
{
	struct ktls_conn_info info = info_of();

	if (info.version != KTLS_TLS_1_3)
		return -EOPNOTSUPP;
	if (info.tx.path == KTLS_PATH_KERNEL && !fault_run.c->path->rekey)
		return -KTLS_EKEYUPDATE;
	return 0;
}

/* Has a fault of this kind come? */
static int was(enum fault_kind kind)
{
	const struct fault_plan *p = &fault_run.plan;

	return fault_run.hit && (p->kind[0] == kind || p->kind[1] == kind);
}

static int reads(void)
{
	switch (fault_run.step->kind) {
	case STEP_READ:
	case STEP_PIPE_IN:
	case STEP_PEER_CLOSE:
	case STEP_FORGED:
		return 1;
	default:
		return 0;
	}
}

/* Is this error one that lasts?  -ENOMEM may be either. */
static int is_latched(ssize_t err)
{
	struct ktls_conn_info info = info_of();

	return info.tx.error == err || info.rx.error == err;
}

static int is_passing(ssize_t n)
{
	if (n == -EAGAIN && fault_run.c->blocking)
		return fault_fail("-EAGAIN on a blocking socket");
	if (n == -EAGAIN)
		return fault_poll() == 0;
	if (n == -EINTR)
		return was(FAULT_INTR) ? 1 : fault_fail("-EINTR");
	if (n == -ENOMEM && was(FAULT_NOMEM))
		return !is_latched(n);
	return 0;
}

/* A lack of memory for keys loses nothing, and is over with the next call. */
static int keys_failed(void)
{
	long at = fault_run.plan.at;

	return at >= 0 && at < FAULT_LOG &&
	       fault_run.seen[at].call == CALL_KEYS &&
	       fault_run.plan.kind[0] == FAULT_NOMEM &&
	       fault_run.plan.kind[1] == FAULT_NONE;
}

static int explained(ssize_t n)
{
	if (n == fault_run.expected)
		return 1;
	if (n == -ENOMEM)
		return was(FAULT_NOMEM) && !keys_failed();
	if (!was(FAULT_RESET))
		return 0;
	return n == -ECONNRESET || n == -EPIPE ||
	       (n == -KTLS_ETRUNCATED && reads());
}

static void note_final(ssize_t (*call)(size_t arg), size_t arg, ssize_t n)
{
	ssize_t again;

	fault_run.final = (int)n;
	if (!explained(n)) {
		fault_fail("%s", ktls_strerror((int)n));
		return;
	}
	if (fault_run.step->kind == STEP_SHUTDOWN)
		return;
	again = call(arg);
	if (again != n)
		fault_fail("final error %zd, then %zd", n, again);
	if (ktls_error(fault_run.k) == 0)
		fault_fail("ktls_error() knows nothing of %zd", n);
}

ssize_t fault_answer(ssize_t (*call)(size_t arg), size_t arg)
{
	struct fault_run *r = &fault_run;
	int was_dead = r->dead;
	ssize_t n;
	int i;

	for (i = 0; i < TRIES; i++) {
		n = call(arg);
		if (r->failed)
			return -1;
		if (n >= 0)
			break;
		if (is_passing(n) != 1)
			break;
		was_dead = r->dead;
	}
	if (i == TRIES)
		return fault_fail("%d times %s", TRIES, ktls_strerror((int)n));
	if (n >= 0 && was_dead && !reads() && r->step->kind != STEP_LINGER)
		return fault_fail("%zd on a connection that was reset", n);
	if (n >= 0 || r->failed)
		return r->failed ? -1 : n;
	note_final(call, arg, n);
	return -1;
}
