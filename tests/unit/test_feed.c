/* SPDX-License-Identifier: MIT */
/* backend_feed.c: tickets, and what an SSL refuses. */
#include <errno.h>
#include <string.h>

#include "aead.h"
#include "feed_pair.h"
#include "suite_main.h"

static int feed(struct feed_pair *p, const void *msg, size_t len)
{
	return ktls__backend_feed(p->stale, &p->link, &p->at, msg, len,
				  &p->said);
}

/* Two of the peer's tickets, in p->msgs. */
static size_t two_tickets(struct feed_pair *p)
{
	feed_queue_ticket(p->peer);
	feed_queue_ticket(p->peer);
	feed_write_nothing(p->peer);
	return feed_hear_peer(p);
}

static void said_nothing(const struct feed_pair *p)
{
	ck_assert_uint_eq(p->said.len, 0);
	ck_assert_int_eq(p->said.alert, -1);
	ck_assert(!p->said.key_update);
}

START_TEST(one_ticket)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = _i });

	feed_queue_ticket(p->peer);
	feed_write_nothing(p->peer);
	ck_assert_int_eq(feed(p, p->msgs, feed_hear_peer(p)), 0);
	ck_assert_int_eq(feed_sessions, 1);
	said_nothing(p);
	feed_resumes(p);
	feed_close(p);
}
END_TEST

/* One record; the mode that reading needs is set and put back. */
START_TEST(two_at_once)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = 0 });
	size_t len;

	SSL_clear_mode(p->stale, SSL_MODE_AUTO_RETRY);
	len = two_tickets(p);
	ck_assert_int_eq(feed(p, p->msgs, len), 0);
	ck_assert_int_eq(feed_sessions, 2);
	ck_assert_uint_eq(p->at.rx.seq, 1);
	ck_assert_int_eq(SSL_get_mode(p->stale) & SSL_MODE_AUTO_RETRY, 0);
	SSL_set_mode(p->stale, SSL_MODE_AUTO_RETRY);
	len = two_tickets(p);
	ck_assert_int_eq(feed(p, p->msgs, len), 0);
	ck_assert_int_eq(feed_sessions, 4);
	ck_assert_int_ne(SSL_get_mode(p->stale) & SSL_MODE_AUTO_RETRY, 0);
	feed_resumes(p);
	feed_close(p);
}
END_TEST

START_TEST(one_in_two_halves)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = 1 });
	size_t len;

	feed_queue_ticket(p->peer);
	feed_write_nothing(p->peer);
	len = feed_hear_peer(p);
	ck_assert_int_eq(feed(p, p->msgs, len / 2), 0);
	ck_assert_int_eq(feed_sessions, 0);
	ck_assert_int_eq(feed(p, p->msgs + len / 2, len - len / 2), 0);
	ck_assert_int_eq(feed_sessions, 1);
	feed_resumes(p);
	feed_close(p);
}
END_TEST

/* The connection's numbers go on, the SSL's do not. */
START_TEST(after_traffic)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = _i });
	uint64_t counted = ktls__trace_of(p->stale)->rx.records;

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(SSL_write(p->peer, "data", 4), 4);
	ck_assert_int_eq(feed_each(p, two_tickets(p)), 0);
	ck_assert_int_eq(feed_sessions, 2);
	ck_assert_uint_eq(p->at.rx.seq, 2);
	ck_assert_uint_eq(p->rx.seq, 7);
	ck_assert_uint_eq(ktls__trace_of(p->stale)->rx.records, counted + 2);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(SSL_write(p->peer, "data", 4), 4);
	ck_assert_int_eq(feed_each(p, two_tickets(p)), 0);
	ck_assert_int_eq(feed_sessions, 4);
	feed_resumes(p);
	feed_close(p);
}
END_TEST

static void speak(struct feed_pair *p)
{
	ck_assert_int_eq(ktls__backend_speak(p->stale, &p->link, &p->at,
					     &p->said), 0);
}

