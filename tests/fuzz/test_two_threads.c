/* SPDX-License-Identifier: MIT */
/*
 * One thread reads, one writes, a third looks on, and this one is the peer:
 * what each of them gets is whole, and a run under TSan finds no race.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "duo.h"
#include "sys.h"
#include "tests/unit/suite_main.h"

#define TOTAL ((size_t)3 << 20)
#define STEP 40000

struct run {
	struct duo d;
	struct ktls *k;
	size_t read;    /* by our reader */
	ssize_t last;   /* what ended it */
	ssize_t failed; /* what ended our writer; 0: nothing */
	int wrong;      /* bytes that are not the pattern's */
	atomic_int over;
	size_t put;     /* by the peer */
	int update;     /* the kind of KeyUpdate that the peer sends */
};

/* On a non-blocking socket, as an application would. */
static void wait_for(struct run *r, int events)
{
	struct pollfd p = { .fd = r->d.fd };

	p.events = (short)(ktls_events(r->k) & events);
	ktls__sys->poll(&p, 1, 10);
}

static void *reader(void *arg)
{
	static uint8_t buf[STEP];
	struct run *r = arg;
	ssize_t n;

	while ((n = ktls_read(r->k, buf, sizeof(buf))) != 0) {
		if (n == -EAGAIN) {
			wait_for(r, POLLIN);
			continue;
		}
		if (n < 0)
			break;
		r->wrong |= memcmp(buf, duo_pattern(r->read), (size_t)n);
		r->read += (size_t)n;
	}
	r->last = n;
	return NULL;
}

/* Ends with close_notify. */
static void *writer(void *arg)
{
	struct run *r = arg;
	size_t len = 1;
	ssize_t n = 0;

	while (r->d.sent < TOTAL && (n >= 0 || n == -EAGAIN)) {
		len = (len * 7 + 1) % STEP + 1;
		if (len > TOTAL - r->d.sent)
			len = TOTAL - r->d.sent;
		n = duo_put(&r->d, r->k, len);
		if (n == -EAGAIN)
			wait_for(r, POLLOUT);
	}
	if (n > 0 || n == -EAGAIN)
		while ((n = ktls_shutdown(r->k)) == -EAGAIN)
			wait_for(r, POLLOUT);
	r->failed = n;
	return NULL;
}

static void *onlooker(void *arg)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct run *r = arg;
	uint64_t before = 0;

	while (!atomic_load(&r->over)) {
		(void)ktls_events(r->k);
		if (ktls_info(r->k, &info) != 0 || info.tx.bytes < before)
			r->wrong |= 1;
		before = info.tx.bytes;
	}
	return NULL;
}

/* The next piece; a KeyUpdate before some of them. */
static void peer_write(struct run *r)
{
	static size_t next_update = TOTAL / 8;
	size_t n = 0;

	if (r->put == TOTAL) {
		(void)SSL_shutdown(r->d.peer);
		return;
	}
	if (r->put > next_update &&
	    SSL_key_update(r->d.peer, r->update) == 1)
		next_update += TOTAL / 8;
	if (SSL_write_ex(r->d.peer, duo_pattern(r->put),
			 TOTAL - r->put < STEP ? TOTAL - r->put : STEP, &n))
		r->put += n;
	else
		ck_assert_int_eq(SSL_want_write(r->d.peer), 1);
}

static void peer(struct run *r)
{
	struct pollfd p = { .fd = r->d.peer_fd };
	size_t got;

	SSL_set_mode(r->d.peer, SSL_MODE_ENABLE_PARTIAL_WRITE |
				SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	while (r->d.alert < 0 || r->put < TOTAL ||
	       (SSL_get_shutdown(r->d.peer) & SSL_SENT_SHUTDOWN) == 0) {
		if ((SSL_get_shutdown(r->d.peer) & SSL_SENT_SHUTDOWN) == 0)
			peer_write(r);
		got = duo_drain(&r->d);
		p.events = POLLIN;
		if (SSL_want_write(r->d.peer))
			p.events |= POLLOUT;
		if (got == 0 && (r->put == TOTAL || SSL_want_write(r->d.peer)))
			poll(&p, 1, 10);
	}
	ck_assert_int_eq(r->d.alert, 0);
}

static void begin(struct run *r, int i)
{
	enum ktls_choice other = i & 8 ? KTLS_USERSPACE : KTLS_LIBRARY;

	duo_open(&r->d, 1);
	duo_ready(&r->d);
	r->k = duo_choose(&r->d, i & 1 ? other : KTLS_KERNEL,
			  i & 2 ? other : KTLS_KERNEL);
	r->update = SSL_KEY_UPDATE_REQUESTED;
	if (i & 4)
		fcntl(r->d.fd, F_SETFL, 0);
	(void)duo_pattern(0);
}

START_TEST(both_ways)
{
	static struct run r;
	pthread_t threads[3];

	begin(&r, _i);
	ck_assert_int_eq(pthread_create(&threads[0], NULL, reader, &r), 0);
	ck_assert_int_eq(pthread_create(&threads[1], NULL, writer, &r), 0);
	ck_assert_int_eq(pthread_create(&threads[2], NULL, onlooker, &r), 0);
	peer(&r);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	atomic_store(&r.over, 1);
	pthread_join(threads[2], NULL);
	ck_assert_int_eq(r.last, 0);
	ck_assert_int_eq(r.failed, 0);
	ck_assert_int_eq(r.wrong, 0);
	ck_assert_uint_eq(r.read, TOTAL);
	ck_assert_uint_eq(r.d.got, TOTAL);
	duo_close(&r.d, r.k);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("two_threads");
	TCase *tcase = tcase_create("each path, and blocking");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, both_ways, 0, 16);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
