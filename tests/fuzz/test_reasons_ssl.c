/* SPDX-License-Identifier: MIT */
/*
 * Each reason that the SSL gives for not being in the
 * kernel, made to happen; behind each of them the connection goes on in both
 * directions, nothing lost.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "duo.h"
#include "tests/unit/suite_main.h"

START_TEST(version)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	SSL_CTX_set_max_proto_version(d.ctx, TLS1_1_VERSION);
	duo_ready(&d);
	duo_expect(&d, &opts, KTLS_REASON_VERSION, KTLS_REASON_VERSION);
}
END_TEST

START_TEST(suite)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	if (_i) {
		SSL_CTX_set_ciphersuites(d.ctx, "TLS_AES_128_CCM_SHA256");
		SSL_CTX_set_ciphersuites(d.peer_ctx, "TLS_AES_128_CCM_SHA256");
	} else {
		SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
		SSL_CTX_set_cipher_list(d.ctx, "ECDHE-ECDSA-AES128-SHA256");
	}
	duo_ready(&d);
	duo_expect(&d, &opts, KTLS_REASON_SUITE, KTLS_REASON_SUITE);
}
END_TEST

START_TEST(max_fragment)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	SSL_CTX_set_tlsext_max_fragment_length(
		d.peer_ctx, TLSEXT_max_fragment_length_4096);
	duo_ready(&d);
	duo_expect(&d, &opts, KTLS_REASON_MAX_FRAGMENT,
		   KTLS_REASON_MAX_FRAGMENT);
}
END_TEST

START_TEST(padding)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	SSL_CTX_set_block_padding(d.ctx, 64);
	duo_ready(&d);
	duo_expect(&d, &opts, KTLS_REASON_PADDING, KTLS_REASON_NONE);
}
END_TEST

START_TEST(not_prepared)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	duo_ssl(&d);
	duo_shake(&d);
	duo_expect(&d, &opts, KTLS_REASON_NOT_PREPARED,
		   KTLS_REASON_NOT_PREPARED);
}
END_TEST

static int switch_ctx(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	SSL_set_SSL_CTX(ssl, arg);
	return SSL_TLSEXT_ERR_OK;
}

/* The key log goes through the context that was switched to. */
START_TEST(servername_switch)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	SSL_CTX_set_tlsext_servername_callback(d.ctx, switch_ctx);
	SSL_CTX_set_tlsext_servername_arg(d.ctx, d.other);
	if (_i)
		ck_assert_int_eq(ktls_prepare(d.other, 0), 0);
	duo_ready(&d);
	if (_i)
		duo_expect(&d, &opts, KTLS_REASON_NONE, KTLS_REASON_NONE);
	else
		duo_expect(&d, &opts, KTLS_REASON_NO_SECRETS,
		       KTLS_REASON_NO_SECRETS);
}
END_TEST

START_TEST(transport)
{
	struct ktls_opts opts = duo_both();
	struct duo d;
	BIO *ours;
	BIO *theirs;

	duo_open(&d, 1);
	ck_assert_int_eq(ktls_prepare(d.ctx, 0), 0);
	duo_ssl(&d);
	ck_assert_int_eq(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
	SSL_set_bio(d.ssl, ours, ours);
	SSL_set_bio(d.peer, theirs, theirs);
	duo_shake(&d);
	duo_expect(&d, &opts, KTLS_REASON_TRANSPORT, KTLS_REASON_TRANSPORT);
}
END_TEST

/* The peer's next record, cut in the middle. */
static void send_half(struct duo *d, const char *text, char *rest, size_t *len)
{
	BIO *mem = BIO_new(BIO_s_mem());
	BIO *wbio = SSL_get_wbio(d->peer);
	char *data;
	long n;

	BIO_up_ref(wbio);
	BIO_up_ref(mem);
	SSL_set0_wbio(d->peer, mem);
	ck_assert_int_gt(SSL_write(d->peer, text, (int)strlen(text)), 0);
	SSL_set0_wbio(d->peer, wbio);
	n = BIO_get_mem_data(mem, &data);
	ck_assert_int_gt(n, 8);
	ck_assert_int_eq(send(d->peer_fd, data, 8, 0), 8);
	*len = (size_t)n - 8;
	memcpy(rest, data + 8, *len);
	BIO_free(mem);
}

START_TEST(partial_record)
{
	struct ktls_opts opts = duo_both();
	struct ktls *k;
	struct duo d;
	char rest[256];
	char buf[8];
	size_t len;

	duo_open(&d, 1);
	duo_ready(&d);
	send_half(&d, "cut", rest, &len);
	ck_assert_int_eq(SSL_read(d.ssl, buf, sizeof(buf)), -1);
	if (_i) {
		opts.flags = KTLS_NO_WAIT;
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
		duo_reasons(k, KTLS_REASON_NONE,
			       KTLS_REASON_PARTIAL_RECORD);
	} else {
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), -EAGAIN);
		ck_assert_ptr_null(k);
	}
	ck_assert_int_eq(send(d.peer_fd, rest, len, 0), (ssize_t)len);
	if (!_i) {
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
		duo_reasons(k, KTLS_REASON_NONE, KTLS_REASON_NONE);
	}
	duo_to_us(k, "cut");
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