START_TEST(of_a_stale_server)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .server = true });

	speak(p);
	said_nothing(p);
	feed_queue_ticket(p->stale);
	feed_queue_ticket(p->stale);
	speak(p);
	ck_assert_uint_gt(p->said.len, 0);
	ck_assert_uint_eq(p->at.tx.seq, 2);
	feed_send_data(p);
	feed_answer_peer(p);
	feed_send_data(p);
	ck_assert_int_eq(feed_sessions, 2);
	feed_resumes(p);
	feed_close(p);
}
END_TEST

/* The answer to a KeyUpdate and tickets are two queues; the tickets are
 * under the next key. */
START_TEST(two_queues_of_a_server)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .server = true, .rx_stays = true });
	struct ktls_keys before = p->at.tx;

	ck_assert_int_eq(SSL_key_update(p->peer, SSL_KEY_UPDATE_REQUESTED), 1);
	feed_write_nothing(p->peer);
	feed_carry_from_peer(p, SIZE_MAX);
	feed_reads_nothing(p->stale);
	feed_queue_ticket(p->stale);
	speak(p);
	ck_assert(p->said.key_update);
	ck_assert_mem_ne(before.key, p->at.tx.key, 16);
	ck_assert_uint_eq(p->at.tx.seq, 1);
	/* The connection's own key did not change: that is up to others. */
	ck_assert_uint_eq(p->said.bytes[0], SSL3_MT_NEWSESSION_TICKET);
	feed_answer_peer(p);
	ck_assert_int_eq(feed_sessions, 1);
	feed_resumes(p);
	feed_close(p);
}
END_TEST

/* With TX still there a server sends its tickets itself. */
START_TEST(of_a_server_that_sends)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .server = true, .tx_stays = true });

	feed_queue_ticket(p->stale);
	speak(p);
	said_nothing(p);
	feed_carry_to_peer(p);
	feed_reads_nothing(p->peer);
	ck_assert_int_eq(feed_sessions, 1);
	feed_resumes(p);
	feed_close(p);
}
END_TEST

/* Nor is there a link where the SSL keeps its BIOs. */
START_TEST(of_a_server_without_a_link)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = _i });

	feed_queue_ticket(p->peer);
	ck_assert_int_eq(ktls__backend_speak(p->peer, NULL, NULL, NULL), 0);
	ck_assert_int_eq(feed_each(p, feed_hear_peer(p)), 0);
	ck_assert_int_eq(feed_sessions, 1);
	feed_close(p);
}
END_TEST

/* The socket's error is told as it is, the SSL's as one. */
START_TEST(cannot_speak)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .server = true, .tx_stays = true });

	p->link.write_err = -EPIPE;
	feed_queue_ticket(p->stale);
	ck_assert_int_eq(ktls__backend_speak(p->stale, &p->link, &p->at,
					     &p->said), -EPIPE);
	SSL_set_shutdown(p->peer, SSL_SENT_SHUTDOWN);
	ck_assert_int_eq(ktls__backend_speak(p->peer, NULL, NULL, NULL),
			 -KTLS_ESSL);
	feed_close(p);
}
END_TEST

/* Refused, with an alert, and for good. */
static void refused(struct feed_pair *p, const void *msg, size_t len,
		    int alert)
{
	ck_assert_int_eq(feed(p, msg, len), -KTLS_EHANDSHAKE);
	ck_assert_int_eq(p->said.alert, alert);
	ck_assert_uint_eq(p->said.len, 0);
	p->said.alert = -1;
	ck_assert_int_eq(feed(p, msg, len), -KTLS_ESSL);
	ck_assert_int_eq(p->said.alert, -1);
	/* What nobody will read lies there yet. */
	ktls__link_wipe(&p->link);
}

/* A CertificateRequest with signature_algorithms. */
static const uint8_t request[] = { 13, 0, 0, 15, 4, 1, 2, 3, 4, 0, 8,
				   0, 13, 0, 4, 0, 2, 4, 3 };
