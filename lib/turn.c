/* SPDX-License-Identifier: MIT */
/*
 * TX between two records: see turn.h.  Everything here is done in steps that
 * never wait, under the lock, and taken up again where the last one stopped;
 * between the KeyUpdate and the new key nothing else is sent.
 */
#include <errno.h>
#include <sys/socket.h>

#include "key_limit.h"
#include "output.h"
#include "rekey.h"
#include "sys.h"
#include "turn.h"

#define KEY_UPDATE 24

void ktls__turn_order(struct ktls *k, bool ask)
{
	atomic_fetch_or(&k->turn.todo, ask ? KTLS__SEND_UPDATE |
						     KTLS__ASK_UPDATE :
					     KTLS__SEND_UPDATE);
}

static void done(struct ktls *k, unsigned what)
{
	atomic_fetch_and(&k->turn.todo, ~what);
}

/* One record is kept for the KeyUpdate, or the last alert. */
static bool at_limit(struct ktls *k)
{
	return k->limits.key_records > 0 &&
	       ktls__limit_count(k) >= k->limits.key_records - 1;
}

static int check_limit(struct ktls *k)
{
	bool exceed;

	if (!at_limit(k))
		return 0;
	exceed = (k->flags & KTLS_EXCEED_KEY_LIMIT) != 0 &&
		 ktls__limit_count(k) < KTLS__LAST_NUMBER;
	if (ktls__key_can_change(k)) {
		if ((k->turn.todo & (KTLS__SEND_UPDATE | KTLS__INSTALL)) == 0)
			k->turn.news.limit = KTLS__LIMIT_CHANGED;
		ktls__turn_order(k, false);
		return 0;
	}
	if (!k->turn.told)
		k->turn.news.limit = exceed ? KTLS__LIMIT_EXCEEDED :
					      KTLS__LIMIT_REFUSED;
	k->turn.told = true;
	return exceed ? 0 : -KTLS_EKEYLIMIT;
}

static int send_handshake(struct ktls *k)
{
	int alert = k->kept->said.alert;
	ssize_t n;

	if (k->tx.err < 0 || k->ended)
		k->kept->said_off = k->kept->said.len;
	while (k->kept->said_off < k->kept->said.len) {
		n = ktls__output_record(k, KTLS_RECORD_HANDSHAKE,
					k->kept->said.bytes + k->kept->said_off,
					k->kept->said.len - k->kept->said_off);
		if (n < 0)
			return (int)n;
		k->kept->said_off += (size_t)n;
	}
	ktls__said_wipe(&k->kept->said);
	k->kept->said.alert = alert;
	k->kept->said_off = 0;
	done(k, KTLS__SEND_HANDSHAKE);
	return 0;
}

static int send_alert(struct ktls *k)
{
	const uint8_t alert[2] = { ktls__alert_level(k->turn.alert),
				   k->turn.alert };
	ssize_t n = ktls__output_record(k, KTLS_RECORD_ALERT, alert, 2);

	if (n < 0)
		return (int)n;
	done(k, KTLS__SEND_ALERT);
	k->turn.news.alert = k->turn.alert;
	ktls__output_end(k, k->turn.alert);
	return 0;
}

/* A Finished is bound to the key under which the SSL has made it: that is
 * ours, or, where the SSL has answered a KeyUpdate itself, the next. */
static bool is_for_next_key(const struct ktls *k)
{
	return k->kept != NULL && k->kept->said.updates > k->key_updates_sent;
}

/* What needs no key of its own. */
static unsigned answers(const struct ktls *k)
{
	const unsigned todo = k->turn.todo;

	if ((todo & KTLS__INSTALL) != 0)
		return 0;
	return todo & (is_for_next_key(k) ? KTLS__SEND_ALERT :
					    KTLS__SEND_HANDSHAKE |
						    KTLS__SEND_ALERT);
}

void ktls__turn_answer(struct ktls *k)
{
	int err = 0;

	if ((answers(k) & KTLS__SEND_HANDSHAKE) != 0)
		err = send_handshake(k);
	if ((answers(k) & KTLS__SEND_ALERT) != 0)
		err = send_alert(k);
	if (ktls__is_final(err)) {
		done(k, KTLS__SEND_HANDSHAKE | KTLS__SEND_ALERT);
		k->turn.failed = err;
	}
}

