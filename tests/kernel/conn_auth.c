/* SPDX-License-Identifier: MIT */
/* What an SSL that was kept has to say after the handshake, to a stock SSL as
 * the peer: client authentication and tickets of TLS 1.3. */
#include <errno.h>
#include <string.h>

#include "conn.h"
#include "rig.h"
#include "tests/tls_calls.h"

static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok, (void)store;
	return 1;
}

/* 0: this variant has no such messages. */
static int start(struct rig *rig, int i, int server)
{
	struct rig_config config = rig_variant(i);

	if (config.version != KTLS_TLS_1_3 || config.server != server)
		return 0;
	config.late_auth = 1;
	config.flags = KTLS_KEEP_SSL;
	rig_open(rig, &config);
	SSL_set_verify(server ? rig->ssl : rig->peer, SSL_VERIFY_PEER,
		       accept_any);
	return 1;
}

/* The SSL stays ours to ask, as an application's would. */
static SSL *hand_off(struct rig *rig)
{
	SSL *ssl = rig->ssl;

	ck_assert_int_eq(tls_hold(ssl), 1);
	rig_handoff(rig);
	return ssl;
}

static void post_handshake(struct rig *rig)
{
	int err;

	while ((err = ktls_post_handshake(rig->k)) == -EAGAIN)
		rig_wait(rig);
	ck_assert_int_eq(err, 0);
}

static void to_peer(struct rig *rig, const char *text)
{
	char buf[16];

	ck_assert_int_eq(rig_write_all(rig, text, strlen(text)),
			 (ssize_t)strlen(text));
	ck_assert_int_eq(SSL_read(rig->peer, buf, sizeof(buf)),
			 (int)strlen(text));
	ck_assert_mem_eq(buf, text, strlen(text));
}

static void from_peer(struct rig *rig, const char *text)
{
	ck_assert_int_eq(SSL_write(rig->peer, text, (int)strlen(text)),
			 (int)strlen(text));
	conn_expect_data(rig, text);
}

/* Both sides twice, where the path can: a Finished depends on the keys, and
 * the SSL that was kept knows nothing of these. */
static void change_keys(struct rig *rig)
{
	int i;

	if (!rig_rekey() && (rig->tx_kernel || rig->rx_kernel))
		return;
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(SSL_key_update(rig->peer,
						SSL_KEY_UPDATE_NOT_REQUESTED),
				 1);
		from_peer(rig, "theirs");
		while (ktls_update_keys(rig->k, 0) == -EAGAIN)
			rig_wait(rig);
		to_peer(rig, "ours");
	}
}

static void ask(struct rig *rig, SSL *ssl)
{
	ck_assert_int_eq(tls_ask_for_cert(ssl), 1);
	post_handshake(rig);
	to_peer(rig, "who?");
	from_peer(rig, "me");
	ck_assert(tls_has_peer_cert(ssl));
	to_peer(rig, "welcome");
}

START_TEST(test_server_asks)
{
	struct rig rig;
	SSL *ssl;

	if (!start(&rig, _i, 1))
		return;
	ssl = hand_off(&rig);
	ck_assert(!tls_has_peer_cert(ssl));
	ask(&rig, ssl);
	change_keys(&rig);
	ask(&rig, ssl);
	SSL_free(ssl);
	rig_close(&rig);
}
END_TEST

static void be_asked(struct rig *rig)
{
	ck_assert_int_eq(tls_ask_for_cert(rig->peer), 1);
	ck_assert_int_eq(SSL_do_handshake(rig->peer), 1);
	from_peer(rig, "who?");
	to_peer(rig, "me");
	ck_assert(tls_has_peer_cert(rig->peer));
	from_peer(rig, "welcome");
}

/* Our answer goes out while we read, before anything is written. */
START_TEST(test_client_is_asked)
{
	struct rig rig;
	SSL *ssl;

	if (!start(&rig, _i, 0))
		return;
	ssl = hand_off(&rig);
	be_asked(&rig);
	change_keys(&rig);
	be_asked(&rig);
	SSL_free(ssl);
	rig_close(&rig);
}
END_TEST

static int tickets;

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl, (void)session;
	tickets++;
	return 0;
}

START_TEST(test_server_issues_tickets)
{
	struct rig rig;
	SSL *ssl;

	if (!start(&rig, _i, 1))
		return;
	SSL_CTX_set_session_cache_mode(rig.peer_ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(rig.peer_ctx, count_ticket);
	ssl = hand_off(&rig);
	to_peer(&rig, "before");
	tickets = 0;
	ck_assert_int_eq(tls_new_ticket(ssl), 1);
	ck_assert_int_eq(tls_new_ticket(ssl), 1);
	post_handshake(&rig);
	to_peer(&rig, "behind");
	ck_assert_int_eq(tickets, 2);
	from_peer(&rig, "thanks");
	SSL_free(ssl);
	rig_close(&rig);
}
END_TEST

TCase *conn_auth_case(void)
{
	TCase *tcase = tcase_create("auth");

	tcase_set_timeout(tcase, CONN_LIMIT);
	if (!tls_lacks(TLS_LATE_AUTH, "auth: client certificates")) {
		conn_add_ssl(tcase, test_server_asks);
		conn_add_ssl(tcase, test_client_is_asked);
	}
	if (!tls_lacks(TLS_TICKETS_LATER, "auth: tickets of a server"))
		conn_add_ssl(tcase, test_server_issues_tickets);
	return tcase;
}
