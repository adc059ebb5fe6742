/* SPDX-License-Identifier: MIT */
/* diag.c: the request for one socket, and answers good and bad. */
#include "diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

#include "fake_sys.h"
#include "suite_main.h"
#include "uapi.h"

#define FD FAKE_FD
#define NETLINK (FAKE_FD + 1)
#define COOKIE 0x1122334455667788ULL

static const struct sockaddr_in local4 = {
	.sin_family = AF_INET, .sin_port = 0x1234, .sin_addr = {0x0100007f}};
static const struct sockaddr_in remote4 = {
	.sin_family = AF_INET, .sin_port = 0x5678, .sin_addr = {0x0200007f}};

/* A netlink message that grows. */
struct answer {
	union {
		struct nlmsghdr header;
		uint8_t bytes[FAKE_KEEP];
	};
	size_t len;
};

static void append(struct answer *a, const void *data, size_t len)
{
	ck_assert_uint_le(a->len + len, sizeof(a->bytes));
	memcpy(a->bytes + a->len, data, len);
	a->len = NLMSG_ALIGN(a->len + len);
	a->header.nlmsg_len = (uint32_t)a->len;
}

static size_t begin(struct answer *a, uint16_t type)
{
	struct nlattr attr = {.nla_type = type};
	size_t at = a->len;

	append(a, &attr, sizeof(attr));
	return at;
}

static void end(struct answer *a, size_t at)
{
	uint16_t len = (uint16_t)(a->len - at);

	memcpy(a->bytes + at, &len, sizeof(len));
}

static void attribute(struct answer *a, uint16_t type, const void *data,
		      size_t len)
{
	size_t at = begin(a, type);

	append(a, data, len);
	len += sizeof(struct nlattr);
	memcpy(a->bytes + at, &(uint16_t){(uint16_t)len}, 2);
}

static struct answer socket_answer(void)
{
	struct answer a = {
		.header = {.nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_seq = 1},
		.len = sizeof(struct nlmsghdr)};
	struct inet_diag_msg msg = {.idiag_family = AF_INET};

	msg.id.idiag_sport = local4.sin_port;
	msg.id.idiag_dport = remote4.sin_port;
	msg.id.idiag_cookie[0] = (uint32_t)COOKIE;
	msg.id.idiag_cookie[1] = (uint32_t)(COOKIE >> 32);
	append(&a, &msg, sizeof(msg));
	attribute(&a, INET_DIAG_SHUTDOWN, "", 1);
	return a;
}

static struct answer tls_answer(uint16_t tx, uint16_t rx)
{
	struct answer a = socket_answer();
	size_t ulp = begin(&a, KTLS__INET_DIAG_ULP_INFO | NLA_F_NESTED);
	size_t tls;

	attribute(&a, KTLS__INET_ULP_INFO_NAME, "tls", 4);
	tls = begin(&a, KTLS__INET_ULP_INFO_TLS | NLA_F_NESTED);
	attribute(&a, KTLS__TLS_INFO_VERSION, &(uint16_t){0x304}, 2);
	attribute(&a, KTLS__TLS_INFO_TXCONF, &tx, 2);
	attribute(&a, KTLS__TLS_INFO_RXCONF, &rx, 2);
	end(&a, tls);
	end(&a, ulp);
	return a;
}

static void script_socket(const void *local, const void *remote, size_t len)
{
	fake_sys();
	fake_push_data(FAKE_GETSOCKNAME, 0, local, len);
	fake_push_data(FAKE_GETPEERNAME, 0, remote, len);
	fake_push_data(FAKE_GETSOCKOPT, 0, &(uint64_t){COOKIE}, 8);
	fake_push_data(FAKE_GETSOCKOPT, 0, &(int){3}, 4);
	fake_push(FAKE_SOCKET, NETLINK);
	fake_push(FAKE_SENDMSG, 72);
}

/* Ask, and give these bytes for an answer. */
static int ask(const uint8_t *answer, size_t len, int msg_flags,
	       enum ktls_device *tx, enum ktls_device *rx)
{
	int err;

