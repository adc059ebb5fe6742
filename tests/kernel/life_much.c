/* SPDX-License-Identifier: MIT */
/* Our steps that send a pattern, in one long call or many short ones. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "life_run.h"

#define PIECES 64

/* The pattern from where it stands. */
static uint8_t *pattern(struct life *l, size_t len)
{
	uint8_t *bytes = malloc(len);

	ck_assert_ptr_nonnull(bytes);
	rig_fill(bytes, len, l->written);
	return bytes;
}

/* 1: go on; 0: it has ended as was foreseen. */
static int goes_on(struct life *l, const struct life_step *s, const char *call,
		   ssize_t n)
{
	if (n == -EAGAIN) {
		life_wait(l);
		return 1;
	}
	if (n > 0) {
		l->written += (size_t)n;
		return 1;
	}
	life_result(l, call, n, s->result);
	return 0;
}

static void expect_all(struct life *l, const struct life_step *s, size_t begun)
{
	if (s->result == 0 && l->written != begun + s->len)
		life_fail(l, "%zu bytes are written, not %zu",
			  l->written - begun, s->len);
	if (s->result < 0 && l->written == begun + s->len)
		life_fail(l, "nothing stops it");
}

void life_writes(struct life *l, const struct life_step *s)
{
	const size_t begun = l->written;
	uint8_t *bytes = pattern(l, s->len);
	size_t at;

	while ((at = l->written - begun) < s->len) {
		size_t n = s->len - at < s->piece ? s->len - at : s->piece;

		if (!goes_on(l, s, "ktls_write()",
			     ktls_write(l->rig.k, bytes + at, n, 0)))
			break;
	}
	free(bytes);
	expect_all(l, s, begun);
}

static int cut(struct iovec *iov, uint8_t *bytes, size_t len, size_t piece)
{
	int count = 0;

	while (len > 0 && count < PIECES) {
		size_t n = len < piece ? len : piece;

		iov[count].iov_base = bytes;
		iov[count++].iov_len = n;
		bytes += n;
		len -= n;
	}
	return count;
}

void life_writev(struct life *l, const struct life_step *s)
{
	const size_t begun = l->written;
	uint8_t *bytes = pattern(l, s->len);
	struct iovec iov[PIECES];
	size_t at;

	while ((at = l->written - begun) < s->len) {
		int count = cut(iov, bytes + at, s->len - at, s->piece);

		if (!goes_on(l, s, "ktls_writev()",
			     ktls_writev(l->rig.k, iov, count, 0)))
			break;
	}
	free(bytes);
	expect_all(l, s, begun);
}

void life_sendfile(struct life *l, const struct life_step *s)
{
	const size_t begun = l->written;
	uint8_t *bytes = pattern(l, s->len);
	int file = memfd_create("file", MFD_CLOEXEC);
	off_t off = 0;

	ck_assert_int_eq(write(file, bytes, s->len), (ssize_t)s->len);
	free(bytes);
	while ((size_t)off < s->len) {
		if (!goes_on(l, s, "ktls_sendfile()",
			     ktls_sendfile(l->rig.k, file, &off,
					   s->len - (size_t)off, 0)))
			break;
		if ((size_t)off != l->written - begun)
			life_fail(l, "the offset is %lld after %zu bytes",
				  (long long)off, l->written - begun);
	}
	close(file);
	expect_all(l, s, begun);
}
