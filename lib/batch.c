/* SPDX-License-Identifier: MIT */
/* Batches of records: see batch.h. */
#include <errno.h>
#include <string.h>

#include "batch.h"
#include "key_limit.h"
#include "pool.h"
#include "record.h"
#include "sys.h"
#include "wipe.h"

#define FEW 4
#define MANY 16

#define PLAIN ((size_t)KTLS__RECORD_PLAIN_MAX)

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t ktls__batch_len(const struct ktls *k, size_t left)
{
	size_t len = k->batch > FEW ? MANY * PLAIN : FEW * PLAIN;

	return least(least(len, left), ktls__limit_room(k));
}

void ktls__batch_taken(struct ktls *k)
{
	k->batch = MANY;
}

void ktls__batch_parked(struct ktls *k)
{
	k->batch = FEW;
}

/* With all its records. */
static size_t sealed_len(const struct ktls *k, size_t len)
{
	return len + (len + PLAIN - 1) / PLAIN * k->hs.row->overhead;
}

/* Where the payload of a draft's record begins, by its number. */
static size_t slot(const struct ktls *k, size_t i)
{
	return i * (PLAIN + k->hs.row->overhead) +
	       ktls__sealer_head(&k->engine->sealer);
}

static int seal_one(struct ktls *k, struct ktls__source *src, size_t len)
{
	struct ktls__sealer *s = &k->engine->sealer;
	uint8_t *out = ktls__link_reserve(k->link, len + k->hs.row->overhead);
	const uint8_t *in;
	int n;

	if (out == NULL)
		return -ENOMEM;
	in = ktls__source_gather(src, out + ktls__sealer_head(s), len);
	n = ktls__sealer_seal(s, out, KTLS_RECORD_DATA, in, len);
	if (n < 0) {
		ktls__wipe(out, len + k->hs.row->overhead);
		return n;
	}
	ktls__link_add(k->link, (size_t)n);
	ktls__source_advance(src, len);
	return 0;
}

ssize_t ktls__batch_seal(struct ktls *k, struct ktls__source *src)
{
	size_t len;
	size_t done = 0;
	size_t n;
	int err = 0;

	/* The reading thread may have sealed something meanwhile. */
	ktls__limit_set_room(k);
	len = ktls__batch_len(k, src->left);
	/* One buffer for all of them. */
	if (ktls__link_reserve(k->link, sealed_len(k, len)) == NULL)
		return -ENOMEM;
	err = ktls__sealer_begin(&k->engine->sealer);
	while (done < len && err == 0) {
		n = least(len - done, PLAIN);
		err = seal_one(k, src, n);
		done += err == 0 ? n : 0;
	}
	ktls__sealer_end(&k->engine->sealer);
	k->queued = done > 0 || k->queued;
	if (ktls__is_final(err))
		k->turn.failed = err;
	return done > 0 ? (ssize_t)done : err;
}

ssize_t ktls__draft_read(const struct ktls *k, struct ktls__draft *d,
			 int in_fd, off_t pos, size_t len)
{
	struct iovec iov[MANY];
	size_t left = len;
	ssize_t n;
	int i;

	d->buf = ktls__pool_take(sealed_len(k, len), &d->cap);
	d->len = 0;
	if (d->buf == NULL)
		return -ENOMEM;
	for (i = 0; left > 0; i++) {
		iov[i].iov_base = d->buf + slot(k, (size_t)i);
		iov[i].iov_len = least(left, PLAIN);
		left -= iov[i].iov_len;
	}
	n = ktls__sys->preadv(in_fd, iov, i, pos);
	if (n > 0)
		d->len = (size_t)n;
	else
		ktls__draft_drop(k, d);
	return n;
}

uint8_t ktls__draft_byte(const struct ktls *k, const struct ktls__draft *d,
			 size_t pos)
{
	return d->buf[slot(k, pos / PLAIN) + pos % PLAIN];
}

void ktls__draft_drop(const struct ktls *k, struct ktls__draft *d)
{
	if (d->len > 0)
		ktls__wipe(d->buf, sealed_len(k, d->len));
	ktls__pool_give(d->buf, d->cap);
	d->buf = NULL;
	d->len = 0;
}

static int seal_slots(struct ktls *k, struct ktls__draft *d)
{
	struct ktls__sealer *s = &k->engine->sealer;
	const uint64_t seq = s->seq;
	uint8_t iv[sizeof(s->iv)];
	size_t head = ktls__sealer_head(s);
	uint8_t *out;
	size_t n;
	int err = 0;

	memcpy(iv, s->iv, sizeof(iv));
	for (size_t i = 0; i * PLAIN < d->len && err >= 0; i++) {
		n = least(d->len - i * PLAIN, PLAIN);
		out = d->buf + slot(k, i) - head;
		err = ktls__sealer_seal(s, out, KTLS_RECORD_DATA, out + head,
					n);
	}
	/* None of it has gone out, nor will: the numbers are free again. */
	if (err == -ENOMEM) {
		s->seq = seq;
		memcpy(s->iv, iv, sizeof(iv));
	}
	ktls__wipe(iv, sizeof(iv));
	return err < 0 ? err : 0;
}

int ktls__draft_seal(struct ktls *k, struct ktls__draft *d)
{
	int err = 0;

	/* A number that is spent is a record that has to be sent. */
	if (k->link->queue_len > 0 &&
	    ktls__link_reserve(k->link, sealed_len(k, d->len)) == NULL)
		err = -ENOMEM;
	if (err == 0)
		err = ktls__sealer_begin(&k->engine->sealer);
	if (err == 0)
		err = seal_slots(k, d);
	ktls__sealer_end(&k->engine->sealer);
	if (err == 0)
		err = ktls__link_adopt(k->link, d->buf, d->cap,
				       sealed_len(k, d->len));
	if (err < 0) {
		ktls__draft_drop(k, d);
		return err;
	}
	k->queued = true;
	d->buf = NULL;
	return 0;
}