	script_socket(&local4, &remote4, sizeof(local4));
	fake_push_record(-1, answer, len, msg_flags);
	err = ktls__diag(FD, tx, rx);
	ck_assert_uint_eq(fake_left(), 0);
	ck_assert_uint_eq(fake_n(FAKE_CLOSE), 1);
	ck_assert_int_eq(fake_nth(FAKE_CLOSE, 0)->fd, NETLINK);
	return err;
}

static void ask_bad(const struct answer *a, int expected)
{
	enum ktls_device tx = KTLS_DEVICE_NIC, rx = KTLS_DEVICE_NIC;

	ck_assert_int_eq(ask(a->bytes, a->len, 0, &tx, &rx), expected);
	ck_assert_int_eq(tx, KTLS_DEVICE_UNKNOWN);
	ck_assert_int_eq(rx, KTLS_DEVICE_UNKNOWN);
}

START_TEST(devices)
{
	static const struct {
		uint16_t conf;
		enum ktls_device device;
	} cases[] = {{1, KTLS_DEVICE_UNKNOWN},
		     {2, KTLS_DEVICE_SOFTWARE},
		     {3, KTLS_DEVICE_NIC},
		     {4, KTLS_DEVICE_NIC},
		     {5, KTLS_DEVICE_UNKNOWN}};
	struct answer a = tls_answer(cases[_i].conf, 2);
	enum ktls_device tx, rx;

	ck_assert_int_eq(ask(a.bytes, a.len, 0, &tx, &rx), 0);
	ck_assert_int_eq(tx, cases[_i].device);
	ck_assert_int_eq(rx, KTLS_DEVICE_SOFTWARE);
	a = tls_answer(2, cases[_i].conf);
	ck_assert_int_eq(ask(a.bytes, a.len, 0, &tx, &rx), 0);
	ck_assert_int_eq(tx, KTLS_DEVICE_SOFTWARE);
	ck_assert_int_eq(rx, cases[_i].device);
}
END_TEST

static struct inet_diag_req_v2 sent_request(void)
{
	const struct fake_log *call = fake_nth(FAKE_SENDMSG, 0);
	struct inet_diag_req_v2 req;
	struct nlmsghdr header;

	ck_assert_int_eq(call->fd, NETLINK);
	ck_assert_uint_eq(call->len, sizeof(header) + sizeof(req));
	ck_assert_int_eq(call->flags & MSG_DONTWAIT, MSG_DONTWAIT);
	memcpy(&header, call->bytes, sizeof(header));
	memcpy(&req, call->bytes + sizeof(header), sizeof(req));
	ck_assert_uint_eq(header.nlmsg_len, call->len);
	ck_assert_uint_eq(header.nlmsg_type, SOCK_DIAG_BY_FAMILY);
	/* one socket, no dump */
	ck_assert_uint_eq(header.nlmsg_flags, NLM_F_REQUEST);
	ck_assert_uint_eq(req.sdiag_protocol, IPPROTO_TCP);
	ck_assert_uint_eq(req.id.idiag_cookie[0], (uint32_t)COOKIE);
	ck_assert_uint_eq(req.id.idiag_cookie[1], COOKIE >> 32);
	ck_assert_uint_eq(req.id.idiag_if, 3);
	ck_assert_uint_eq(req.idiag_ext, 1 << (INET_DIAG_INFO - 1));
	return req;
}

START_TEST(request_v4)
{
	struct answer a = tls_answer(2, 2);
	struct inet_diag_req_v2 req;
	enum ktls_device tx, rx;

	ck_assert_int_eq(ask(a.bytes, a.len, 0, &tx, &rx), 0);
	ck_assert_int_eq(fake_nth(FAKE_SOCKET, 0)->level, AF_NETLINK);
	ck_assert_int_eq(fake_nth(FAKE_RECVMSG, 0)->flags & MSG_DONTWAIT,
			 MSG_DONTWAIT);
	req = sent_request();
	ck_assert_uint_eq(req.sdiag_family, AF_INET);
	ck_assert_uint_eq(req.id.idiag_sport, local4.sin_port);
	ck_assert_uint_eq(req.id.idiag_dport, remote4.sin_port);
	ck_assert_uint_eq(req.id.idiag_src[0], local4.sin_addr.s_addr);
	ck_assert_uint_eq(req.id.idiag_dst[0], remote4.sin_addr.s_addr);
}
END_TEST

