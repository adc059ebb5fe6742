/* SPDX-License-Identifier: MIT */
/* A connection by made-up keys: sockets, keys and what is told of them. */
#include "keyed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "lib/suite.h"
#include "stream.h"
#include "sys.h"

const struct keyed_kind keyed_kinds[KEYED_KINDS] = {
	{ 0x1301, KEYED_SECRET }, { 0xc02b, KEYED_SALT },
	{ 0x1302, KEYED_SECRET }, { 0xc02c, KEYED_KEY },
	{ 0x1303, KEYED_SECRET }, { 0xcca9, KEYED_KEY },
	{ 0x1301, KEYED_KEY },    { 0xc02b, KEYED_KEY },
	{ 0x1303, KEYED_KEY },    { 0xc02c, KEYED_SALT }
};

void keyed_start(enum keyed_world world)
{
	struct fake_options options = { .rekey = world == KEYED_REKEY,
					.tx_list_max = 1 << 20 };

	ktls__sys = &ktls__sys_linux;
	if (world != KEYED_HOST)
		fake_kernel_start(&options);
	else if (keyed_worlds() == 1)
		keyed_must(keyed_has_tls(KEYED_HOST));
}

int keyed_worlds(void)
{
	const char *world = getenv("KTLS_TEST_WORLD");

	return world != NULL && strcmp(world, "host") == 0 ? 1 : KEYED_WORLDS;
}

static struct ktls_features features(void)
{
	struct ktls_features f = { .size = sizeof(f) };

	keyed_must(ktls_probe(&f) == 0);
	return f;
}

int keyed_has_tls(enum keyed_world world)
{
	return world != KEYED_HOST || features().ulp == 0;
}

int keyed_can_rekey(enum keyed_world world)
{
	return world == KEYED_HOST ? features().rekey : world == KEYED_REKEY;
}

enum keyed_world keyed_kernel(int rekey)
{
	if (keyed_worlds() == 1)
		return KEYED_HOST;
	return rekey ? KEYED_REKEY : KEYED_FIXED;
}

int keyed_is_gcm12(const struct keyed *c)
{
	return ktls__suite_find(c->kind.suite)->explicit_len > 0;
}

static void set_options(int fd)
{
	const int on = 1;

	keyed_must(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	keyed_must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
			      sizeof(on)) == 0);
}

static void connect_both(struct keyed *c)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr *addr = (struct sockaddr *)&in;
	socklen_t len = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	keyed_must(bind(listener, addr, len) == 0);
	keyed_must(listen(listener, 1) == 0);
	keyed_must(getsockname(listener, addr, &len) == 0);
	c->peer_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	keyed_must(connect(c->peer_fd, addr, len) == 0);
	c->fd = accept(listener, NULL, NULL);
	keyed_must(c->fd >= 0);
	close(listener);
	fake_kernel_forget(c->fd);
	fake_kernel_forget(c->peer_fd);
	set_options(c->fd);
	set_options(c->peer_fd);
}

static void make_keys(struct keyed *c, struct ktls_keys *keys,
		      const uint8_t *secret, uint64_t key)
{
	if (c->version == KTLS_TLS_1_3) {
		keyed_must(ktls_keys_tls13(keys, c->kind.suite, secret,
					   c->secret_len) == 0);
		return;
	}
	keys->version = c->version;
	keys->suite = c->kind.suite;
	stream_fill(key, 0, keys->key, ktls__suite_find(keys->suite)->key_len);
	stream_fill(key, 64, keys->iv, sizeof(keys->iv));
	/* Not to wrap within a test. */
	keys->iv[4] &= 0x7f;
}

static void protect(struct keyed *c, struct ktls_protection *p,
		    const struct ktls_keys *keys, const uint8_t *secret)
{
	memset(p, 0, sizeof(*p));
	p->seq = keys->seq;
	if (c->kind.form == KEYED_SECRET) {
		p->secret = secret;
		p->secret_len = c->secret_len;
		return;
	}
	p->key = keys->key;
	p->key_len = ktls__suite_find(c->kind.suite)->key_len;
	p->iv = keys->iv;
	p->iv_len = c->kind.form == KEYED_SALT ? 4 : 12;
}

static void set_nonce(uint8_t iv[12], uint64_t nonce)
{
	int i;

	for (i = 0; i < 8; i++)
		iv[4 + i] = (uint8_t)(nonce >> (56 - 8 * i));
}

void keyed_seq(struct keyed *c, uint64_t tx, uint64_t rx)
{
	c->tx.seq = c->peer_rx.seq = c->session.tx.seq = tx;
	c->rx.seq = c->peer_tx.seq = c->session.rx.seq = rx;
	if (c->kind.form != KEYED_SALT)
		return;
	set_nonce(c->tx.iv, tx);
	set_nonce(c->rx.iv, rx);
	set_nonce(c->peer_rx.iv, tx);
	set_nonce(c->peer_tx.iv, rx);
}

static void on_event(struct ktls *k, const struct ktls_event *ev, void *arg)
{
	struct keyed *c = arg;
	struct keyed_event *to = &c->events[c->event_count];

	if (c->event_count == KEYED_EVENTS)
		return;
	to->type = ev->type;
	to->dir = ev->dir;
	to->value = ev->value;
	to->len = ev->len;
	to->out_set = k != NULL && c->k == k && ktls_fd(k) == c->fd;
	c->event_count++;
}

void keyed_make(struct keyed *c, const struct keyed_kind *kind, int server,
		unsigned seed)
{
	const struct ktls__suite *suite = ktls__suite_find(kind->suite);
	static const struct ktls_opts defaults = KTLS_OPTS_INIT;
	const uint64_t key = (uint64_t)seed * 4 + 1;

	memset(c, 0, sizeof(*c));
	c->kind = *kind;
	c->version = suite->version;
	c->secret_len = suite->hash_len;
	stream_fill(key, 0, c->secret_tx, c->secret_len);
	stream_fill(key + 1, 0, c->secret_rx, c->secret_len);
	memcpy(c->given_secret[0], c->secret_tx, sizeof(c->secret_tx));
	memcpy(c->given_secret[1], c->secret_rx, sizeof(c->secret_rx));
	make_keys(c, &c->tx, c->secret_tx, key + 2);
	make_keys(c, &c->rx, c->secret_rx, key + 3);
	c->peer_rx = c->tx;
	c->peer_tx = c->rx;
	c->session.size = sizeof(c->session);
	c->session.version = c->version;
	c->session.suite = kind->suite;
	c->session.server = server;
	protect(c, &c->session.tx, &c->tx, c->given_secret[0]);
	protect(c, &c->session.rx, &c->rx, c->given_secret[1]);
	c->opts = defaults;
	c->opts.event = on_event;
	c->opts.event_arg = c;
	connect_both(c);
	keyed_seq(c, seed % 3, seed % 5);
}

/* By a reset, or each would keep its port for a minute. */
static void close_hard(int fd)
{
	const struct linger hard = { .l_onoff = 1 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

void keyed_close(struct keyed *c)
{
	ktls_free(c->k);
	c->k = NULL;
	fake_kernel_forget(c->fd);
	close_hard(c->peer_fd);
	close_hard(c->fd);
	free(c->wire);
	free(c->left);
	c->wire = NULL;
	c->left = NULL;
	c->fd = -1;
	c->peer_fd = -1;
}