static char big[1 << 20];

/* Fill the socket until an SSL_write() stays unfinished. */
static size_t fill(struct duo *d)
{
	size_t done = 0;
	size_t n;

	SSL_set_mode(d->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	while (SSL_write_ex(d->ssl, big, sizeof(big), &n) == 1)
		done += n;
	return done;
}

/* What has come to the peer by now. */
static size_t take(struct duo *d)
{
	static char trash[16384];
	size_t got = 0;
	size_t n;

	while (SSL_read_ex(d->peer, trash, sizeof(trash), &n) == 1)
		got += n;
	return got;
}

START_TEST(pending_write)
{
	struct ktls_opts opts = duo_both();
	struct ktls *k;
	struct duo d;
	size_t sent;
	size_t got = 0;
	ssize_t n = 0;
	size_t m = 0;

	duo_open(&d, 1);
	duo_ready(&d);
	sent = fill(&d);
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), -KTLS_EPENDING);
	ck_assert_ptr_null(k);
	if (_i) {
		opts.flags = KTLS_NO_WAIT;
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
		duo_reasons(k, KTLS_REASON_PENDING_WRITE,
			       KTLS_REASON_PENDING_WRITE);
		for (size_t off = 0; off < sizeof(big); off += (size_t)n) {
			n = ktls_write(k, big + off, sizeof(big) - off, 0);
			got += take(&d);
			n = n == -EAGAIN ? 0 : n;
			ck_assert_int_ge(n, 0);
		}
		m = sizeof(big);
	} else {
		while (SSL_write_ex(d.ssl, big, sizeof(big), &m) != 1)
			got += take(&d);
	}
	while (got < sent + m)
		got += take(&d);
	ck_assert_uint_eq(got, sent + m);
	if (!_i)
		ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

static void no_op(int write_p, int ver, int type, const void *buf, size_t len,
		  SSL *ssl, void *arg)
{
	(void)write_p, (void)ver, (void)type, (void)buf, (void)len;
	(void)ssl, (void)arg;
}

/* Ours is gone, and records were not counted: nothing proves the number. */
START_TEST(sequence)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	SSL_set_msg_callback(d.ssl, no_op);
	if (_i) {
		ck_assert_int_eq(SSL_write(d.ssl, "unseen", 6), 6);
		duo_to_peer(&d, "unseen");
		duo_expect(&d, &opts, KTLS_REASON_SEQUENCE,
			   KTLS_REASON_SEQUENCE);
	} else {
		duo_expect(&d, &opts, KTLS_REASON_SEQUENCE, KTLS_REASON_NONE);
	}
}
END_TEST

int main(void)
{
	Suite *all = suite_create("reasons_ssl");
	TCase *tcase = tcase_create("each");

	tcase_add_test(tcase, version);
	tcase_add_loop_test(tcase, suite, 0, 2);
	tcase_add_test(tcase, max_fragment);
	tcase_add_test(tcase, padding);
	tcase_add_test(tcase, not_prepared);
	tcase_add_loop_test(tcase, servername_switch, 0, 2);
	tcase_add_test(tcase, transport);
	tcase_add_loop_test(tcase, partial_record, 0, 2);
	tcase_add_loop_test(tcase, pending_write, 0, 2);
	tcase_add_loop_test(tcase, sequence, 0, 2);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
