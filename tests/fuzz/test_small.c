/* SPDX-License-Identifier: MIT */
/*
 * Hand-offs with many small records inside: what is left over takes as much
 * memory as its bytes do, and no longer to put away.
 */
#include "costs.h"
#include "cut.h"
#include "lib/conn.h"
#include "tests/tls_calls.h"
#include "tests/unit/suite_main.h"

#define CHUNK 16384
/* What malloc() adds to each, and a chunk does. */
#define MORE (sizeof(struct ktls__chunk) + 32)

static uint8_t text[2 * CHUNK + 999];
#define CHUNKS 3

/* Bytes of a record, most of which end within a chunk. */
static const size_t sizes[] = { 1, 2, 7, 1000, 16384 };
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

static void open_it(struct duo *d, int memory)
{
	uint8_t byte;
	int i;

	for (size_t at = 0; at < sizeof(text); at++)
		text[at] = (uint8_t)(at * 7 + at / 251);
	cut_open(d, 1);
	if (memory)
		duo_bios(d, 1);
	duo_shake(d);
	for (i = 0; i < 4; i++) {
		ck_assert_int_lt(SSL_read(d->peer, &byte, 1), 0);
		ck_assert_int_lt(SSL_read(d->ssl, &byte, 1), 0);
	}
}

static void put_all(struct duo *d, size_t size)
{
	for (size_t at = 0; at < sizeof(text); at += size) {
		size_t n = sizeof(text) - at < size ? sizeof(text) - at : size;

		ck_assert_int_eq(SSL_write(d->peer, text + at, (int)n), (int)n);
	}
}

static struct ktls *hand_off(struct duo *d)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct ktls *k;

	opts.fd = d->fd;
	opts.tx = KTLS_USERSPACE;
	opts.rx = KTLS_USERSPACE;
	opts.flags = tls_take();
	ck_assert_int_eq(ktls_handoff(&k, d->ssl, &opts), 0);
	d->ssl = tls_kept(d->ssl, opts.flags);
	duo_paths(k, KTLS_PATH_USERSPACE, KTLS_PATH_USERSPACE);
	return k;
}

/* Each is full but the last. */
static void are_few(const struct ktls *k)
{
	const struct ktls__chunk *c = k->leftover.head;
	size_t chunks = 1;

	ck_assert_ptr_nonnull(c);
	for (; c->next != NULL; c = c->next, chunks++)
		ck_assert_uint_eq(c->len, CHUNK);
	ck_assert_uint_eq(chunks, CHUNKS);
	ck_assert_ptr_eq(c, k->leftover.head->last);
	ck_assert_uint_eq(ktls_pending(k), sizeof(text));
}

/* And no more memory is freed with them. */
static void come_out(struct ktls *k)
{
	static uint8_t got[sizeof(text)];
	const long live = costs.live;
	size_t n = 0;

	while (n < sizeof(got)) {
		ssize_t more = ktls_read(k, got + n, sizeof(got) - n < 5000 ?
						     sizeof(got) - n : 5000);

		ck_assert_int_gt(more, 0);
		n += (size_t)more;
	}
	ck_assert_mem_eq(got, text, n);
	ck_assert_uint_eq(ktls_pending(k), 0);
	ck_assert_ptr_null(k->leftover.head);
	ck_assert_int_le(live - costs.live,
			 (long)(sizeof(text) + CHUNKS * MORE));
}

START_TEST(in_memory_bios)
{
	struct ktls *k;
	struct duo d;

	open_it(&d, 1);
	put_all(&d, sizes[_i]);
	k = hand_off(&d);
	are_few(k);
	come_out(k);
	duo_close(&d, k);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("small");
	TCase *tcase = tcase_create("records");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, in_memory_bios, 0, SIZES);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
