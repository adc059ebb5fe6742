/* SPDX-License-Identifier: MIT */
/* A peer that seals what it likes: its keys come out of its own SSL. */
#include "rig.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aead.h"

static size_t from_hex(uint8_t *out, size_t room, const char *hex)
{
	size_t len = 0;
	unsigned byte;

	while (len < room && sscanf(hex + 2 * len, "%2x", &byte) == 1)
		out[len++] = (uint8_t)byte;
	return len;
}

void rig_keylog(const SSL *ssl, const char *line)
{
	struct rig *rig = SSL_get_app_data(ssl);
	const char *last = strrchr(line, ' ');
	int i;

	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0)
		i = 0;
	else if (strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0)
		i = 1;
	else
		return;
	rig->secret_len = from_hex(rig->secret[i], sizeof(rig->secret[i]),
				   last + 1);
}

static uint16_t suite_id(const struct rig *rig)
{
	return SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(rig->peer));
}

static void derive_1_2(struct rig *rig, struct ktls_keys *client,
		       struct ktls_keys *server)
{
	uint8_t master[48];
	uint8_t random[2][32];

	SSL_SESSION_get_master_key(SSL_get_session(rig->peer), master, 48);
	SSL_get_client_random(rig->peer, random[0], 32);
	SSL_get_server_random(rig->peer, random[1], 32);
	ck_assert_int_eq(ktls_keys_tls12(client, server, suite_id(rig), master,
					 random[0], random[1]), 0);
}

void rig_derive(struct rig *rig)
{
	int ours = rig->config.server;
	uint16_t id = suite_id(rig);

	if (rig->config.version == KTLS_TLS_1_2) {
		if (ours)
			derive_1_2(rig, &rig->peer_tx, &rig->peer_rx);
		else
			derive_1_2(rig, &rig->peer_rx, &rig->peer_tx);
		return;
	}
	ck_assert_int_eq(ktls_keys_tls13(&rig->peer_tx, id,
					 rig->secret[ours ? 0 : 1],
					 rig->secret_len), 0);
	ck_assert_int_eq(ktls_keys_tls13(&rig->peer_rx, id,
					 rig->secret[ours ? 1 : 0],
					 rig->secret_len), 0);
}

void rig_peer_rekey(struct rig *rig)
{
	uint8_t *secret = rig->secret[rig->config.server ? 0 : 1];
	uint16_t id = suite_id(rig);

	ck_assert_int_eq(ktls_secret_next(id, secret, rig->secret_len), 0);
	ck_assert_int_eq(ktls_keys_tls13(&rig->peer_tx, id, secret,
					 rig->secret_len), 0);
}

/* The explicit nonce of TLS 1.2 AES-GCM; RFC 7905 suites have none. */
static void set_nonce(struct rig *rig, struct ktls_keys *keys)
{
	int i;

	if (rig->config.version != KTLS_TLS_1_2 ||
	    strstr(rig->config.suite, "CHACHA"))
		return;
	for (i = 0; i < 8; i++)
		keys->iv[4 + i] = (uint8_t)(keys->seq >> (56 - 8 * i));
}

size_t rig_seal(struct rig *rig, uint8_t *out, uint8_t type, const void *buf,
		size_t len)
{
	int n;

	set_nonce(rig, &rig->peer_tx);
	n = ktls__record_seal(out, &rig->peer_tx, type, buf, len);
	ck_assert_int_gt(n, 0);
	rig->peer_tx.seq++;
	return (size_t)n;
}

void rig_send_bytes(struct rig *rig, const void *buf, size_t len)
{
	const uint8_t *at = buf;

	while (len > 0) {
		ssize_t n = send(rig->peer_fd, at, len, MSG_NOSIGNAL);

		ck_assert_int_gt(n, 0);
		at += n;
		len -= (size_t)n;
	}
}

void rig_send(struct rig *rig, uint8_t type, const void *buf, size_t len)
{
	uint8_t record[RIG_RECORD_MAX];
	size_t n = rig_seal(rig, record, type, buf, len);

	rig_send_bytes(rig, record, n);
}

void rig_send_alert(struct rig *rig, uint8_t level, uint8_t description)
{
	uint8_t alert[2] = { level, description };

	rig_send(rig, KTLS_RECORD_ALERT, alert, 2);
}

static ssize_t take(int fd, uint8_t *buf, size_t len)
{
	ssize_t n = recv(fd, buf, len, MSG_WAITALL);

	if (n < 0)
		return -2;
	return (size_t)n == len ? n : -1;
}

ssize_t rig_recv(struct rig *rig, uint8_t *type, uint8_t buf[RIG_RECORD_MAX])
{
	uint8_t record[5 + 65535];
	size_t len;
	ssize_t n = take(rig->peer_fd, record, 5);

	if (n < 0)
		return n;
	len = (size_t)(record[3] << 8 | record[4]);
	ck_assert_uint_le(len, 16384 + 256);
	n = take(rig->peer_fd, record + 5, len);
	if (n < 0)
		return n;
	n = ktls__record_open(buf, type, &rig->peer_rx, record, len + 5);
	ck_assert_int_ge(n, 0);
	rig->peer_rx.seq++;
	return n;
}

void rig_fin(struct rig *rig)
{
	ck_assert_int_eq(shutdown(rig->peer_fd, SHUT_WR), 0);
}

void rig_reset(struct rig *rig)
{
	struct linger now = { 1, 0 };

	ck_assert_int_eq(setsockopt(rig->peer_fd, SOL_SOCKET, SO_LINGER, &now,
				    sizeof(now)), 0);
	close(rig->peer_fd);
	rig->peer_fd = -1;
	SSL_set_quiet_shutdown(rig->peer, 1);
}
