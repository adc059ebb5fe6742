/* SPDX-License-Identifier: MIT */
/* The steps of a script: each call until it is through, and every answer
 * held against the contract in ktls.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "fault_answer.h"
#include "stream.h"
#include "tests/tls_calls.h"

/* One call of a step; `left` is what it still has to do. */
static ssize_t call_write(size_t left)
{
	return ktls_write(fault_run.k, fault_pattern + fault_run.sent, left, 0);
}

static ssize_t call_file(size_t left)
{
	off_t before = (off_t)fault_run.sent;
	off_t off = before;
	ssize_t n = ktls_sendfile(fault_run.k, fault_run.file, &off, left, 0);

	if (off - before != (n > 0 ? n : 0))
		fault_fail("sendfile returns %zd, the offset moves by %lld", n,
			   (long long)(off - before));
	return n;
}

static ssize_t call_pipe_out(size_t left)
{
	return ktls_splice_write(fault_run.k, fault_run.pipe[0], left);
}

/* Bytes taken from us, until all n are. */
static int send_all(ssize_t (*call)(size_t left), size_t n)
{
	uint64_t stop = fault_run.sent + n;
	ssize_t taken;

	while (fault_run.sent < stop) {
		taken = fault_answer(call, (size_t)(stop - fault_run.sent));
		if (taken < 0)
			return -1;
		if (taken == 0)
			return fault_fail("0 bytes taken");
		if ((uint64_t)taken > stop - fault_run.sent)
			return fault_fail("%zd bytes taken", taken);
		fault_run.sent += (uint64_t)taken;
	}
	return 0;
}

/* The pipe is filled as far as it goes, and again. */
static int send_pipe(size_t n)
{
	const size_t most = 32768;
	size_t len;

	for (; n; n -= len) {
		len = n < most ? n : most;
		if (write(fault_run.pipe[1], fault_pattern + fault_run.sent,
			  len) != (ssize_t)len)
			return fault_fail("the pipe is full");
		if (send_all(call_pipe_out, len))
			return -1;
	}
	return 0;
}

static void got(const uint8_t *buf, size_t n)
{
	size_t good = stream_check(FAULT_PEER_STREAM, fault_run.read, buf, n);

	if (good != n)
		fault_fail("a wrong byte was read at %llu",
			   (unsigned long long)(fault_run.read + good));
	fault_run.read += n;
}

static uint8_t buffer[32768];

static ssize_t call_read(size_t left)
{
	/* Not always all that there is: records are cut. */
	size_t len = left > 5000 ? 5000 : sizeof(buffer);

	return ktls_read(fault_run.k, buffer, len);
}

static ssize_t call_pipe_in(size_t left)
{
	size_t len = left > 9000 ? 9000 : sizeof(buffer);

	return ktls_splice_read(fault_run.k, fault_run.pipe[1], len);
}

static int read_all(ssize_t (*call)(size_t left))
{
	struct fault_run *r = &fault_run;
	ssize_t n;

	while (r->read < r->peer.sent || (r->dead && !r->ended)) {
		n = fault_answer(call, (size_t)(r->peer.sent - r->read));
		if (n < 0)
			return -1;
		if (n == 0 && r->read < r->peer.sent)
			return fault_fail("an end that nobody sent");
		if (n == 0)
			return 0;
		if (call == call_pipe_in &&
		    read(r->pipe[0], buffer, sizeof(buffer)) != n)
			return fault_fail("%zd bytes are not in the pipe", n);
		got(buffer, (size_t)n);
	}
	return 0;
}

static int step_read(size_t n, ssize_t (*call)(size_t left))
{
	if (fault_peer_write(n))
		return -1;
	/* Behind a reset nothing comes, and reading says so. */
	return read_all(call);
}

static ssize_t call_update(size_t flags)
{
	return ktls_update_keys(fault_run.k, (unsigned)flags);
}

/* Where keys cannot change that is said, and nothing else happens. */
static int step_update(size_t flags)
{
	int expected = fault_can_rekey();
	int err;

	if (expected == 0)
		return fault_answer(call_update, flags) < 0 ? -1 : 0;
	err = ktls_update_keys(fault_run.k, (unsigned)flags);
	if (err != expected)
		return fault_fail("update_keys returns %d, not %d", err,
				  expected);
	return 0;
}

static ssize_t call_post(size_t unused)
{
	(void)unused;
	return ktls_post_handshake(fault_run.k);
}

static int step_post(void)
{
	if (tls_new_ticket(fault_run.ssl) != 1)
		return fault_fail("SSL_new_session_ticket");
	fault_run.posted++;
	return fault_answer(call_post, 0) < 0 ? -1 : 0;
}