START_TEST(request_v6)
{
	struct sockaddr_in6 local = {.sin6_family = AF_INET6, .sin6_port = 7};
	struct sockaddr_in6 remote = {.sin6_family = AF_INET6, .sin6_port = 8};
	struct inet_diag_req_v2 req;
	enum ktls_device tx, rx;

	memset(&local.sin6_addr, 0x11, 16);
	memset(&remote.sin6_addr, 0x22, 16);
	script_socket(&local, &remote, sizeof(local));
	fake_push(FAKE_RECVMSG, -EAGAIN);
	ck_assert_int_eq(ktls__diag(FD, &tx, &rx), -EAGAIN);
	req = sent_request();
	ck_assert_uint_eq(req.sdiag_family, AF_INET6);
	ck_assert_uint_eq(req.id.idiag_sport, 7);
	ck_assert_uint_eq(req.id.idiag_dport, 8);
	ck_assert_mem_eq(req.id.idiag_src, &local.sin6_addr, 16);
	ck_assert_mem_eq(req.id.idiag_dst, &remote.sin6_addr, 16);
}
END_TEST

/* What an unprivileged process is told before Linux 6.15. */
START_TEST(nothing_told)
{
	struct answer a = socket_answer();

	ask_bad(&a, -ENOENT);
}
END_TEST

START_TEST(refused)
{
	struct answer a = {
		.header = {.nlmsg_type = NLMSG_ERROR, .nlmsg_seq = 1},
		.len = sizeof(struct nlmsghdr)};
	struct nlmsgerr refusal = {.error = -EPERM};

	append(&a, &refusal, sizeof(refusal));
	ask_bad(&a, -EPERM);
	a.len = sizeof(struct nlmsghdr);
	refusal.error = 0;
	append(&a, &refusal, sizeof(refusal));
	ask_bad(&a, -ENOENT);
}
END_TEST

START_TEST(wrong_answers)
{
	struct answer a = tls_answer(2, 2);
	struct inet_diag_msg *msg = (void *)(a.bytes + sizeof(a.header));
	enum ktls_device tx, rx;

	a.header.nlmsg_seq = 2;
	ask_bad(&a, -EBADMSG);
	a = tls_answer(2, 2);
	a.header.nlmsg_type = NLMSG_DONE;
	ask_bad(&a, -EBADMSG);
	a = tls_answer(2, 2);
	a.header.nlmsg_len++;
	ask_bad(&a, -EBADMSG);
	a = tls_answer(2, 2);
	msg->id.idiag_cookie[1]++;
	ask_bad(&a, -EBADMSG);
	a = tls_answer(2, 2);
	msg->id.idiag_dport++;
	ask_bad(&a, -EBADMSG);
	a = tls_answer(2, 2);
	ck_assert_int_eq(ask(a.bytes, a.len, MSG_TRUNC, &tx, &rx), -EBADMSG);
}
END_TEST

/* Whatever the length and wherever it breaks off: no read beyond it. */
START_TEST(cut_off)
{
	struct answer whole = tls_answer(2, 2);

	for (size_t len = 0; len < whole.len; len++) {
		struct answer a = whole;
		enum ktls_device tx, rx;

		a.header.nlmsg_len = (uint32_t)len;
		(void)ask(a.bytes, len, 0, &tx, &rx);
		ck_assert_int_ne(rx, KTLS_DEVICE_NIC);
		if (len < whole.len - 4)
			ck_assert_int_eq(rx, KTLS_DEVICE_UNKNOWN);
	}
}
END_TEST

