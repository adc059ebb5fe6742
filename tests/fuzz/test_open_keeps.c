/* SPDX-License-Identifier: MIT */
/*
 * ktls_open(): what it keeps of its session, and what not: keys, half a
 * record, many small ones, and what an event has asked meanwhile.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_kernel.h"
#include "lib/conn.h"
#include "lib/pool.h"
#include "lib/sys.h"
#include "lib/uapi.h"
#include "open_ways.h"
#include "tests/unit/suite_main.h"

#define TICKET "\x04\0\0\x1b" "\0\0\x0e\x10" "\x01\x02\x03\x04" "\x02\0\0" \
	       "\0\x0c" "ticket-bytes" "\0\0"
#define TICKET_LEN 31
#define NETLINK 1000000

static struct keyed c;

static void seal(const char *text)
{
	keyed_seal(&c, KTLS_RECORD_DATA, text, strlen(text));
}

/* A record that leaves no data, and is an event. */
static void seal_control(void)
{
	if (c.version == KTLS_TLS_1_3 && !c.session.server)
		keyed_seal(&c, KTLS_RECORD_HANDSHAKE, TICKET, TICKET_LEN);
	else
		keyed_seal(&c, KTLS_RECORD_ALERT, "\1\132", 2);
}

static void open_all(void)
{
	keyed_leave(&c, SIZE_MAX);
	keyed_open(&c);
}

static int is_zero(const void *p, size_t len)
{
	const uint8_t *byte = p;
	size_t i = 0;

	while (i < len && byte[i] == 0)
		i++;
	return i == len;
}

/* Nothing of a record is left over, nearly all, all; its rest comes later. */
OPEN_TEST(keys_of_the_kernel)
{
	const struct ktls__engine *e;
	struct ktls_conn_info info;
	int pass;

	for (pass = 0; pass < 3; pass++) {
		open_way(&c, way);
		seal("text");
		keyed_leave(&c, pass == 0 ? 0 :
				pass == 1 ? c.wire_len - 2 : c.wire_len);
		keyed_open(&c);
		info = keyed_info(&c);
		e = c.k->engine;
		ck_assert_int_eq(e == NULL,
				 info.tx.path == KTLS_PATH_KERNEL &&
				 info.rx.path == KTLS_PATH_KERNEL);
		if (e != NULL) {
			ck_assert_int_eq(is_zero(&e->sealer,
						 sizeof(e->sealer)),
					 info.tx.path == KTLS_PATH_KERNEL);
			ck_assert_int_eq(is_zero(&e->inbox.opener,
						 sizeof(e->inbox.opener)),
					 info.rx.path == KTLS_PATH_KERNEL);
		}
		keyed_send(&c, SIZE_MAX);
		keyed_reads_text(&c, "text");
		keyed_alive(&c);
		keyed_close(&c);
	}
}

/* Of a full buffer only half a record stays, for as long as it may take. */
OPEN_TEST(half_is_small)
{
	static uint8_t big[16384];
	const struct ktls__inbox *in;
	size_t many = way % 2 ? 4 : 0;
	size_t from;
	size_t i;

	open_way(&c, way);
	memset(big, 'b', sizeof(big));
	for (i = 0; i < many; i++)
		keyed_seal(&c, KTLS_RECORD_DATA, big, sizeof(big));
	from = c.wire_len;
	keyed_seal(&c, KTLS_RECORD_DATA, big, sizeof(big));
	keyed_leave(&c, from + (way % 3 ? 10 : 16000));
	keyed_send(&c, way % 5 ? 0 : 100);
	keyed_open(&c);
	in = &c.k->engine->inbox;
	ck_assert_uint_gt(in->cap, 0);
	ck_assert_uint_le(in->cap, KTLS__BUFFER_SMALL);
	keyed_send(&c, SIZE_MAX);
	for (i = 0; i <= many; i++)
		keyed_reads(&c, big, sizeof(big), 5000);
	keyed_alive(&c);
	keyed_close(&c);
}

#define RECORDS 600
#define PIECE 37