static const uint8_t unknown[] = { 0x63, 0, 0, 2, 1, 2 };
static const uint8_t bad_ticket[] = { 4, 0, 0, 2, 1, 2 };
static const uint8_t hello[] = { 1, 0, 0, 2, 3, 3 };

static const struct {
	const uint8_t *msg;
	size_t len;
	bool server;
	int alert;
} wrong[] = {
	{ request, sizeof(request), false, SSL_AD_UNEXPECTED_MESSAGE },
	{ unknown, sizeof(unknown), false, SSL_AD_UNEXPECTED_MESSAGE },
	{ unknown, sizeof(unknown), true, SSL_AD_UNEXPECTED_MESSAGE },
	{ bad_ticket, sizeof(bad_ticket), false, SSL_AD_DECODE_ERROR },
	{ bad_ticket, sizeof(bad_ticket), true, SSL_AD_UNEXPECTED_MESSAGE },
	{ hello, sizeof(hello), true, SSL_AD_UNEXPECTED_MESSAGE },
};

START_TEST(refuses)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i % FEED_SUITES, .no_auth = true,
		.server = wrong[_i].server });
	int fd = p->link.fd;

	refused(p, wrong[_i].msg, wrong[_i].len, wrong[_i].alert);
	p->link.fd = fd;
	feed_close(p);
}
END_TEST

/* With TX still there the SSL tells the peer itself. */
START_TEST(refuses_by_itself)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){
		.suite = _i, .tx_stays = true });
	char byte;
	int ret;

	ck_assert_int_eq(feed(p, unknown, sizeof(unknown)), -KTLS_EHANDSHAKE);
	said_nothing(p);
	feed_carry_to_peer(p);
	ret = SSL_read(p->peer, &byte, 1);
	ck_assert_int_eq(SSL_get_error(p->peer, ret), SSL_ERROR_SSL);
	ck_assert_int_eq(ktls__trace_of(p->peer)->alert_received,
			 SSL_AD_UNEXPECTED_MESSAGE);
	feed_close(p);
}
END_TEST

/* What the SSL cannot open is not the peer's fault. */
START_TEST(out_of_step)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = _i });

	p->at.rx.seq++;
	ck_assert_int_eq(feed(p, unknown, sizeof(unknown)), -KTLS_ESSL);
	feed_close(p);
}
END_TEST

START_TEST(data_comes_out)
{
	struct feed_pair *p = feed_open(&(struct feed_opts){ .suite = _i });
	uint8_t rec[1 + KTLS__RECORD_OVERHEAD];
	int fd = p->link.fd;
	int n = ktls__record_seal(rec, &p->at.rx, KTLS_RECORD_DATA,
				  (const uint8_t *)"x", 1);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(ktls__link_feed(&p->link, rec, (size_t)n), 0);
	p->at.rx.seq++;
	ck_assert_int_eq(feed(p, unknown, sizeof(unknown)), -KTLS_ESSL);
	ktls__link_wipe(&p->link);
	p->link.fd = fd;
	feed_close(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("feed");
	TCase *tcase = tcase_create("tickets");

	tcase_add_loop_test(tcase, one_ticket, 0, FEED_SUITES);
	tcase_add_test(tcase, two_at_once);
	tcase_add_test(tcase, one_in_two_halves);
	tcase_add_loop_test(tcase, after_traffic, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, of_a_stale_server, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, two_queues_of_a_server, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, of_a_server_that_sends, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, of_a_server_without_a_link, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, cannot_speak, 0, FEED_SUITES);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("refusals");
	tcase_add_loop_test(tcase, refuses, 0,
			    (int)(sizeof(wrong) / sizeof(*wrong)));
	tcase_add_loop_test(tcase, refuses_by_itself, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, out_of_step, 0, FEED_SUITES);
	tcase_add_loop_test(tcase, data_comes_out, 0, FEED_SUITES);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
