/* SPDX-License-Identifier: MIT */
/* One run of a case: hand-off, steps, and what has to be true at the end. */
#include "life_run.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/tls_calls.h"

static const char *const suites[2][3] = {
	{ "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
	  "ECDHE-ECDSA-CHACHA20-POLY1305" },
	{ "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
	  "TLS_CHACHA20_POLY1305_SHA256" }
};

static const char *suite_of(const struct life_run *run)
{
	const unsigned i = run->c->aead ? run->c->aead - 1 : run->turn % 3;

	if (run->env & LIFE_TLS_1_3 && !tls_has(TLS_CHOICE_1_3))
		return tls_suite_of_two();
	return suites[run->env & LIFE_TLS_1_3 ? 1 : 0][i];
}

/* In the order of enum life_op. */
static const struct {
	life_do *run;
	const char *name;
} words[] = {
	[LIFE_SEND] = { life_send, "SEND" },
	[LIFE_UPDATE] = { life_update, "UPDATE" },
	[LIFE_REKEY] = { life_rekey, "REKEY" },
	[LIFE_RAW] = { life_raw, "RAW" },
	[LIFE_HOLD] = { life_hold, "HOLD" },
	[LIFE_RELEASE] = { life_release, "RELEASE" },
	[LIFE_FIN] = { life_fin, "FIN" },
	[LIFE_RESET] = { life_reset, "RESET" },
	[LIFE_TICKET] = { life_true_ticket, "TRUE_TICKET" },
	[LIFE_GETS] = { life_gets, "GETS" },
	[LIFE_GETS_MESSAGE] = { life_gets_message, "GETS_MESSAGE" },
	[LIFE_GETS_ALERT] = { life_gets_alert, "GETS_ALERT" },
	[LIFE_GETS_STREAM] = { life_gets_stream, "GETS_STREAM" },
	[LIFE_LENGTHS_IN] = { life_lengths_in, "LENGTHS_IN" },
	[LIFE_TAMPER] = { life_tampers, "TAMPER" },
	[LIFE_READ] = { life_read, "READ" },
	[LIFE_ENDS] = { life_ends, "ENDS" },
	[LIFE_FAILS] = { life_fails, "FAILS" },
	[LIFE_REFUSES] = { life_refuses, "REFUSES" },
	[LIFE_DEAD] = { life_dead, "DEAD" },
	[LIFE_SEES] = { life_sees, "SEES" },
	[LIFE_PEEKS] = { life_peeks, "PEEKS" },
	[LIFE_WRITE] = { life_write, "WRITE" },
	[LIFE_WRITES] = { life_writes, "WRITES" },
	[LIFE_WRITEV] = { life_writev, "WRITEV" },
	[LIFE_SENDFILE] = { life_sendfile, "SENDFILE" },
	[LIFE_LENGTHS_OUT] = { life_lengths_out, "LENGTHS_OUT" },
	[LIFE_ALERT] = { life_alert, "ALERT" },
	[LIFE_SHUTDOWN] = { life_shutdown, "SHUTDOWN" },
	[LIFE_UPDATE_KEYS] = { life_update_keys, "UPDATE_KEYS" },
	[LIFE_POST_HANDSHAKE] = { life_post_handshake, "POST_HANDSHAKE" },
	[LIFE_NEW_TICKET] = { life_new_ticket, "NEW_TICKET" },
	[LIFE_ASK_CERT] = { life_ask_cert, "ASK_CERT" },
	[LIFE_COUNT] = { life_count, "COUNT" },
	[LIFE_NUMBER] = { life_number, "NUMBER" },
	[LIFE_EVENT] = { life_an_event, "EVENT" },
	[LIFE_RESUMES] = { life_resumes, "RESUMES" },
};

void life_name(char *out, size_t room, const struct life_run *run)
{
	snprintf(out, room, "%s (%s, TLS 1.%d, %s, %s)", run->c->name,
		 run->env & LIFE_SERVER ? "server" : "client",
		 run->env & LIFE_TLS_1_3 ? 3 : 2,
		 suite_of(run), run->path->name);
}

void life_fail(const struct life *l, const char *format, ...)
{
	char name[200];
	char why[300];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	life_name(name, sizeof(name), l->run);
	if (l->run->c->rounds > 0)
		fprintf(stderr, "round %u of:\n", l->round);
	if (l->step && l->step->op)
		ck_abort_msg("%s, step %d, %s: %s", name,
			     (int)(l->step - l->run->c->steps) + 1,
			     words[l->step->op].name, why);
	ck_abort_msg("%s: %s", name, why);
}

