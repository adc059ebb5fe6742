/* SPDX-License-Identifier: MIT */
/* See pair.h: connections and keys. */
#include "pair.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "sock.h"
#include "suite.h"

#define ALL_CIPHERS 7U
/* Only a hang takes so long; it is an EAGAIN then. */
#define LIMIT_S 30

struct ktls_features pair_features;
int pair_suites;
static const uint16_t ids[] = {0x1301, 0x1302, 0x1303, 0xc02f, 0xc030, 0xcca8};
#define IDS (sizeof(ids) / sizeof(*ids))
static uint16_t usable[IDS];

static int refuse(const char *why)
{
	const char *require = getenv("KTLS_REQUIRE_KERNEL");

	printf("%s\n", why);
	return require && strcmp(require, "1") == 0 ? 1 : 77;
}

static int takes(const struct ktls__suite *suite)
{
	const struct ktls_features *f = &pair_features;
	int is_1_3 = suite->version == KTLS_TLS_1_3;
	unsigned both = is_1_3 ? f->tx_1_3 & f->rx_1_3 : f->tx_1_2 & f->rx_1_2;

	return (both & suite->cipher_bit) != 0;
}

int pair_setup(void)
{
	const struct ktls_features *f = &pair_features;

	pair_features.size = sizeof(pair_features);
	if (ktls_probe(&pair_features) < 0) {
		printf("the kernel could not be probed\n");
		return 1;
	}
	if (f->ulp < 0)
		return refuse("this kernel has no TLS");
	for (size_t i = 0; i < IDS; i++)
		if (takes(ktls__suite_find(ids[i])))
			usable[pair_suites++] = ids[i];
	if ((f->tx_1_2 & f->rx_1_2 & f->tx_1_3 & f->rx_1_3) != ALL_CIPHERS)
		return refuse("this kernel lacks one of the suites");
	return 0;
}

int pair_is_1_3(const struct pair *p)
{
	return p->out.version == KTLS_TLS_1_3;
}

static struct ktls_keys make_keys(int i, uint8_t first)
{
	const struct ktls__suite *suite = ktls__suite_find(usable[i]);
	struct ktls_keys keys = {.version = suite->version, .suite = suite->id};

	for (unsigned k = 0; k < suite->key_len; k++)
		keys.key[k] = (uint8_t)(first + 11 * k);
	for (unsigned k = 0; k < sizeof(keys.iv); k++)
		keys.iv[k] = (uint8_t)(first + 5 * k);
	return keys;
}

static int tcp(int family)
{
	static const struct timeval limit = {.tv_sec = LIMIT_S};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static void connect_pair(struct pair *p, int family, struct sockaddr *addr,
			 socklen_t len)
{
	int listener = tcp(family);

	ck_assert_int_eq(bind(listener, addr, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, addr, &len), 0);
	p->fd = tcp(family);
	ck_assert_int_eq(connect(p->fd, addr, len), 0);
	p->peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(p->peer, 0);
	close(listener);
}

static void set_pair_keys(struct pair *p, int i)
{
	memset(p, 0, sizeof(*p));
	p->out = make_keys(i, 0x11);
	p->in = make_keys(i, 0x82);
}

void pair_tcp(struct pair *p, int i)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	set_pair_keys(p, i);
	connect_pair(p, AF_INET, (struct sockaddr *)&addr, sizeof(addr));
}

void pair_tcp6(struct pair *p, int i)
{
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6};

	addr.sin6_addr = in6addr_loopback;
	set_pair_keys(p, i);
	connect_pair(p, AF_INET6, (struct sockaddr *)&addr, sizeof(addr));
}

void pair_attached(struct pair *p, int i)
{
	pair_tcp(p, i);
	ck_assert_int_eq(ktls_sock_attach(p->fd), 0);
	ck_assert_int_eq(ktls_sock_attach(p->peer), 0);
}

void pair_install(int fd, int dir, const struct ktls_keys *keys)
{
	ck_assert_int_eq(ktls_sock_install(fd, dir, keys), 0);
}

void pair_tls(struct pair *p, int i)
{
	pair_attached(p, i);
	pair_install(p->fd, KTLS_TX, &p->out);
	pair_install(p->fd, KTLS_RX, &p->in);
	pair_install(p->peer, KTLS_TX, &p->in);
	pair_install(p->peer, KTLS_RX, &p->out);
}

void pair_crafted(struct pair *p, int i)
{
	pair_tcp(p, i);
	ck_assert_int_eq(ktls_sock_attach(p->peer), 0);
	pair_install(p->peer, KTLS_TX, &p->in);
	pair_install(p->peer, KTLS_RX, &p->out);
}

void pair_close(struct pair *p)
{
	close(p->fd);
	close(p->peer);
}

int pair_set_keys(int fd, int dir, const struct ktls_keys *keys)
{
	uint8_t info[KTLS_CRYPTO_INFO_MAX];
	int len = ktls_crypto_info(info, sizeof(info), keys);

	ck_assert_int_gt(len, 0);
	return setsockopt(fd, 282, dir, info, (socklen_t)len) < 0 ? -errno : 0;
}

uint64_t pair_seq(const struct pair *p, int fd, int dir)
{
	uint64_t seq = UINT64_MAX;

	ck_assert_int_eq(ktls__sock_rec_seq(
				 fd, dir, ktls__suite_find(p->out.suite), &seq),
			 0);
	return seq;
}