static struct ktls__link *link_of(struct ktls *k)
{
	return k->foreign ? NULL : k->link;
}

static int send_update(struct ktls *k)
{
	unsigned todo = k->turn.todo & (KTLS__SEND_UPDATE | KTLS__ASK_UPDATE);
	uint8_t ask = (todo & KTLS__ASK_UPDATE) != 0;
	uint8_t msg[] = { KEY_UPDATE, 0, 0, 1, ask };
	ssize_t n = 0;

	/* A write has begun, and has to be repeated first. */
	if (ktls__may_be_cut(k) || (k->foreign && k->kept->refused > 0))
		n = -EAGAIN;
	else if (k->tx.path == KTLS_PATH_LIBRARY)
		n = ktls__backend_order_update(k->ssl, link_of(k), ask);
	else
		n = ktls__output_record(k, KTLS_RECORD_HANDSHAKE, msg,
					sizeof(msg));
	if (n < 0)
		return (int)n;
	k->turn.news.asked = ask;
	k->asked += ask;
	atomic_fetch_or(&k->turn.todo, KTLS__INSTALL);
	done(k, todo);
	return 0;
}

static int install(struct ktls *k)
{
	int err = ktls__rekey(k, KTLS_TX);

	/* The KeyUpdate has closed what was open. */
	atomic_fetch_and(&k->held, (uint8_t)~KTLS__RECORD_OPEN);
	if (err == 0)
		ktls__limit_restart(k, 0);
	return err;
}

static int finish_update(struct ktls *k)
{
	int err;

	if (k->tx.path == KTLS_PATH_LIBRARY)
		err = ktls__backend_send_owed(k->ssl, link_of(k));
	else
		err = install(k);
	if (err < 0)
		return err;
	done(k, KTLS__INSTALL);
	/* Those of the SSL are counted where it sends them. */
	if (k->tx.path != KTLS_PATH_LIBRARY) {
		k->key_updates_sent++;
		k->turn.news.updated = 1;
	}
	return 0;
}

/* A key that is due comes before any record, a message before the key that
 * it was not made for. */
static int step(struct ktls *k, unsigned todo)
{
	const bool said = (todo & KTLS__SEND_HANDSHAKE) != 0 &&
			  (k->kept->said_off > 0 || !is_for_next_key(k));

	if ((todo & KTLS__INSTALL) != 0)
		return finish_update(k);
	if ((todo & KTLS__SEND_ALERT) != 0)
		return send_alert(k);
	if ((todo & KTLS__SEND_UPDATE) != 0 && !said)
		return send_update(k);
	if ((todo & KTLS__SEND_HANDSHAKE) != 0)
		return send_handshake(k);
	done(k, KTLS__ASK_UPDATE);
	return 0;
}

static int work_off(struct ktls *k)
{
	unsigned todo;
	int err = 0;

	while (err == 0 && (todo = k->turn.todo) != 0)
		err = step(k, todo);
	return err;
}

static void tell(struct ktls *k, const struct ktls__news *news)
{
	static const int values[] = {
		[KTLS__LIMIT_CHANGED] = 0,
		[KTLS__LIMIT_EXCEEDED] = 1,
		[KTLS__LIMIT_REFUSED] = -KTLS_EKEYLIMIT,
	};
	unsigned i;

	if (news->limit != KTLS__LIMIT_FAR) {
		k->limits_hit++;
		ktls__tell(k, KTLS_EVENT_KEY_LIMIT, KTLS_TX,
			   values[news->limit]);
	}
	/* Ours was the last, behind the SSL's answers. */
	for (i = news->updated; i > 0; i--)
		ktls__tell(k, KTLS_EVENT_KEY_UPDATE_SENT, KTLS_TX,
			   i == 1 && news->asked);
	if (news->alert >= 0)
		ktls__alert_was_sent(k, (uint8_t)news->alert);
}