/* Attribute lengths that run out of their nest, or do not move on. */
START_TEST(bad_lengths)
{
	static const uint16_t lengths[] = {0, 1, 3, 5, 200, 0xffff};
	const size_t first =
		sizeof(struct nlmsghdr) + sizeof(struct inet_diag_msg);

	for (size_t at = first; at + 2 <= tls_answer(2, 2).len; at += 4)
		for (size_t i = 0; i < 6; i++) {
			struct answer a = tls_answer(2, 2);
			enum ktls_device tx, rx;

			memcpy(a.bytes + at, &lengths[i], 2);
			ck_assert_int_le(ask(a.bytes, a.len, 0, &tx, &rx), 0);
		}
}
END_TEST

/* The nest ends before the value of its last attribute does. */
START_TEST(value_outside_nest)
{
	struct answer a = tls_answer(2, 2);
	enum ktls_device tx, rx;
	const size_t nest = a.len - 28;

	memcpy(a.bytes + nest, &(uint16_t){24}, 2);
	ck_assert_int_eq(ask(a.bytes, a.len, 0, &tx, &rx), 0);
	ck_assert_int_eq(tx, KTLS_DEVICE_SOFTWARE);
	ck_assert_int_eq(rx, KTLS_DEVICE_UNKNOWN);
}
END_TEST

static void fails_with(int err)
{
	enum ktls_device tx, rx;

	ck_assert_int_eq(ktls__diag(FD, &tx, &rx), err);
	ck_assert_int_eq(tx, KTLS_DEVICE_UNKNOWN);
	ck_assert_int_eq(rx, KTLS_DEVICE_UNKNOWN);
	ck_assert_uint_eq(fake_left(), 0);
}

START_TEST(call_fails)
{
	const struct sockaddr un = {.sa_family = AF_UNIX};

	fake_sys();
	fake_push(FAKE_GETSOCKNAME, -ENOTSOCK);
	fails_with(-ENOTSOCK);
	fake_push_data(FAKE_GETSOCKNAME, 0, &un, sizeof(un));
	fails_with(-EAFNOSUPPORT);
	fake_push_data(FAKE_GETSOCKNAME, 0, &local4, sizeof(local4));
	fake_push(FAKE_GETPEERNAME, -ENOTCONN);
	fails_with(-ENOTCONN);
	ck_assert_uint_eq(fake_n(FAKE_SOCKET), 0);
	fake_push_data(FAKE_GETSOCKNAME, 0, &local4, sizeof(local4));
	fake_push_data(FAKE_GETPEERNAME, 0, &remote4, sizeof(local4));
	fake_push(FAKE_GETSOCKOPT, -ENOPROTOOPT);
	fails_with(-ENOPROTOOPT);
}
END_TEST

START_TEST(netlink_fails)
{
	fake_sys();
	fake_push_data(FAKE_GETSOCKNAME, 0, &local4, sizeof(local4));
	fake_push_data(FAKE_GETPEERNAME, 0, &remote4, sizeof(local4));
	fake_push_data(FAKE_GETSOCKOPT, 0, &(uint64_t){COOKIE}, 8);
	fake_push(FAKE_GETSOCKOPT, -ENOPROTOOPT);
	fake_push(FAKE_SOCKET, -EMFILE);
	fails_with(-EMFILE);
	ck_assert_uint_eq(fake_n(FAKE_CLOSE), 0);
	script_socket(&local4, &remote4, sizeof(local4));
	fake_push(FAKE_RECVMSG, -ENOBUFS);
	fails_with(-ENOBUFS);
	ck_assert_uint_eq(fake_n(FAKE_CLOSE), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diag");
	TCase *tcase = tcase_create("diag");

	tcase_add_checked_fixture(tcase, NULL, fake_sys_end);
	tcase_add_loop_test(tcase, devices, 0, 5);
	tcase_add_test(tcase, request_v4);
	tcase_add_test(tcase, request_v6);
	tcase_add_test(tcase, nothing_told);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, wrong_answers);
	tcase_add_test(tcase, cut_off);
	tcase_add_test(tcase, bad_lengths);
	tcase_add_test(tcase, value_outside_nest);
	tcase_add_test(tcase, call_fails);
	tcase_add_test(tcase, netlink_fails);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