/* An SSL of TLS 1.2 has no keys to change, whatever the kernel can. */
static unsigned tx_of(enum ktls_choice choice, unsigned place)
{
	if (choice == KTLS_LIBRARY)
		return LIFE_TX_LIBRARY;
	if (choice == KTLS_USERSPACE)
		return LIFE_TX_USERSPACE;
	return LIFE_TX_KERNEL |
	       (!rig_rekey() && (place & LIFE_TLS_1_3) ? LIFE_TX_FIXED : 0);
}

static unsigned rx_of(enum ktls_choice choice, unsigned place)
{
	if (choice == KTLS_LIBRARY)
		return LIFE_RX_LIBRARY |
		       (tls_has(TLS_AS_OPENSSL) ? 0 : LIFE_RX_BORING);
	if (choice == KTLS_USERSPACE)
		return LIFE_RX_USERSPACE;
	if (rig_rekey())
		return LIFE_RX_KERNEL | LIFE_PAUSES;
	return LIFE_RX_KERNEL | (place & LIFE_TLS_1_3 ? LIFE_RX_FIXED : 0);
}

int life_fits(const struct life_case *c, const struct life_way_in *path,
	      unsigned place, unsigned *env)
{
	/* Rounds take their time, and are about one direction. */
	if (c->rounds > 0 && path->tx != path->rx)
		return 0;
	*env = place | tx_of(path->tx, place) | rx_of(path->rx, place);
	if ((path->tx == KTLS_LIBRARY || (c->flags & KTLS_KEEP_SSL)) &&
	    path->rx != KTLS_LIBRARY)
		*env |= LIFE_FED;
	return (c->only & ~*env) == 0 &&
	       !life_lacks(c, place, c->aead ? suites[1][c->aead - 1] : NULL);
}

static void on_event(struct ktls *k, const struct ktls_event *ev, void *arg)
{
	struct life *l = arg;
	struct life_event *to = &l->events[l->event_count];

	ck_assert_uint_lt(l->event_count, LIFE_EVENTS);
	ck_assert_uint_ge(ev->size, sizeof(*ev));
	ck_assert_int_eq(ktls_fd(k), l->rig.fd);
	to->type = ev->type;
	to->dir = ev->dir;
	to->value = ev->value;
	to->len = ev->len;
	if (ev->data)
		memcpy(to->data, ev->data, ev->len < sizeof(to->data) ?
						   ev->len :
						   sizeof(to->data));
	l->event_count++;
}

static struct ktls_opts options(struct life *l)
{
	const struct life_case *c = l->run->c;
	struct ktls_opts opts = KTLS_OPTS_INIT;

	opts.tx = l->run->path->tx;
	opts.rx = l->run->path->rx;
	opts.flags = c->flags | tls_take();
	opts.key_records = c->key_records;
	opts.key_update_run = c->key_update_run;
	opts.ticket_run = c->ticket_run;
	opts.warning_run = c->warning_run;
	opts.empty_run = c->empty_run;
	opts.event = on_event;
	opts.event_arg = l;
	return opts;
}

/* Nothing may pass because it ran elsewhere. */
static void expect_path(struct life *l, enum ktls_path is, unsigned kernel,
			unsigned userspace)
{
	enum ktls_path due = l->env & kernel ? KTLS_PATH_KERNEL :
			     l->env & userspace ? KTLS_PATH_USERSPACE :
						  KTLS_PATH_LIBRARY;

	if (is != due)
		life_fail(l, "the path is %s, not %s", ktls_path_name(is),
			  ktls_path_name(due));
}

static void hand_off(struct life *l)
{
	struct ktls_opts opts = options(l);
	struct pollfd pfd = { l->rig.fd, POLLIN, 0 };
	struct ktls_conn_info info;
	int err;

	while ((err = rig_take_over(&l->rig, &opts)) == -EAGAIN)
		poll(&pfd, 1, -1);
	if (err < 0)
		life_fail(l, "the hand-off gives %s", ktls_strerror(err));
	l->given = opts.flags & KTLS_TAKE_SSL;
	if (!(opts.flags & KTLS_KEEP_SSL)) {
		tls_let_go(l->rig.ssl, opts.flags);
		l->rig.ssl = NULL;
	}
	info = life_info(l);
	expect_path(l, info.tx.path, LIFE_TX_KERNEL, LIFE_TX_USERSPACE);
	expect_path(l, info.rx.path, LIFE_RX_KERNEL, LIFE_RX_USERSPACE);
}

/* What the SSL has sealed counts, too. */
static void write_before(struct life *l)
{
	unsigned i;
	uint8_t byte;

	for (i = 0; i < l->run->c->before; i++) {
		rig_fill(&byte, 1, l->written++);
		ck_assert_int_eq(SSL_write(l->rig.ssl, &byte, 1), 1);
	}
}

