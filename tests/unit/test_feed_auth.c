/* SPDX-License-Identifier: MIT */
/* backend_feed.c: client authentication after the handshake, both sides. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_sys.h"
#include "feed_pair.h"
#include "suite_main.h"

/* A certificate of more than a record. */
#define LARGE 20000

static void speaks(struct feed_pair *p, int err)
{
	ck_assert_int_eq(ktls__backend_speak(p->stale, &p->link, &p->at,
					     &p->said), err);
}

static void ask(SSL *server)
{
	ck_assert_int_eq(SSL_verify_client_post_handshake(server), 1);
}

static void peer_asks(struct feed_pair *p)
{
	ask(p->peer);
	ck_assert_int_eq(SSL_do_handshake(p->peer), 1);
}

static void is_authenticated(SSL *server)
{
	ck_assert_ptr_nonnull(SSL_get0_peer_certificate(server));
	ck_assert_int_eq(SSL_get_verify_result(server), X509_V_OK);
	ck_assert_int_eq(SSL_in_init(server), 0);
}

static void authenticate_client(const struct feed_opts *opts)
{
	struct feed_pair *p = feed_open(opts);

	feed_send_data(p);
	for (int i = 0; i < 5; i++)
		SSL_write(p->peer, "data", 4);
	peer_asks(p);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), 0);
	ck_assert_int_eq(p->said.alert, -1);
	ck_assert(!p->said.key_update);
	ck_assert_uint_gt(p->said.len, opts->cert_pad);
	ck_assert_uint_ge(p->at.tx.seq, opts->cert_pad > 0 ? 4 : 3);
	feed_answer_peer(p);
	is_authenticated(p->peer);
	feed_send_data(p);
	/* And again, from where it stands now. */
	peer_asks(p);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), 0);
	feed_answer_peer(p);
	is_authenticated(p->peer);
	feed_close(p);
}

START_TEST(of_a_stale_client)
{
	authenticate_client(&(struct feed_opts){ .suite = _i });
}
END_TEST

START_TEST(of_a_stale_client_at_length)
{
	authenticate_client(&(struct feed_opts){ .suite = _i,
						 .cert_pad = LARGE });
}
END_TEST

/* The client's answer, and the server's tickets after it. */
static void authenticate_to_server(const struct feed_opts *opts)
{
	struct feed_pair *p = feed_open(opts);
	size_t len;

	feed_sessions = 0;
	ask(p->stale);
	speaks(p, 0);
	ck_assert_uint_gt(p->said.len, 4);
	ck_assert_uint_eq(p->said.bytes[0], SSL3_MT_CERTIFICATE_REQUEST);
	feed_send_data(p);
	feed_answer_peer(p);
	len = feed_hear_peer(p);
	ck_assert_uint_gt(len, opts->cert_pad);
	ck_assert_ptr_null(SSL_get0_peer_certificate(p->stale));
	ck_assert_int_eq(feed_each(p, len), 0);
	ck_assert_uint_ge(p->at.rx.seq, opts->cert_pad > 0 ? 4 : 3);
	is_authenticated(p->stale);
	ck_assert_int_eq(p->said.alert, -1);
	ck_assert_int_eq(p->said.len > 0, opts->tickets > 0);
	feed_answer_peer(p);
	ck_assert_int_eq(feed_sessions, (int)opts->tickets);
	feed_send_data(p);
	feed_close(p);
}

START_TEST(to_a_stale_server)
{
	authenticate_to_server(&(struct feed_opts){
		.suite = _i, .server = true, .tickets = 2 });
}
END_TEST

START_TEST(to_a_stale_server_at_length)
{
	authenticate_to_server(&(struct feed_opts){
		.suite = _i, .server = true, .cert_pad = LARGE });
}
END_TEST

/* A client that has no certificate after all. */
START_TEST(no_certificate)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .server = true });

	SSL_certs_clear(p->peer);
	ask(p->stale);
	speaks(p, 0);
	feed_answer_peer(p);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), -KTLS_EHANDSHAKE);
	ck_assert_int_eq(p->said.alert, SSL_AD_CERTIFICATE_REQUIRED);
	feed_close(p);
}
END_TEST

/* In the middle of it a server says nothing else; afterwards it does. */
START_TEST(half_way)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .server = true });
	const uint8_t *m = p->msgs;
	size_t len, first;

	ask(p->stale);
	speaks(p, 0);
	feed_answer_peer(p);
	len = feed_hear_peer(p);
	first = 4 + ((size_t)m[2] << 8 | m[3]);
	ck_assert_uint_lt(first, len);
	ck_assert_int_eq(ktls__backend_feed(p->stale, &p->link, &p->at, m,
					    first, &p->said), 0);
	speaks(p, -EAGAIN);
	ck_assert_uint_eq(p->said.len, 0);
	ck_assert_int_eq(ktls__backend_feed(p->stale, &p->link, &p->at,
					    m + first, len - first,
					    &p->said), 0);
	is_authenticated(p->stale);
	feed_queue_ticket(p->stale);
	speaks(p, 0);
	feed_answer_peer(p);
	ck_assert_int_eq(feed_sessions, 1);
	feed_close(p);
}
END_TEST

