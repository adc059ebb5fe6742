/* SPDX-License-Identifier: MIT */
/* A connection without a socket: see control_conn.h. */
#include "control_conn.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "fake_sys.h"

static const uint8_t secrets[2][32] = { "the secret of what the peer says",
					"the secret of what we ourselves." };

static void keys_of(const struct ktls *k, int dir, int updates,
		    struct ktls_keys *keys)
{
	uint8_t secret[32];

	memset(keys, 0, sizeof(*keys));
	keys->version = k->hs.version;
	keys->suite = k->hs.suite;
	memcpy(secret, secrets[dir == KTLS_TX], sizeof(secret));
	if (k->hs.version == KTLS_TLS_1_2) {
		memcpy(keys->key, secret, sizeof(keys->key));
		return;
	}
	while (updates-- > 0)
		ck_assert_int_eq(ktls_secret_next(k->hs.suite, secret, 32), 0);
	ck_assert_int_eq(ktls_keys_tls13(keys, k->hs.suite, secret, 32), 0);
}

static void set_side(struct ktls *k, struct ktls__side *side, int dir)
{
	side->path = KTLS_PATH_USERSPACE;
	if (k->hs.version != KTLS_TLS_1_3)
		return;
	memcpy(side->secret, secrets[dir == KTLS_TX], 32);
	side->secret_len = 32;
}

void control_open(struct ktls *k, uint16_t version, int server)
{
	struct ktls_keys keys;

	fake_sys();
	memset(k, 0, sizeof(*k));
	k->fd = FAKE_FD;
	k->hs.version = version;
	k->hs.server = server;
	k->hs.suite = version == KTLS_TLS_1_3 ? 0x1301 : 0xc02b;
	k->hs.row = ktls__suite_find(k->hs.suite);
	k->limits.key_update_run = CONTROL_RUN;
	k->limits.ticket_run = CONTROL_RUN;
	k->limits.warning_run = CONTROL_RUN;
	k->limits.empty_run = CONTROL_RUN;
	k->alert_received = -1;
	k->alert_sent = -1;
	k->link = calloc(1, sizeof(*k->link));
	k->kept = calloc(1, sizeof(*k->kept));
	k->engine = calloc(1, sizeof(*k->engine));
	ck_assert(k->link && k->kept && k->engine);
	ktls__link_init(k->link, FAKE_FD);
	ktls__said_init(&k->kept->said);
	ck_assert_int_eq(pthread_mutex_init(&k->lock, NULL), 0);
	set_side(k, &k->rx, KTLS_RX);
	set_side(k, &k->tx, KTLS_TX);
	keys_of(k, KTLS_RX, 0, &keys);
	ck_assert_int_eq(ktls__inbox_key(&k->engine->inbox, &keys), 0);
	keys_of(k, KTLS_TX, 0, &keys);
	ck_assert_int_eq(ktls__sealer_key(&k->engine->sealer, &keys), 0);
}

void control_close(struct ktls *k)
{
	ktls__control_wipe(k);
	ktls__inbox_wipe(&k->engine->inbox);
	ktls__sealer_wipe(&k->engine->sealer);
	ktls__said_wipe(&k->kept->said);
	ktls__link_wipe(k->link);
	free(k->kept);
	free(k->link);
	free(k->engine);
	pthread_mutex_destroy(&k->lock);
	ck_assert_uint_eq(fake_left(), 0);
	fake_sys_end();
}

int control_take(struct ktls *k, uint8_t type, const void *data, size_t len,
		 size_t step)
{
	const uint8_t *p = data;
	struct iovec iov;
	size_t n;
	int err = 0;

	for (; len > 0 && err == 0; p += n, len -= n) {
		n = step < len ? step : len;
		iov.iov_base = (void *)(uintptr_t)p;
		iov.iov_len = n;
		err = ktls__control_take(k, type, &iov, n, n == len);
	}
	return err;
}

void control_followed(struct ktls *k, int updates)
{
	struct ktls_keys keys;

	keys_of(k, KTLS_RX, updates, &keys);
	ck_assert_mem_eq(k->engine->inbox.opener.iv, keys.iv, sizeof(keys.iv));
	ck_assert_uint_eq(k->engine->inbox.opener.seq, 0);
}

static void note(struct ktls *k, const struct ktls_event *ev, void *arg)
{
	struct control_events *seen = arg;

	(void)k;
	seen->n++;
	seen->last = ev->type;
	seen->value = ev->value;
	seen->len = ev->len;
	if (ev->len > 0 && ev->len <= sizeof(seen->data))
		memcpy(seen->data, ev->data, ev->len);
}

void control_listen(struct ktls *k, struct control_events *seen)
{
	k->event = note;
	k->event_arg = seen;
}
