/* SPDX-License-Identifier: MIT */
/* The public hand-off of an SSL. */
#include <errno.h>

#include "choice.h"
#include "handoff.h"
#include "object.h"
#include "options.h"
#include "sys.h"
#include "wipe.h"

/* Its BIO goes too, but for one that is to close the descriptor. */
static void let_ssl_go(struct ktls *k)
{
	ktls__backend_retire(k->ssl, k->kept->bio);
	ktls__backend_drop(k->ssl);
	k->ssl = NULL;
	if (k->kept->closing_bio == NULL)
		ktls__object_free_kept(k);
	else
		ktls__wipe(&k->kept->stale, sizeof(k->kept->stale));
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

/* After a failure the SSL is the caller's, as it was. */
static int take_over(struct ktls *k, struct ssl_st *ssl,
		     const struct ktls__order *order)
{
	const bool take = (k->flags & KTLS_TAKE_SSL) != 0;
	int err = ktls__object_add_kept(k);

	if (err == 0)
		err = ktls__backend_hold(ssl, take);
	if (err < 0)
		return err;
	k->ssl = ssl;
	err = guarded_move(k, order);
	if (err < 0 && take)
		k->ssl = NULL;
	return err;
}

static bool is_needed(const struct ktls *k)
{
	return k->tx.path == KTLS_PATH_LIBRARY ||
	       k->rx.path == KTLS_PATH_LIBRARY ||
	       (k->flags & KTLS_KEEP_SSL) != 0;
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
	if (ssl == NULL || ktls__options_read(&opts, in) < 0 ||
	    ktls__choice_read(&opts.tx, &opts.rx, &order.by_operator) < 0)
		return -EINVAL;
	err = ktls__backend_handshake(ssl, &hs);
	if (err < 0)
		return err;
	order.tx = opts.tx;
	order.rx = opts.rx;
	order.no_wait = (opts.flags & KTLS_NO_WAIT) != 0;
	order.transport = ktls__backend_transport(ssl, &opts.fd);
	k = ktls__object_new(opts.fd);
	if (k == NULL)
		return -ENOMEM;
	k->hs = hs;
	ktls__options_keep(k, &opts);
	err = take_over(k, ssl, &order);
	if (err < 0) {
		ktls__object_free(k);
		return err;
	}
	if (!is_needed(k))
		let_ssl_go(k);
	k->untold = k->eof || k->rx.err < 0;
	ktls__object_trim(k);
	k->event = opts.event;
	k->event_arg = opts.event_arg;
	*out = k;
	return 0;
}
