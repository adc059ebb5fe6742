/* SPDX-License-Identifier: MIT */
/* See none.h: two ends of a connection, and keys. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "none.h"

/* Only a hang takes so long; it is an EAGAIN then. */
#define LIMIT_S 10

#define BOTH(version, suite, name, key_len, bit) \
	{ version, suite, name, key_len, bit, false }, \
	{ version, suite, name, key_len, bit, true }

const struct cell cells[CELLS] = {
	BOTH(KTLS_TLS_1_2, 0xc02f, "AES-128-GCM", 16, KTLS_CIPHER_AES_128_GCM),
	BOTH(KTLS_TLS_1_2, 0xc030, "AES-256-GCM", 32, KTLS_CIPHER_AES_256_GCM),
	BOTH(KTLS_TLS_1_2, 0xcca8, "CHACHA20-POLY1305", 32,
	     KTLS_CIPHER_CHACHA20_POLY1305),
	BOTH(KTLS_TLS_1_3, 0x1301, "AES-128-GCM", 16, KTLS_CIPHER_AES_128_GCM),
	BOTH(KTLS_TLS_1_3, 0x1302, "AES-256-GCM", 32, KTLS_CIPHER_AES_256_GCM),
	BOTH(KTLS_TLS_1_3, 0x1303, "CHACHA20-POLY1305", 32,
	     KTLS_CIPHER_CHACHA20_POLY1305),
};

bool has_salt(const struct cell *c)
{
	return c->version == KTLS_TLS_1_2 &&
	       c->bit != KTLS_CIPHER_CHACHA20_POLY1305;
}

/* Every byte differs from its neighbours; the two ends' never meet. */
static struct ktls_keys keys_of(const struct cell *c, bool server_write)
{
	struct ktls_keys keys = { .version = c->version, .suite = c->suite };
	const unsigned from = server_write ? 0x55 : 0x11;

	for (unsigned i = 0; i < c->key_len; i++)
		keys.key[i] = (uint8_t)(from + 11 * i);
	for (unsigned i = 0; i < sizeof(keys.iv); i++)
		keys.iv[i] = (uint8_t)(from + 5 * i);
	keys.seq = server_write ? 1000 : 3;
	return keys;
}

static int die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void set_limit(int fd)
{
	const struct timeval limit = { .tv_sec = LIMIT_S };
	const socklen_t len = sizeof(limit);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, len) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, len) < 0)
		die("setsockopt");
}

static void connect_pair(struct ends *e)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct sockaddr *any = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	e->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || e->fd < 0 || bind(listener, any, len) < 0 ||
	    listen(listener, 1) < 0 || getsockname(listener, any, &len) < 0 ||
	    connect(e->fd, any, len) < 0)
		die("a loopback pair");
	e->peer = accept(listener, NULL, NULL);
	if (e->peer < 0)
		die("accept");
	close(listener);
}

void ends_tcp(struct ends *e, const struct cell *c)
{
	memset(e, 0, sizeof(*e));
	connect_pair(e);
	set_limit(e->fd);
	set_limit(e->peer);
	e->out = keys_of(c, c->server);
	e->in = keys_of(c, !c->server);
}

static struct ktls_protection protection_of(const struct ktls_keys *keys,
					    const struct cell *c)
{
	const struct ktls_protection p = {
		.seq = keys->seq,
		.key = keys->key,
		.key_len = c->key_len,
		.iv = keys->iv,
		.iv_len = sizeof(keys->iv),
	};

	return p;
}

struct ktls_session session_of(const struct ends *e, const struct cell *c,
			       bool turned)
{
	const struct ktls_session session = {
		.size = sizeof(session),
		.version = c->version,
		.suite = c->suite,
		.server = c->server != turned,
		.tx = protection_of(turned ? &e->in : &e->out, c),
		.rx = protection_of(turned ? &e->out : &e->in, c),
	};

	return session;
}

void ends_open(struct ends *e, const struct cell *c, int dirs)
{
	struct ktls_session session;

	ends_tcp(e, c);
	session = session_of(e, c, false);
	if (!expect_int(ktls_open(&e->k, e->fd, &session, NULL), 0))
		return;
	expect_int(ktls_sock_attach(e->peer), 0);
	if ((dirs & KTLS_TX) != 0)
		expect_int(ktls_sock_install(e->peer, KTLS_TX, &e->in), 0);
	if ((dirs & KTLS_RX) != 0)
		expect_int(ktls_sock_install(e->peer, KTLS_RX, &e->out), 0);
}

void ends_close(struct ends *e)
{
	ktls_free(e->k);
	close(e->fd);
	if (e->peer >= 0)
		close(e->peer);
}

void expect_plain(const struct ends *e)
{
	char buf[8] = "";

	expect_int(send(e->fd, "there", 5, MSG_NOSIGNAL), 5);
	expect_int(recv(e->peer, buf, sizeof(buf), 0), 5);
	expect(memcmp(buf, "there", 5) == 0);
	expect_int(send(e->peer, "back", 4, MSG_NOSIGNAL), 4);
	expect_int(recv(e->fd, buf, sizeof(buf), 0), 4);
	expect(memcmp(buf, "back", 4) == 0);
}