/* It is there for whichever thread reads it, so that poll(2) is no help. */
int ktls__turn_await_input(struct ktls *k)
{
	bool ours = k->rx.path == KTLS_PATH_LIBRARY;

	k->waits_for_input = true;
	if (k->rx.err < 0 || (ours && (k->link->eof || k->link->read_err < 0)))
		return -KTLS_ETRUNCATED;
	return ours && !k->lingers ? ktls__link_nap(k->fd) : -EAGAIN;
}

/* A step that could not be taken: what it waits for. */
static int wait_for(struct ktls *k)
{
	if (k->foreign)
		return -EAGAIN;
	if (k->tx.path == KTLS_PATH_LIBRARY && !k->queued)
		return ktls__turn_await_input(k);
	k->waits_for_input = false;
	return ktls__link_wait(k->fd, POLLOUT);
}

/* Under the lock: what has to be told outside of it. */
static struct ktls__news collect(struct ktls *k)
{
	const struct ktls__trace *t =
		k->tx.path == KTLS_PATH_LIBRARY ? ktls__trace_of(k->ssl) : NULL;
	struct ktls__news news = k->turn.news;
	uint64_t sent;

	if (t != NULL) {
		sent = ktls__backend_key_updates_sent(k->ssl);
		news.updated = (unsigned)(sent - k->kept->updates_told);
		k->kept->updates_told = sent;
	}
	k->turn.news = (struct ktls__news){ .alert = -1 };
	k->turn.news.asked = news.asked && news.updated == 0;
	return news;
}

void ktls__turn_tell(struct ktls *k)
{
	struct ktls__news news;
	int failed;

	pthread_mutex_lock(&k->lock);
	news = collect(k);
	failed = k->turn.failed;
	pthread_mutex_unlock(&k->lock);
	tell(k, &news);
	ktls__latch(k, &k->tx, failed);
}

/* Under the lock.  After 0 the kernel is ours until ktls__turn_sent(). */
static int prepare(struct ktls *k, bool for_data)
{
	int err = k->tx.err < 0 ? k->tx.err : k->turn.failed;

	if (err == 0 && for_data)
		err = check_limit(k);
	if (err == 0)
		err = work_off(k);
	ktls__limit_set_room(k);
	if (err == 0)
		k->turn.sending = k->tx.path == KTLS_PATH_KERNEL;
	return err;
}

void ktls__turn_push(struct ktls *k)
{
	if (!ktls__turn_owes(k))
		return;
	pthread_mutex_lock(&k->lock);
	ktls__turn_answer(k);
	(void)ktls__output_flush(k);
	pthread_mutex_unlock(&k->lock);
	ktls__turn_tell(k);
}

void ktls__turn_sent(struct ktls *k)
{
	pthread_mutex_lock(&k->lock);
	k->turn.sending = false;
	pthread_mutex_unlock(&k->lock);
	ktls__turn_push(k);
}

bool ktls__turn_owes(const struct ktls *k)
{
	/* Who is sending looks at them by itself. */
	return k->queued || (!k->turn.sending && answers(k) != 0);
}

static int ready(struct ktls *k, bool limited)
{
	struct ktls__news news;
	int err;

	do {
		pthread_mutex_lock(&k->lock);
		err = prepare(k, limited);
		news = collect(k);
		pthread_mutex_unlock(&k->lock);
		tell(k, &news);
		if (err != -EAGAIN)
			break;
		err = wait_for(k);
	} while (err == 0);
	return ktls__latch(k, &k->tx, err);
}

int ktls__turn_ready(struct ktls *k)
{
	return ready(k, true);
}

int ktls__turn_flush(struct ktls *k)
{
	int err = ready(k, false);

	if (err == 0)
		ktls__turn_sent(k);
	return err;
}

int ktls__turn_begin(struct ktls *k)
{
	return ready(k, false);
}

int ktls__turn_settle(struct ktls *k)
{
	if ((k->turn.todo & KTLS__INSTALL) == 0 ||
	    k->tx.path == KTLS_PATH_LIBRARY)
		return 0;
	return finish_update(k);
}
