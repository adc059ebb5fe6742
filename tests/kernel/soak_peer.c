/* SPDX-License-Identifier: MIT */
/* The far end of a long life: see soak.h. */
#include "soak.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define KEY_UPDATE 24

struct peer {
	const struct soak *s;
	struct soak_account *out;
	SSL *ssl;
	EVP_MD_CTX *sha;
	uint64_t random;
	uint64_t next_ask;      /* at so many bytes received */
	uint64_t owed;          /* bytes to send back */
	uint64_t records;       /* under the present key */
	int fd;
	int ended;              /* their close_notify has come */
	int half;               /* a write has to be repeated */
	int shut;               /* our close_notify has left */
};

uint64_t soak_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

int soak_same(const struct soak *s, const uint8_t *buf, size_t len,
	      uint64_t at)
{
	size_t off = (size_t)(at % s->size);
	size_t n = len < s->size - off ? len : s->size - off;

	return memcmp(buf, s->data + off, n) == 0 &&
	       memcmp(buf + n, s->data, len - n) == 0;
}

/* Every record's header comes here, and every handshake message. */
static void on_message(int write_p, int version, int type, const void *buf,
		       size_t len, SSL *ssl, void *arg)
{
	struct peer *p = arg;
	const uint8_t *msg = buf;

	(void)version;
	(void)ssl;
	if (!write_p && type == SSL3_RT_HEADER && ++p->records > p->out->most)
		p->out->most = p->records;
	if (type != SSL3_RT_HANDSHAKE || len < 5 || msg[0] != KEY_UPDATE)
		return;
	if (write_p) {
		p->out->asked++;
		p->out->wanting = 1;
	} else {
		p->out->updates++;
		p->out->wanting = 0;
		p->records = 0;
	}
}

static int fail(struct peer *p, const char *what, int ret)
{
	snprintf(p->out->fault, sizeof(p->out->fault),
		 "%s: error %d, %llu received", what,
		 SSL_get_error(p->ssl, ret), (unsigned long long)p->out->got);
	return -1;
}

static int wants(struct peer *p, int ret)
{
	int err = SSL_get_error(p->ssl, ret);

	return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE;
}

static int is_quiet(const struct peer *p)
{
	return p->out->got + SOAK_QUIET > p->s->bytes;
}

/* It leaves with the next write. */
static void ask(struct peer *p)
{
	if (p->half || p->out->got < p->next_ask || is_quiet(p))
		return;
	SSL_key_update(p->ssl, SSL_KEY_UPDATE_REQUESTED);
	p->owed += 1 + soak_random(&p->random) % 3000;
	p->next_ask = p->out->got + 1 + soak_random(&p->random) % (1 << 20);
}

/* 1: something came; 0: nothing there; -1. */
static int receive(struct peer *p)
{
	uint8_t buf[16384];
	int n = SSL_read(p->ssl, buf, sizeof(buf));

	if (n <= 0) {
		if (SSL_get_error(p->ssl, n) == SSL_ERROR_ZERO_RETURN) {
			p->ended = 1;
			return 1;
		}
		return wants(p, n) ? 0 : fail(p, "SSL_read", n);
	}
	if (!soak_same(p->s, buf, (size_t)n, p->out->got))
		return fail(p, "other bytes came", 1);
	EVP_DigestUpdate(p->sha, buf, (size_t)n);
	p->out->got += (uint64_t)n;
	if (!is_quiet(p))
		p->owed += soak_random(&p->random) % 1024;
	return 1;
}

/* Half a close: we go on reading. */
static int say_goodbye(struct peer *p)
{
	int n = SSL_shutdown(p->ssl);

	p->shut = n >= 0;
	if (n >= 0)
		return 1;
	return wants(p, n) ? 0 : fail(p, "SSL_shutdown", n);
}

static int transmit(struct peer *p)
{
	size_t off = (size_t)(p->out->sent % p->s->size);
	size_t len = p->s->size - off;
	int n;

	if (p->owed == 0)
		return is_quiet(p) && !p->shut ? say_goodbye(p) : 0;
	if (len > p->owed)
		len = (size_t)p->owed;
	if (len > 16384)
		len = 16384;
	n = SSL_write(p->ssl, p->s->data + off, (int)len);
	p->half = n <= 0;
	if (n <= 0)
		return wants(p, n) ? 0 : fail(p, "SSL_write", n);
	p->out->sent += (uint64_t)n;
	p->owed -= (uint64_t)n;
	return 1;
}

static int exchange(struct peer *p)
{
	struct pollfd pfd = { .fd = p->fd };
	int in;
	int out;

	while (!p->ended) {
		in = receive(p);
		if (in < 0)
			return -1;
		ask(p);
		out = transmit(p);
		if (out < 0)
			return -1;
		if (in > 0 || out > 0)
			continue;
		pfd.events = POLLIN;
		if (p->owed > 0 || (is_quiet(p) && !p->shut))
			pfd.events |= POLLOUT;
		poll(&pfd, 1, -1);
	}
	p->out->closed = p->shut;
	return 0;
}

static int handshake(struct peer *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	int n;

	while ((n = SSL_connect(p->ssl)) != 1 && wants(p, n))
		poll(&pfd, 1, -1);
	return n == 1 ? 0 : fail(p, "SSL_connect", n);
}

void soak_peer(const struct soak *s, SSL_CTX *ctx, int fd,
	       struct soak_account *out)
{
	struct peer p = { .s = s, .out = out, .fd = fd };

	memset(out, 0, sizeof(*out));
	p.random = (s->seed * 0x9e3779b97f4a7c15) | 1;
	p.sha = EVP_MD_CTX_new();
	EVP_DigestInit_ex(p.sha, EVP_sha256(), NULL);
	p.ssl = SSL_new(ctx);
	SSL_set_fd(p.ssl, fd);
	SSL_set_mode(p.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
				    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (handshake(&p) == 0) {
		SSL_set_msg_callback(p.ssl, on_message);
		SSL_set_msg_callback_arg(p.ssl, &p);
		(void)exchange(&p);
	}
	EVP_DigestFinal_ex(p.sha, out->sha256, NULL);
	EVP_MD_CTX_free(p.sha);
	SSL_free(p.ssl);
}
