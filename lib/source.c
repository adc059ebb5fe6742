/* SPDX-License-Identifier: MIT */
/* The bytes of a gathered write: see source.h. */
#include "source.h"

#include <string.h>

size_t ktls__iov_total(const struct iovec *iov, int iovcnt)
{
	size_t n = 0;

	for (; iovcnt > 0; iov++, iovcnt--)
		n += iov->iov_len;
	return n;
}

static void skip_empty(struct ktls__source *src)
{
	while (src->iovcnt > 0 && src->off == src->iov->iov_len) {
		src->iov++;
		src->iovcnt--;
		src->off = 0;
	}
}

void ktls__source_init(struct ktls__source *src, const struct iovec *iov,
		       int iovcnt)
{
	src->iov = iov;
	src->iovcnt = iovcnt;
	src->off = 0;
	src->left = ktls__iov_total(iov, iovcnt);
	src->last = 0;
	skip_empty(src);
}

const uint8_t *ktls__source_next(const struct ktls__source *src, size_t *len)
{
	*len = src->iov->iov_len - src->off;
	return (const uint8_t *)src->iov->iov_base + src->off;
}

void ktls__source_advance(struct ktls__source *src, size_t len)
{
	const uint8_t *p;
	size_t n;

	src->left -= len;
	while (len > 0) {
		p = ktls__source_next(src, &n);
		if (n > len)
			n = len;
		src->last = p[n - 1];
		src->off += n;
		len -= n;
		skip_empty(src);
	}
}

const uint8_t *ktls__source_gather(const struct ktls__source *src, uint8_t *to,
				   size_t len)
{
	struct ktls__source rest = *src;
	const uint8_t *p;
	size_t done = 0;
	size_t n;

	p = ktls__source_next(&rest, &n);
	if (n >= len)
		return p;
	while (done < len) {
		p = ktls__source_next(&rest, &n);
		if (n > len - done)
			n = len - done;
		memcpy(to + done, p, n);
		done += n;
		ktls__source_advance(&rest, n);
	}
	return to;
}

int ktls__source_cut(const struct ktls__source *src, struct iovec *pieces,
		     int max, size_t len)
{
	struct ktls__source rest = *src;
	const uint8_t *p;
	int n = 0;

	if (len > rest.left)
		len = rest.left;
	for (; n < max && len > 0; n++) {
		p = ktls__source_next(&rest, &pieces[n].iov_len);
		pieces[n].iov_base = (void *)(uintptr_t)p;
		if (pieces[n].iov_len > len)
			pieces[n].iov_len = len;
		len -= pieces[n].iov_len;
		ktls__source_advance(&rest, pieces[n].iov_len);
	}
	return n;
}
