/* SPDX-License-Identifier: MIT */
/* Our steps: the calls, and what they have to give. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "life_run.h"

#define READ_MAX 65536

struct ktls_conn_info life_info(struct life *l)
{
	return rig_info(&l->rig);
}

void life_result(struct life *l, const char *call, ssize_t is, ssize_t due)
{
	if (is == due)
		return;
	life_fail(l, "%s gives %zd (%s), not %zd (%s)", call, is,
		  is < 0 ? ktls_strerror((int)is) : "no error", due,
		  due < 0 ? ktls_strerror((int)due) : "no error");
}

void life_wait(struct life *l)
{
	const int events = ktls_events(l->rig.k);
	struct pollfd pfd = { l->rig.fd, (short)events, 0 };

	if (events == 0)
		life_fail(l, "ktls_events() has nothing to wait for");
	if (l->peer.fd >= 0 && (events & POLLOUT))
		life_peer_pump(&l->peer);
	if (poll(&pfd, 1, LIFE_LIMIT) <= 0)
		life_fail(l, "poll() tells of nothing for ever");
}

/* For a read.  What the library has itself is no matter of poll(2). */
static void wait_to_read(struct life *l)
{
	if (ktls_pending(l->rig.k) == 0)
		life_wait(l);
}

static ssize_t read_once(struct life *l, void *buf, size_t len)
{
	ssize_t n;

	while ((n = ktls_read(l->rig.k, buf, len)) == -EAGAIN)
		wait_to_read(l);
	return n;
}

static void expect_bytes(struct life *l, const struct life_step *s,
			 const uint8_t *buf, size_t at, size_t len)
{
	int same;

	if (s->bytes)
		same = memcmp(buf, s->bytes + at, len) == 0;
	else
		same = rig_same(buf, len, l->read);
	if (!same)
		life_fail(l, "other bytes are read at %zu", at);
	if (!s->bytes)
		l->read += len;
}

/*
 * A read that did not fill its buffer has left nothing behind that poll()
 * would not tell of: the next one waits first.
 */
void life_read(struct life *l, const struct life_step *s)
{
	uint8_t buf[READ_MAX];
	size_t have = 0;

	while (have < s->len) {
		size_t room = s->piece ? s->piece : s->len - have;
		ssize_t n;

		if (room > sizeof(buf))
			room = sizeof(buf);
		n = read_once(l, buf, room);
		if (n <= 0 || (size_t)n > s->len - have)
			life_result(l, "ktls_read()", n,
				    (ssize_t)(s->len - have));
		expect_bytes(l, s, buf, have, (size_t)n);
		have += (size_t)n;
		if (have < s->len && (size_t)n < room)
			wait_to_read(l);
	}
}

static void expect_end(struct life *l, ssize_t due)
{
	uint8_t buf[4096];
	int i;

	for (i = 0; i < 3; i++)
		life_result(l, "ktls_read()", read_once(l, buf, sizeof(buf)),
			    due);
}

void life_ends(struct life *l, const struct life_step *s)
{
	(void)s;
	expect_end(l, 0);
	life_result(l, "rx.error", life_info(l).rx.error, 0);
}

void life_fails(struct life *l, const struct life_step *s)
{
	expect_end(l, s->result);
	life_result(l, "rx.error", life_info(l).rx.error, s->result);
}

static ssize_t send_a_file(struct life *l)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	off_t off = 0;
	ssize_t n;

	ck_assert_int_eq(write(file, "abc", 3), 3);
	n = ktls_sendfile(l->rig.k, file, &off, 3, 0);
	ck_assert_int_eq(off, n > 0 ? n : 0);
	close(file);
	return n;
}

/* After our close_notify the calls that write keep to the error of that. */
void life_dead(struct life *l, const struct life_step *s)
{
	struct ktls *k = l->rig.k;
	const int err = l->shut ? -KTLS_ECLOSED : s->result;
	uint8_t byte = 'x';
	struct iovec iov = { &byte, 1 };
	int i;

	for (i = 0; i < 2; i++) {
		life_result(l, "ktls_read()", ktls_read(k, &byte, 1),
			    s->result);
		life_result(l, "ktls_readv()", ktls_readv(k, &iov, 1),
			    s->result);
		life_result(l, "ktls_write()", ktls_write(k, "x", 1, 0), err);
		life_result(l, "ktls_writev()", ktls_writev(k, &iov, 1, 0),
			    err);
		life_result(l, "ktls_sendfile()", send_a_file(l), err);
		life_result(l, "ktls_alert()", ktls_alert(k, 90), err);
		life_result(l, "ktls_shutdown()", ktls_shutdown(k),
			    l->shut ? 0 : err);
		if (l->env & LIFE_TLS_1_3)
			life_result(l, "ktls_update_keys()",
				    ktls_update_keys(k, 0), err);
	}
	life_result(l, "tx.error", life_info(l).tx.error,
		    l->shut ? life_info(l).tx.error : err);
}