/* A record that leaves no data is no reason for another chunk. */
OPEN_TEST(small_records_are_joined)
{
	static uint8_t text[RECORDS * PIECE];
	const struct ktls__chunk *chunk;
	size_t chunks = 0;
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
	open_way(&c, way);
	for (i = 0; i < RECORDS; i++) {
		keyed_seal(&c, KTLS_RECORD_DATA, &text[i * PIECE], PIECE);
		seal_control();
	}
	open_all();
	for (chunk = c.k->leftover.head; chunk != NULL; chunk = chunk->next)
		chunks++;
	ck_assert_uint_ge(chunks, 1);
	ck_assert_uint_le(chunks, 2);
	ck_assert_uint_eq(ktls_pending(c.k), sizeof(text));
	keyed_reads(&c, text, sizeof(text), 1000);
	keyed_waits(&c);
	keyed_alive(&c);
	keyed_close(&c);
}

/* What inet_diag tells of one socket. */
static const struct ktls__sys *honest;
static struct inet_diag_sockid asked;

static int diag_socket(int domain, int type, int protocol)
{
	return domain == AF_NETLINK ? NETLINK :
				      honest->socket(domain, type, protocol);
}

static int diag_close(int fd)
{
	return fd == NETLINK ? 0 : honest->close(fd);
}

static ssize_t diag_ask(int fd, const struct msghdr *msg, int flags)
{
	struct inet_diag_req_v2 req;

	if (fd != NETLINK)
		return honest->sendmsg(fd, msg, flags);
	memcpy(&req, (uint8_t *)msg->msg_iov->iov_base + NLMSG_HDRLEN,
	       sizeof(req));
	asked = req.id;
	return (ssize_t)msg->msg_iov->iov_len;
}

/* RX is there as soon as it has a key. */
static ssize_t diag_answer(int fd, struct msghdr *msg, int flags)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_msg diag;
		struct nlattr ulp, tls, tx;
		uint16_t tx_conf[2];
		struct nlattr rx;
		uint16_t rx_conf[2];
	} a = { .header = { .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_len = sizeof(a), .nlmsg_seq = 1 },
		.diag.id = asked,
		.ulp = { 4 + 4 + 8 + 8, KTLS__INET_DIAG_ULP_INFO },
		.tls = { 4 + 8 + 8, KTLS__INET_ULP_INFO_TLS },
		.tx = { 4 + 2, KTLS__TLS_INFO_TXCONF },
		.rx = { 4 + 2, KTLS__TLS_INFO_RXCONF } };

	if (fd != NETLINK)
		return honest->recvmsg(fd, msg, flags);
	a.tx_conf[0] = KTLS__TLS_CONF_SW;
	a.rx_conf[0] = fake_kernel_stats().installed_rx ? KTLS__TLS_CONF_SW :
							  KTLS__TLS_CONF_BASE;
	memcpy(msg->msg_iov->iov_base, &a, sizeof(a));
	return sizeof(a);
}

static void look_around(struct ktls *k, const struct ktls_event *ev, void *arg)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	(void)ev;
	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_int_eq(info.rx.device, KTLS_DEVICE_UNKNOWN);
	*(struct ktls_conn_info *)arg = info;
}

/* An answer that came too early is no answer. */
OPEN_TEST(device_is_known)
{
	struct ktls_conn_info seen = { .size = 0 };
	struct ktls__sys told;

	open_way(&c, way);
	honest = ktls__sys;
	told = *honest;
	told.socket = diag_socket;
	told.close = diag_close;
	told.sendmsg = diag_ask;
	told.recvmsg = diag_answer;
	if (open_way_world(way) != KEYED_HOST)
		ktls__sys = &told;
	c.opts.event = look_around;
	c.opts.event_arg = &seen;
	seal_control();
	open_all();
	ck_assert_uint_gt(seen.size, 0);
	if (open_way_kernel(&c, way, KTLS_RX))
		ck_assert_int_eq(keyed_info(&c).rx.device,
				 KTLS_DEVICE_SOFTWARE);
	if (open_way_kernel(&c, way, KTLS_TX))
		ck_assert_int_eq(keyed_info(&c).tx.device,
				 KTLS_DEVICE_SOFTWARE);
	seal("x");
	keyed_send(&c, SIZE_MAX);
	keyed_reads_text(&c, "x");
	keyed_close(&c);
	ktls__sys = honest;
}

int main(void)
{
	Suite *all = suite_create("open_keeps");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, keys_of_the_kernel, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, half_is_small, 0, OPEN_PROCESSES);
	tcase_add_loop_test(tcase, small_records_are_joined, 0,
			    OPEN_PROCESSES);
	tcase_add_loop_test(tcase, device_is_known, 0, OPEN_PROCESSES);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
