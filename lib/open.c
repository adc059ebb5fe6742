/* SPDX-License-Identifier: MIT */
/* The public hand-off: what is asked for, the object, and its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "control.h"
#include "handoff.h"
#include "sock.h"
#include "sys.h"
#include "wipe.h"

#define FLAGS \
	((unsigned)(KTLS_KEEP_SSL | KTLS_NO_WAIT | KTLS_LEAVE_UNANSWERED | \
		    KTLS_EXCEED_KEY_LIMIT | KTLS_EXPECT_NO_PAD))

static bool is_choice(enum ktls_choice choice)
{
	return choice == KTLS_AUTO || choice == KTLS_KERNEL ||
	       choice == KTLS_USERSPACE || choice == KTLS_LIBRARY;
}

/* An older caller's struct is shorter than ours, a newer one's longer. */
static int read_opts(const struct ktls_opts *in, struct ktls_opts *opts)
{
	static const struct ktls_opts defaults = KTLS_OPTS_INIT;

	*opts = defaults;
	if (in == NULL)
		return 0;
	if (in->size < sizeof(in->size))
		return -EINVAL;
	memcpy(opts, in, in->size < sizeof(*opts) ? in->size : sizeof(*opts));
	if (!is_choice(opts->tx) || !is_choice(opts->rx) ||
	    (opts->flags & ~FLAGS) != 0 || opts->key_records == 1)
		return -EINVAL;
	return 0;
}

static uint32_t or_default(uint32_t run)
{
	return run == 0 ? KTLS_CONTROL_RUN : run;
}

static void set_limits(struct ktls__limits *limits,
		       const struct ktls_opts *opts)
{
	limits->key_records = opts->key_records;
	limits->key_update_run = or_default(opts->key_update_run);
	limits->ticket_run = or_default(opts->ticket_run);
	limits->warning_run = or_default(opts->warning_run);
	limits->empty_run = or_default(opts->empty_run);
}

static void free_kept(struct ktls *k)
{
	if (k->kept == NULL)
		return;
	if (k->kept->bio != NULL)
		ktls__backend_free_bio(k->kept->bio);
	if (k->kept->closing_bio != NULL)
		ktls__backend_free_bio(k->kept->closing_bio);
	ktls__said_wipe(&k->kept->said);
	ktls__wipe(k->kept, sizeof(*k->kept));
	free(k->kept);
	k->kept = NULL;
}

static void free_engine(struct ktls *k)
{
	if (k->engine == NULL)
		return;
	ktls__sealer_wipe(&k->engine->sealer);
	ktls__inbox_wipe(&k->engine->inbox);
	free(k->engine);
	k->engine = NULL;
}

static void free_link(struct ktls *k)
{
	if (k->link == NULL)
		return;
	ktls__link_wipe(k->link);
	free(k->link);
	k->link = NULL;
}

static void free_piped(struct ktls *k)
{
	if (k->piped != NULL)
		ktls__wipe(k->piped->data, k->piped->len);
	free(k->piped);
}

static void free_conn(struct ktls *k)
{
	if (k->ssl != NULL)
		ktls__backend_drop(k->ssl);
	free_kept(k);
	ktls__leftover_wipe(&k->leftover);
	free_link(k);
	free_engine(k);
	ktls__control_wipe(k);
	free_piped(k);
	pthread_mutex_destroy(&k->lock);
	ktls__wipe(k, sizeof(*k));
	free(k);
}

/* All that any path may need: what fails, fails now. */
static int add_parts(struct ktls *k)
{
	k->kept = calloc(1, sizeof(*k->kept));
	k->link = calloc(1, sizeof(*k->link));
	k->engine = calloc(1, sizeof(*k->engine));
	if (k->kept == NULL || k->link == NULL || k->engine == NULL)
		return -ENOMEM;
	ktls__said_init(&k->kept->said);
	ktls__link_init(k->link, k->fd);
	k->kept->bio = ktls__backend_make_bio(k->link);
	return k->kept->bio == NULL ? -ENOMEM : 0;
}

static struct ktls *new_conn(struct ssl_st *ssl, int fd)
{
	struct ktls *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	if (pthread_mutex_init(&k->lock, NULL) != 0) {
		free(k);
		return NULL;
	}
	k->fd = fd;
	k->alert_received = -1;
	k->alert_sent = -1;
	k->turn.news.alert = -1;
	if (add_parts(k) < 0 || ktls__backend_hold(ssl) < 0) {
		free_conn(k);
		return NULL;
	}
	k->ssl = ssl;
	return k;
}

/* Its BIO goes too, but for one that is to close the descriptor. */
static void let_ssl_go(struct ktls *k)
{
	ktls__backend_retire(k->ssl, k->kept->bio);
	ktls__backend_drop(k->ssl);
	k->ssl = NULL;
	if (k->kept->closing_bio == NULL)
		free_kept(k);
	else
		ktls__wipe(&k->kept->stale, sizeof(k->kept->stale));
}

/* What no direction has a use for. */
static void let_parts_go(struct ktls *k)
{
	if (k->ssl == NULL && k->tx.path == KTLS_PATH_KERNEL && !k->queued)
		free_link(k);
	if (k->tx.path != KTLS_PATH_USERSPACE &&
	    k->rx.path != KTLS_PATH_USERSPACE)
		free_engine(k);
}

/* Flushing and draining go through the SSL's own BIOs. */
static int guarded_move(struct ktls *k, const struct ktls__order *order)
{
	struct ktls__sigpipe hold;
	int err;

	ktls__sys->sigpipe_hold(&hold);
	err = ktls__handoff_move(k, order);
	(void)ktls__sys->sigpipe_release(&hold);
	return err;
}

int ktls_handoff(struct ktls **out, struct ssl_st *ssl,
		 const struct ktls_opts *in)
{
	struct ktls__handshake hs;
	struct ktls__order order;
	struct ktls_opts opts;
	struct ktls *k;
	int err;

	if (out == NULL)
		return -EINVAL;
	*out = NULL;
	if (ssl == NULL || read_opts(in, &opts) < 0 ||
	    ktls__choice_read(&opts.tx, &opts.rx, &order.by_operator) < 0)
		return -EINVAL;
	err = ktls__backend_handshake(ssl, &hs);
	if (err < 0)
		return err;
	order.tx = opts.tx;
	order.rx = opts.rx;
	order.no_wait = (opts.flags & KTLS_NO_WAIT) != 0;
	order.transport = ktls__backend_transport(ssl, &opts.fd);
	k = new_conn(ssl, opts.fd);
	if (k == NULL)
		return -ENOMEM;
	k->hs = hs;
	k->flags = opts.flags;
	set_limits(&k->limits, &opts);
	err = guarded_move(k, &order);
	if (err < 0) {
		free_conn(k);
		return err;
	}
	if (k->tx.path != KTLS_PATH_LIBRARY &&
	    k->rx.path != KTLS_PATH_LIBRARY &&
	    (opts.flags & KTLS_KEEP_SSL) == 0)
		let_ssl_go(k);
	let_parts_go(k);
	k->event = opts.event;
	k->event_arg = opts.event_arg;
	*out = k;
	return 0;
}

void ktls_free(struct ktls *k)
{
	if (k == NULL)
		return;
	if (k->ssl != NULL)
		ktls__backend_retire(k->ssl, k->kept->bio);
	/* The descriptor goes back as it came. */
	if ((k->held & KTLS__CORKED) != 0)
		ktls__sock_uncork(k->fd);
	free_conn(k);
}