static uint64_t count_of(struct life *l, const struct life_step *s)
{
	struct ktls_conn_info info = life_info(l);
	uint64_t count;

	memcpy(&count, (const char *)&info + s->field, sizeof(count));
	return count;
}

/* Until then there is no data. */
void life_sees(struct life *l, const struct life_step *s)
{
	uint8_t buf[64];
	ssize_t n;

	while (count_of(l, s) < (uint64_t)s->value) {
		n = ktls_read(l->rig.k, buf, sizeof(buf));
		life_result(l, "ktls_read()", n, -EAGAIN);
		if (count_of(l, s) < (uint64_t)s->value)
			wait_to_read(l);
	}
	life_count(l, s);
}

void life_count(struct life *l, const struct life_step *s)
{
	life_result(l, "the count", (ssize_t)count_of(l, s), s->value);
}

void life_number(struct life *l, const struct life_step *s)
{
	struct ktls_conn_info info = life_info(l);
	int number;

	memcpy(&number, (const char *)&info + s->field, sizeof(number));
	if (s->field != offsetof(struct ktls_conn_info, alert_sent) ||
	    !life_is_alert(l, number, s->value))
		life_result(l, "the number", number, s->value);
}

void life_peeks(struct life *l, const struct life_step *s)
{
	struct pollfd pfd = { l->rig.fd, POLLIN, 0 };
	uint8_t buf[256];
	uint8_t type = 0;
	int flags = MSG_PEEK | MSG_DONTWAIT;
	ssize_t n;

	ck_assert_int_eq(poll(&pfd, 1, LIFE_LIMIT), 1);
	n = ktls_sock_recv(l->rig.fd, &type, buf, sizeof(buf), &flags);
	life_result(l, "ktls_sock_recv()", n, (ssize_t)s->len);
	life_result(l, "the type", type, s->type);
	if (memcmp(buf, s->bytes, s->len) != 0)
		life_fail(l, "other bytes are peeked at");
}

void life_write(struct life *l, const struct life_step *s)
{
	size_t have = 0;

	while (have < s->len) {
		ssize_t n = ktls_write(l->rig.k, s->bytes + have,
				       s->len - have, 0);

		if (n == -EAGAIN) {
			life_wait(l);
			continue;
		}
		if (n < 0 || s->result < 0) {
			life_result(l, "ktls_write()", n, s->result);
			return;
		}
		have += (size_t)n;
	}
}

/* A call that is made again after -EAGAIN. */
#define settle(l, s, call) \
	do { \
		int err_; \
		while ((err_ = (call)) == -EAGAIN) \
			life_wait(l); \
		life_result(l, #call, err_, (s)->result); \
	} while (0)

void life_alert(struct life *l, const struct life_step *s)
{
	settle(l, s, ktls_alert(l->rig.k, (uint8_t)s->value));
}

void life_shutdown(struct life *l, const struct life_step *s)
{
	settle(l, s, ktls_shutdown(l->rig.k));
	l->shut = l->shut || s->result == 0;
}

void life_update_keys(struct life *l, const struct life_step *s)
{
	settle(l, s, ktls_update_keys(l->rig.k, (unsigned)s->value));
}

void life_post_handshake(struct life *l, const struct life_step *s)
{
	settle(l, s, ktls_post_handshake(l->rig.k));
}

void life_an_event(struct life *l, const struct life_step *s)
{
	const struct life_event *ev = &l->events[l->event_next];

	if (l->event_next == l->event_count)
		life_fail(l, "there was no event more");
	if (ev->type != (enum ktls_event_type)s->type || ev->dir != s->dir ||
	    ev->value != s->value)
		life_fail(l, "event %d, dir %d, value %d, not %d, %d, %d",
			  (int)ev->type, ev->dir, ev->value, s->type, s->dir,
			  s->value);
	if (s->bytes && (ev->len != s->len ||
			 memcmp(ev->data, s->bytes, s->len) != 0))
		life_fail(l, "the event has other bytes (%zu)", ev->len);
	l->event_next++;
}