static ssize_t call_alert(size_t number)
{
	return ktls_alert(fault_run.k, (uint8_t)number);
}

static int step_alert(size_t number)
{
	if (fault_answer(call_alert, number) < 0)
		return -1;
	if (number == 90)
		return 0;
	fault_run.fatal = (int)number;
	if (ktls_write(fault_run.k, "x", 1, 0) != -KTLS_ECLOSED)
		return fault_fail("a write behind a fatal alert");
	return 0;
}

static ssize_t call_limit(size_t unused)
{
	ssize_t n = ktls_write(fault_run.k, fault_pattern + fault_run.sent,
			       40000, 0);

	(void)unused;
	/* An answer as good as any. */
	return n == -KTLS_EKEYLIMIT ? 0 : n;
}

static int step_limit(void)
{
	ssize_t n;

	if (fault_can_rekey() == 0)
		return send_all(call_write, 100);
	do {
		n = fault_answer(call_limit, 0);
		if (n < 0)
			return -1;
		fault_run.sent += (uint64_t)n;
	} while (n > 0 && fault_run.sent < FAULT_FILE_LEN / 2);
	if (n > 0)
		return fault_fail("no end of the key's records");
	if (ktls_write(fault_run.k, "x", 1, 0) != -KTLS_EKEYLIMIT)
		return fault_fail("-KTLS_EKEYLIMIT once");
	return 0;
}

static ssize_t call_shutdown(size_t unused)
{
	(void)unused;
	return ktls_shutdown(fault_run.k);
}

static int step_shutdown(void)
{
	if (fault_answer(call_shutdown, 0) < 0)
		return -1;
	fault_run.shut = 1;
	if (ktls_shutdown(fault_run.k) != 0)
		return fault_fail("the second shutdown is no 0");
	if (ktls_write(fault_run.k, "x", 1, 0) != -KTLS_ECLOSED)
		return fault_fail("a write behind the shutdown");
	return 0;
}

static int step_peer_close(void)
{
	ssize_t n;

	if (fault_peer_close() || read_all(call_read))
		return -1;
	n = fault_answer(call_read, 1);
	if (n < 0)
		return -1;
	if (n > 0)
		return fault_fail("%zd bytes behind the end", n);
	fault_run.ended = 1;
	return ktls_read(fault_run.k, buffer, 1) == 0 ? 0 :
	       fault_fail("the end is not repeated");
}

/* What came before it comes first, then nothing else. */
static int step_forged(void)
{
	fault_run.expected = -KTLS_EBADRECORD;
	if (fault_peer_forge() || read_all(call_read))
		return -1;
	if (fault_answer(call_read, 1) >= 0)
		return fault_fail("a forged record was read");
	return -1;
}

static ssize_t call_linger(size_t unused)
{
	(void)unused;
	return ktls_linger(fault_run.k, 1 << 20, 1000);
}

static int step_linger(void)
{
	fault_run.peer.answers = 1;
	fault_run.lingers = 1;
	if (fault_answer(call_linger, 0) < 0)
		return -1;
	if (!fault_run.dead && !fault_run.peer.eof && !fault_peer_work() &&
	    !fault_run.peer.eof)
		return fault_fail("linger returns 0, without a FIN of ours");
	return 0;
}

int fault_step(const struct fault_step *step)
{
	/* What we have sent is known to the peer before it says more. */
	fault_peer_work();
	if (fault_run.failed)
		return -1;
	switch (step->kind) {
	case STEP_WRITE:
		return send_all(call_write, step->n);
	case STEP_FILE:
		return send_all(call_file, step->n);
	case STEP_PIPE_OUT:
		return send_pipe(step->n);
	case STEP_READ:
		return step_read(step->n, call_read);
	case STEP_PIPE_IN:
		return step_read(step->n, call_pipe_in);
	case STEP_UPDATE:
		return step_update(step->n);
	case STEP_PEER_UPDATE:
		return fault_peer_update(step->n != 0);
	case STEP_TICKET:
		return fault_peer_tickets(step->n);
	case STEP_POST:
		return step_post();
	case STEP_ASKED:
		return fault_peer_ask();
	case STEP_ALERT:
		return step_alert(step->n);
	case STEP_UNREAD:
		return fault_peer_write(step->n);
	case STEP_LIMIT:
		return step_limit();
	case STEP_SHUTDOWN:
		return step_shutdown();
	case STEP_PEER_CLOSE:
		return step_peer_close();
	case STEP_FORGED:
		return step_forged();
	case STEP_LINGER:
		return step_linger();
	default:
		return 0;
	}
}