/* An SSL with BIOs of its own reads on, and may find what breaks it. */
START_TEST(breaks_half_way)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = _i });
	uint8_t forged[5 + 32] = { 23, 3, 3, 0, 32 };

	peer_asks(p);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), 0);
	p->said.len = 4 + ((size_t)p->said.bytes[2] << 8 | p->said.bytes[3]);
	feed_answer_peer(p);
	ck_assert_int_eq(ktls__backend_speak(p->peer, NULL, NULL, NULL),
			 -EAGAIN);
	ck_assert_int_eq(BIO_write(p->to_peer, forged, sizeof(forged)),
			 sizeof(forged));
	ck_assert_int_eq(ktls__backend_speak(p->peer, NULL, NULL, NULL),
			 -KTLS_ESSL);
	feed_close(p);
}
END_TEST

/* RX alone has left: the answer is on the socket. */
START_TEST(answers_by_itself)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .tx_stays = true });

	peer_asks(p);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), 0);
	ck_assert_uint_eq(p->said.len, 0);
	feed_carry_to_peer(p);
	feed_reads_nothing(p->peer);
	is_authenticated(p->peer);
	ck_assert_int_eq(SSL_write(p->stale, "data", 4), 4);
	feed_carry_to_peer(p);
	ck_assert_int_eq(SSL_read(p->peer, p->msgs, 5), 4);
	feed_close(p);
}
END_TEST

/* The SSL reads from the socket. */
static void reads(struct feed_pair *p)
{
	char byte;

	ck_assert_int_eq(ktls__backend_read(p->stale, &p->link, &byte, 1),
			 -EAGAIN);
}

static void hears(struct feed_pair *p)
{
	ck_assert_int_eq(ktls__backend_hear(&p->link, &p->at, &p->said), 0);
}

/* The connection's own keys change, too, and say so. */
static void change_keys(struct feed_pair *p)
{
	static const uint8_t update[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, 0 };
	uint8_t *msg = malloc(sizeof(update));

	memcpy(msg, update, sizeof(update));
	ck_assert_uint_eq(p->said.len, 0);
	ktls__said_wipe(&p->said);
	p->said.bytes = msg;
	p->said.len = sizeof(update);
	p->said.cap = sizeof(update);
	feed_answer_peer(p);
	/* One generation, for the SSL as for the connection. */
	p->tx = p->at.tx;
	p->tx.seq = 0;
}

/* TX alone has left: it answers a KeyUpdate, and under its next key a
 * request. */
START_TEST(under_the_next_key)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .rx_stays = true });

	speaks(p, 0);
	for (int i = 0; i < 3; i++) {
		feed_send_data(p);
		ck_assert_int_eq(SSL_key_update(p->peer,
						SSL_KEY_UPDATE_REQUESTED), 1);
		feed_write_nothing(p->peer);
		feed_carry_from_peer(p, SIZE_MAX);
		reads(p);
		hears(p);
		ck_assert(!p->said.key_update);
		speaks(p, 0);
		ck_assert(p->said.key_update);
		ck_assert_uint_eq(p->at.tx.seq, 0);
		change_keys(p);
		feed_send_data(p);
		peer_asks(p);
		feed_carry_from_peer(p, SIZE_MAX);
		reads(p);
		hears(p);
		ck_assert(!p->said.key_update);
		ck_assert_uint_ge(p->at.tx.seq, 3);
		feed_answer_peer(p);
		is_authenticated(p->peer);
	}
	feed_close(p);
}
END_TEST

/* Speaking leaves to the reader what has come meanwhile. */
START_TEST(speaking_does_not_read)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .server = true, .rx_stays = true });
	uint8_t *rec;

	ask(p->stale);
	speaks(p, 0);
	feed_answer_peer(p);
	/* One record of three, and the others when that has been read. */
	ck_assert_int_gt(BIO_get_mem_data(p->of_peer, &rec), 5);
	feed_carry_from_peer(p, 5 + ((size_t)rec[3] << 8 | rec[4]));
	reads(p);
	feed_carry_from_peer(p, SIZE_MAX);
	speaks(p, -EAGAIN);
	ck_assert_int_gt(recv(p->link.fd, p->msgs, 1, MSG_PEEK), 0);
	ck_assert_int_ne(SSL_in_init(p->stale), 0);
	reads(p);
	is_authenticated(p->stale);
	feed_close(p);
}
END_TEST

/* The hooks attach the ULP at the first record on a socket; not here, where
 * the BIO names one for the first time. */
START_TEST(attaches_nothing)
{
	struct feed_pair *p;

	fake_sys();
	p = feed_open(&(struct feed_opts){ .suite = 0 });
	peer_asks(p);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), 0);
	feed_answer_peer(p);
	is_authenticated(p->peer);
	feed_close(p);
	p = feed_open(&(struct feed_opts){ .suite = 0, .server = true });
	ask(p->stale);
	speaks(p, 0);
	feed_answer_peer(p);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), 0);
	is_authenticated(p->stale);
	feed_close(p);
	ck_assert_uint_eq(fake_n(FAKE_SOCKET), 0);
	ck_assert_uint_eq(fake_n(FAKE_SETSOCKOPT), 0);
	fake_sys_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("feed_auth");
	TCase *tcase = tcase_create("authentication");

	tcase_add_loop_test(tcase, of_a_stale_client, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, of_a_stale_client_at_length, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, to_a_stale_server, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, to_a_stale_server_at_length, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, no_certificate, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, half_way, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, breaks_half_way, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, answers_by_itself, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, under_the_next_key, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, speaking_does_not_read, 0, FEED_SUITES);
	tcase_add_test(tcase, attaches_nothing);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