/* Small records that wait for each other would take most of the time. */
static void no_delay(int fd)
{
	const int on = 1;

	ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
				    sizeof(on)), 0);
}

static void start(struct life *l, const struct life_run *run)
{
	struct rig_config config = { 0 };

	memset(l, 0, sizeof(*l));
	l->run = run;
	l->env = run->env;
	config.version = run->env & LIFE_TLS_1_3 ? KTLS_TLS_1_3 : KTLS_TLS_1_2;
	config.server = (run->env & LIFE_SERVER) != 0;
	config.nonblock = !run->c->blocking;
	config.suite = suite_of(run);
	config.late_auth = run->c->late_auth;
	config.tickets = !tls_has(TLS_TICKETS_LATER) &&
			 life_uses(run->c, LIFE_TICKET);
	rig_open(&l->rig, &config);
	no_delay(l->rig.fd);
	no_delay(l->rig.peer_fd);
	life_peer_start(&l->peer, &l->rig);
	life_ssl_start(l);
	write_before(l);
	hand_off(l);
}

static void expect_events(struct life *l, enum ktls_event_type type,
			  uint64_t due)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < l->event_count; i++)
		count += l->events[i].type == type;
	if (count != due)
		life_fail(l, "%d events %d, but ktls_info() counts %d",
			  (int)count, (int)type, (int)due);
}

/* What is counted was told.  The number of KeyUpdates that we sent. */
static uint64_t expect_counts(struct life *l)
{
	struct ktls_conn_info info = life_info(l);

	expect_events(l, KTLS_EVENT_KEY_UPDATE_SENT, info.key_updates_sent);
	expect_events(l, KTLS_EVENT_KEY_UPDATE_RECEIVED,
		      info.key_updates_received);
	expect_events(l, KTLS_EVENT_TICKET, info.tickets);
	expect_events(l, KTLS_EVENT_ALERT_SENT, info.alerts_sent);
	expect_events(l, KTLS_EVENT_ALERT_RECEIVED, info.alerts_received);
	return info.key_updates_sent;
}

/* With all read, what the peer saw is what we have counted. */
static void expect_followed(struct life *l, uint64_t updates)
{
	if (l->peer.fd >= 0 && updates != l->peer.rx.generation)
		life_fail(l, "the peer has followed %u KeyUpdates, not %d",
			  l->peer.rx.generation, (int)updates);
}

/* Whatever else we have sent comes to light. */
static void expect_silence(struct life *l)
{
	struct life_peer *peer = &l->peer;

	if (peer->fd < 0)
		return;
	shutdown(l->rig.fd, SHUT_WR);
	life_peer_rest(peer);
	if (peer->problem[0])
		life_fail(l, "the peer has got %s", peer->problem);
	if (peer->next < peer->count)
		life_fail(l, "the peer has got more: type %d, %zu bytes, "
			  "%02x", peer->items[peer->next].type,
			  peer->items[peer->next].len,
			  peer->items[peer->next].bytes[0]);
	if (!peer->ended || peer->wire.len > 0 || peer->hs.len > 0)
		life_fail(l, "what the peer gets does not end");
}

static int applies(const struct life *l, const struct life_step *s)
{
	return (s->when & ~l->env) == 0 && (s->unless & l->env) == 0;
}

static void take_step(struct life *l)
{
	struct life_step s = *l->step;

	if (!(l->env & LIFE_RX_BORING)) {
		words[s.op].run(l, l->step);
		return;
	}
	life_as_boringssl(l, &s);
	words[s.op].run(l, s.op == LIFE_TAMPER ? l->step : &s);
}

static void follow(struct life *l)
{
	for (l->step = l->run->c->steps; l->step->op != LIFE_DONE; l->step++) {
		if (!applies(l, l->step))
			continue;
		if (l->step->op == LIFE_STOP)
			break;
		take_step(l);
	}
	l->step = NULL;
}

static void end(struct life *l)
{
	uint64_t updates = expect_counts(l);

	ktls_free(l->rig.k);
	l->rig.k = NULL;
	if (l->given)
		l->rig.ssl = NULL;
	expect_silence(l);
	expect_followed(l, updates);
	life_ssl_end(l);
	rig_close(&l->rig);
	life_peer_free(&l->peer);
}

void life_go(const struct life_run *run)
{
	static struct life l;
	unsigned round = 0;

	do {
		start(&l, run);
		l.round = round;
		follow(&l);
		end(&l);
	} while (++round < run->c->rounds);
}
