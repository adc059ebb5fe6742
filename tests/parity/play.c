/* SPDX-License-Identifier: MIT */
/* One sequence on every pair of paths, and what they say of each step. */
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parity.h"

/* Unread bytes of the peer's: they find room at our end. */
#define UNREAD_MAX 60000

static const struct parity_paths pairs[] = {
	{ KTLS_USERSPACE, KTLS_USERSPACE },
	{ KTLS_LIBRARY, KTLS_LIBRARY },
	{ KTLS_USERSPACE, KTLS_LIBRARY },
	{ KTLS_LIBRARY, KTLS_USERSPACE },
	{ KTLS_KERNEL, KTLS_KERNEL },
	{ KTLS_KERNEL, KTLS_USERSPACE },
	{ KTLS_USERSPACE, KTLS_KERNEL },
	{ KTLS_KERNEL, KTLS_LIBRARY },
	{ KTLS_LIBRARY, KTLS_KERNEL }
};
#define PAIRS ((int)(sizeof(pairs) / sizeof(pairs[0])))

uint8_t parity_pattern[PARITY_PATTERN];

static uint8_t out[PARITY_STREAM_MAX + PARITY_LEN_MAX + PARITY_FILE_MAX];
static uint8_t in[PARITY_STREAM_MAX];

int parity_fail(struct parity_conn *c, const char *format, ...)
{
	va_list args;

	if (c->failed)
		return -1;
	c->failed = 1;
	va_start(args, format);
	vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
	return -1;
}

static int peer_can_speak(const struct parity_conn *c)
{
	return !c->rx_has_end && !c->peer.gone && c->peer.alert <= 0;
}

static int peer_data(struct parity_conn *c, const struct parity_step *s)
{
	size_t pad = 0;

	if (c->sent - c->read + s->len + c->peer.half > UNREAD_MAX ||
	    c->sent + 2 * s->len + c->peer.half > PARITY_STREAM_MAX)
		return 0;
	if (parity_peer_drain(c) < 0)
		return -1;
	if (c->script->peer == PEER_RAW && parity_raw_hold(c, 0))
		return -1;
	if (s->draw % 3 == 0 && c->script->version == KTLS_TLS_1_3 &&
	    s->len < 15000)
		pad = (s->draw >> 8) % 1000;
	if (c->script->peer == PEER_RAW)
		return parity_peer_send(c, parity_pattern + s->from,
					s->len < 16384 ? s->len : 16384, pad);
	return parity_peer_send(c, parity_pattern + s->from, s->len, 0);
}

/* Its data counts when the rest of it is sent. */
static int peer_half(struct parity_conn *c, const struct parity_step *s)
{
	size_t len = s->len < 5000 ? s->len : 5000;

	if (c->script->peer != PEER_RAW || c->peer.half > 0 ||
	    c->sent - c->read + len > UNREAD_MAX)
		return 0;
	if (parity_raw_hold(c, 0) ||
	    parity_raw_send(c, KTLS_RECORD_DATA, parity_pattern + s->from, len,
			    0))
		return -1;
	memcpy(c->in + c->sent, parity_pattern + s->from, len);
	c->peer.half = len;
	c->peer_said = 1;
	return parity_raw_hold(c, 1 + (s->draw >> 8) % (len + 16));
}

static int peer_empty(struct parity_conn *c)
{
	if (c->script->peer != PEER_RAW)
		return 0;
	c->peer_said = 1;
	return parity_raw_send(c, KTLS_RECORD_DATA, "", 0, 0) ||
	       parity_raw_hold(c, 0);
}

/* A kernel that cannot change keys ends the connection then. */
static int peer_update(struct parity_conn *c, const struct parity_step *s)
{
	int ask = s->draw & 1;

	if (c->script->version != KTLS_TLS_1_3)
		return 0;
	if (!parity_options.rekey &&
	    (c->paths.rx == KTLS_KERNEL ||
	     (ask && c->paths.tx == KTLS_KERNEL)))
		return 0;
	c->peer_said = 1;
	c->asked |= ask;
	return parity_peer_update(c, ask);
}

static int ended(struct parity_conn *c, int how)
{
	c->rx_has_end = 1;
	c->rx_end = how;
	return 0;
}

static int peer_reset(struct parity_conn *c)
{
	struct pollfd p = { .fd = c->fd };

	if (c->peer.gone)
		return 0;
	ended(c, PARITY_DEAD);
	if (c->tx_end == 0)
		c->tx_end = PARITY_DEAD;
	if (parity_peer_reset(c))
		return -1;
	while ((p.revents & (POLLHUP | POLLERR)) == 0)
		if (poll(&p, 1, 10000) <= 0)
			return parity_fail(c, "no reset comes");
	return 0;
}

static int peer_bad(struct parity_conn *c, int forged)
{
	if (c->script->peer != PEER_RAW)
		return 0;
	ended(c, forged ? -KTLS_EBADRECORD : -KTLS_EALERT);
	return parity_raw_hold(c, 0) || parity_peer_bad(c, forged);
}

static int peer_close(struct parity_conn *c)
{
	ended(c, 0);
	return parity_raw_hold(c, 0) || parity_peer_notify(c);
}

static int peer_fin(struct parity_conn *c)
{
	if (c->peer.gone || c->peer.fin_sent)
		return 0;
	if (!c->rx_has_end)
		ended(c, -KTLS_ETRUNCATED);
	return parity_peer_fin(c);
}

