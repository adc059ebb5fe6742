/* SPDX-License-Identifier: MIT */
/*
 * Who frees the SSL, and when: with KTLS_TAKE_SSL the connection, once, where
 * the hand-off succeeded; else the application, as ever.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "duo.h"
#include "tests/tls_calls.h"
#include "tests/unit/suite_main.h"

static int freed;

/* Both ends have it; only ours counts. */
static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
		    long argl, void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	freed += ptr != NULL;
}

static void watch(SSL *ssl)
{
	static int idx = -1;

	if (idx < 0)
		idx = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_free);
	ck_assert_int_ge(idx, 0);
	ck_assert_int_eq(SSL_set_ex_data(ssl, idx, &freed), 1);
	freed = 0;
}

static const struct {
	enum ktls_choice tx;
	enum ktls_choice rx;
	unsigned flags;
	int held;            /* the connection needs it after the hand-off */
} ways[] = {
	{ KTLS_KERNEL, KTLS_KERNEL, 0, 0 },
	{ KTLS_USERSPACE, KTLS_USERSPACE, 0, 0 },
	{ KTLS_LIBRARY, KTLS_LIBRARY, 0, 1 },
	{ KTLS_KERNEL, KTLS_LIBRARY, 0, 1 },
	{ KTLS_LIBRARY, KTLS_USERSPACE, 0, 1 },
	{ KTLS_KERNEL, KTLS_KERNEL, KTLS_KEEP_SSL, 1 },
};
#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

static struct ktls_opts options(int i)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;

	opts.tx = ways[i].tx;
	opts.rx = ways[i].rx;
	opts.flags = ways[i].flags | KTLS_TAKE_SSL;
	return opts;
}

static void open_it(struct duo *d)
{
	const int on = 1;

	duo_open(d, 1);
	duo_ready(d);
	watch(d->ssl);
	/* a part of a record waits for nothing */
	ck_assert_int_eq(setsockopt(d->peer_fd, IPPROTO_TCP, TCP_NODELAY, &on,
				    sizeof(on)), 0);
}

/* The SSL was given away, and is gone with the connection at the latest. */
static void ends_without(struct duo *d, struct ktls *k, int held)
{
	d->ssl = NULL;
	ck_assert_int_eq(freed, !held);
	duo_alive(d, k);
	ck_assert_int_eq(freed, !held);
	ktls_free(k);
	ck_assert_int_eq(freed, 1);
	duo_close(d, NULL);
	ck_assert_int_eq(freed, 1);
}

START_TEST(taken)
{
	struct ktls_opts opts = options(_i);
	struct ktls *k;
	struct duo d;

	open_it(&d);
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	ends_without(&d, k, ways[_i].held);
}
END_TEST

/* Where there are references, the connection has its own. */
START_TEST(not_taken)
{
	struct ktls_opts opts = options(_i);
	struct ktls *k;
	struct duo d;

	opts.flags &= ~(unsigned)KTLS_TAKE_SSL;
	open_it(&d);
	if (!tls_has(TLS_REFERENCES)) {
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), -EINVAL);
		ck_assert_ptr_null(k);
		opts.flags |= KTLS_TAKE_SSL;
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
		ends_without(&d, k, ways[_i].held);
		return;
	}
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	ck_assert_int_eq(freed, 0);
	SSL_free(d.ssl);
	ends_without(&d, k, ways[_i].held);
}
END_TEST

/* Still the application's, and it goes on with it. */
START_TEST(refused)
{
	struct ktls_opts opts = options(_i);
	struct ktls *k;
	struct duo d;

	open_it(&d);
	opts.tx = (enum ktls_choice)17;
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), -EINVAL);
	ck_assert_ptr_null(k);
	opts.tx = ways[_i].tx;
	ck_assert_int_eq(freed, 0);
	ck_assert_int_eq(SSL_write(d.ssl, "mine", 4), 4);
	duo_to_peer(&d, "mine");
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	ends_without(&d, k, ways[_i].held);
}
END_TEST

/* Half a record is inside, and the rest comes later. */
START_TEST(again)
{
	struct ktls_opts opts = options(_i);
	struct ktls *k;
	struct duo d;
	char record[256];
	char *data;
	BIO *wbio;
	long n;

	open_it(&d);
	wbio = duo_hold(&d);
	ck_assert_int_eq(SSL_write(d.peer, "cut", 3), 3);
	n = BIO_get_mem_data(SSL_get_wbio(d.peer), &data);
	ck_assert_int_lt(n, (long)sizeof(record));
	memcpy(record, data, (size_t)n);
	SSL_set0_wbio(d.peer, wbio);
	ck_assert_int_eq(send(d.peer_fd, record, 8, 0), 8);
	ck_assert_int_lt(SSL_read(d.ssl, record + sizeof(record) - 8, 8), 0);
	if (ways[_i].rx != KTLS_LIBRARY) {
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), -EAGAIN);
		ck_assert_ptr_null(k);
	}
	ck_assert_int_eq(freed, 0);
	ck_assert_int_eq(send(d.peer_fd, record + 8, (size_t)n - 8, 0), n - 8);
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	duo_to_us(k, "cut");
	ends_without(&d, k, ways[_i].held);
}
END_TEST

/* There will never be a connection, and the SSL is the application's. */
START_TEST(never)
{
	struct ktls_opts opts = options(_i);
	struct ktls *k;
	struct duo d;

	open_it(&d);
	ck_assert_int_ge(SSL_shutdown(d.ssl), 0);
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), -KTLS_ECLOSED);
	ck_assert_ptr_null(k);
	ck_assert_int_eq(freed, 0);
	SSL_free(d.ssl);
	ck_assert_int_eq(freed, 1);
	d.ssl = NULL;
	duo_close(&d, NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("take");
	TCase *tcase = tcase_create("who frees");

	tcase_add_loop_test(tcase, taken, 0, WAYS);
	tcase_add_loop_test(tcase, not_taken, 0, WAYS);
	tcase_add_loop_test(tcase, refused, 0, WAYS);
	tcase_add_loop_test(tcase, again, 0, WAYS);
	tcase_add_loop_test(tcase, never, 0, WAYS);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
