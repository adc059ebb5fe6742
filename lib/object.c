/* SPDX-License-Identifier: MIT */
/* See object.h. */
#include "object.h"

#include <errno.h>
#include <stdlib.h>

#include "control.h"
#include "sock.h"
#include "wipe.h"

int ktls__object_add_kept(struct ktls *k)
{
	k->kept = calloc(1, sizeof(*k->kept));
	if (k->kept == NULL)
		return -ENOMEM;
	ktls__said_init(&k->kept->said);
	k->kept->bio = ktls__backend_make_bio(k->link);
	return k->kept->bio == NULL ? -ENOMEM : 0;
}

void ktls__object_free_kept(struct ktls *k)
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

void ktls__object_free(struct ktls *k)
{
	if (k->ssl != NULL)
		ktls__backend_drop(k->ssl);
	ktls__object_free_kept(k);
	ktls__leftover_wipe(&k->leftover);
	free_link(k);
	free_engine(k);
	ktls__control_wipe(k);
	free_piped(k);
	pthread_mutex_destroy(&k->lock);
	ktls__wipe(k, sizeof(*k));
	free(k);
}

static int add_parts(struct ktls *k)
{
	k->link = calloc(1, sizeof(*k->link));
	k->engine = calloc(1, sizeof(*k->engine));
	if (k->link == NULL || k->engine == NULL)
		return -ENOMEM;
	ktls__link_init(k->link, k->fd);
	return 0;
}

struct ktls *ktls__object_new(int fd)
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
	if (add_parts(k) < 0) {
		ktls__object_free(k);
		return NULL;
	}
	return k;
}

void ktls__object_trim(struct ktls *k)
{
	if (k->ssl == NULL && k->tx.path == KTLS_PATH_KERNEL && !k->queued)
		free_link(k);
	if (k->tx.path != KTLS_PATH_USERSPACE &&
	    k->rx.path != KTLS_PATH_USERSPACE)
		free_engine(k);
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
	ktls__object_free(k);
}