static int peer_step(struct parity_conn *c, const struct parity_step *s)
{
	c->results[c->at] = PARITY_ANY;
	if (s->op == OP_PEER_RESET)
		return peer_reset(c);
	if (s->op == OP_PEER_FIN)
		return peer_fin(c);
	if (!peer_can_speak(c))
		return 0;
	switch (s->op) {
	case OP_PEER_DATA:
		return peer_data(c, s);
	case OP_PEER_HALF:
		return peer_half(c, s);
	case OP_PEER_EMPTY:
		return peer_empty(c);
	case OP_PEER_UPDATE:
		return peer_update(c, s);
	case OP_PEER_CLOSE:
		return peer_close(c);
	default:
		return peer_bad(c, s->op == OP_PEER_FORGE);
	}
}

static int arrives(struct parity_conn *c, const struct parity_step *s)
{
	(void)s;
	return parity_arrives(c);
}

static parity_do *const steps[PARITY_OPS] = {
	[OP_WRITE] = parity_write, [OP_SENDFILE] = parity_sendfile,
	[OP_RESIZE] = parity_resize, [OP_SPLICE_WRITE] = parity_splice_write,
	[OP_UPDATE] = parity_update, [OP_ALERT] = parity_alert,
	[OP_BAD_CALL] = parity_bad_call, [OP_READ] = parity_read,
	[OP_SPLICE_READ] = parity_splice_read,
	[OP_READ_DRY] = parity_read_dry, [OP_ARRIVES] = arrives,
	[OP_SHUTDOWN] = parity_shutdown, [OP_FATAL] = parity_fatal,
	[OP_LINGER] = parity_linger, [OP_ABANDON] = parity_abandon,
	[OP_READ_END] = parity_read_end, [OP_ERROR] = parity_error
};

/* How early a fatal end is met, ahead of the reader, is left open. */
static int is_open(const struct parity_conn *c)
{
	return c->rx_has_end && !c->rx_over && c->rx_end != 0 &&
	       c->rx_end != -KTLS_ETRUNCATED;
}

static int play_steps(struct parity_conn *c)
{
	const struct parity_script *s = c->script;

	for (c->at = 0; c->at < s->n; c->at++) {
		const struct parity_step *step = &s->steps[c->at];
		parity_do *todo = steps[step->op];

		if ((todo ? todo : peer_step)(c, step) || parity_check(c))
			return -1;
		if (c->failed)
			return -1;
		if (is_open(c))
			c->results[c->at] = PARITY_ANY;
	}
	return c->peer.fin || c->peer.reset || c->peer.alert > 0 ||
	       c->peer.closed ? 0 : parity_arrives(c);
}

static int play_pair(struct parity_conn *c, const struct parity_script *s,
		     int pair)
{
	memset(c, 0, sizeof(*c));
	c->script = s;
	c->paths = pairs[pair];
	c->fd = c->peer_fd = -1;
	c->at = -1;
	c->out = out;
	c->in = in;
	c->file_size = PARITY_FILE_MAX / 2;
	c->file = parity_source(SOURCE_FILE);
	parity_files_reset(s->nonblock);
	if (parity_file_resize(c->file, 0, c->file_size) ||
	    parity_conn_open(c) || play_steps(c))
		parity_fail(c, "no reason given");
	parity_conn_close(c);
	return c->failed ? -1 : 0;
}

static int differs(long a, long b)
{
	return a != b && a != PARITY_ANY && b != PARITY_ANY;
}

static const char *pair_name(int pair)
{
	static char name[40];

	snprintf(name, sizeof(name), "%s/%s",
		 ktls_path_name((enum ktls_path)pairs[pair].tx),
		 ktls_path_name((enum ktls_path)pairs[pair].rx));
	return name;
}

static int compare(const struct parity_conn *c, struct parity_conn *first,
		   int pair)
{
	int i;

	for (i = 0; i < c->script->n; i++)
		if (differs(c->results[i], first->results[i])) {
			first->at = i;
			return parity_fail(first, "step %d gives %ld, and %ld "
					   "on %s", i, first->results[i],
					   c->results[i], pair_name(pair));
		}
	return 0;
}

static int has_cipher(unsigned mask, int suite)
{
	return (mask & (1u << suite)) != 0;
}

static int is_there(int pair, const struct parity_script *s)
{
	const struct ktls_features *f = &parity_options.features;
	int v13 = s->version == KTLS_TLS_1_3;

	if (parity_options.only >= 0 && pair != parity_options.only)
		return 0;
	if (pairs[pair].tx == KTLS_KERNEL &&
	    !has_cipher(v13 ? f->tx_1_3 : f->tx_1_2, s->suite))
		return 0;
	return pairs[pair].rx != KTLS_KERNEL ||
	       has_cipher(v13 ? f->rx_1_3 : f->rx_1_2, s->suite);
}

static int complain(const struct parity_conn *c, int pair)
{
	printf("fuzz_parity: seed %llu, %s, step %d: %s\n",
	       (unsigned long long)c->script->seed, pair_name(pair), c->at,
	       c->why);
	parity_script_print(c->script, c->at);
	return -1;
}

int parity_play(const struct parity_script *s)
{
	static struct parity_conn first;
	static struct parity_conn c;
	int known = -1;
	int pair;

	for (pair = 0; pair < PAIRS; pair++) {
		if (!is_there(pair, s))
			continue;
		if (parity_options.trace)
			printf("seed %llu, %s\n", (unsigned long long)s->seed,
			       pair_name(pair));
		if (play_pair(&c, s, pair))
			return complain(&c, pair);
		if (known < 0) {
			known = pair;
			first = c;
		} else if (compare(&c, &first, pair)) {
			return complain(&first, known);
		}
	}
	return 0;
}
