/* SPDX-License-Identifier: MIT */
/* The inbox's buffer: when it is there, how large, and what is in it when it
 * goes back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_wire.h"
#include "sample_keys.h"
#include "suite_main.h"

static uint8_t *watched_take(size_t len, size_t *cap);
static void watched_give(uint8_t *p, size_t cap);

#include "lib/pool.h"

/* The file under test, with a pool that fails and looks. */
#define ktls__pool_take watched_take
#define ktls__pool_give watched_give
#include "lib/inbox.c"
#undef ktls__pool_take
#undef ktls__pool_give

#define FD FAKE_FD
#define DATA KTLS_RECORD_DATA
#define LETTER 'q'
#define RECORD 16384

static struct {
	int fail;
	size_t live;      /* buffers */
	size_t takes;
	size_t cap;       /* of the last one */
	int found;        /* plaintext in what was given back */
} memory;

static struct ktls__sealer sealer;
static struct ktls__inbox inbox;
static uint8_t buf[1 << 20];
static uint8_t text[RECORD];

static int has_text(const uint8_t *p, size_t len)
{
	return memmem(p, len, text, 8) != NULL;
}

static uint8_t *watched_take(size_t len, size_t *cap)
{
	uint8_t *p = memory.fail ? NULL : ktls__pool_take(len, cap);

	if (!p)
		return NULL;
	memset(p, 0, *cap);
	memory.live++;
	memory.takes++;
	memory.cap = *cap;
	return p;
}

static void watched_give(uint8_t *p, size_t cap)
{
	if (!p)
		return;
	if (has_text(p, cap))
		memory.found = 1;
	memory.live--;
	ktls__pool_give(p, cap);
}

static void setup(void)
{
	const struct ktls_keys keys = sample_keys(0x1301);

	memset(&memory, 0, sizeof(memory));
	memset(&sealer, 0, sizeof(sealer));
	memset(&inbox, 0, sizeof(inbox));
	memset(text, LETTER, sizeof(text));
	fake_wire();
	ck_assert_int_eq(ktls__sealer_key(&sealer, &keys), 0);
	ck_assert_int_eq(ktls__inbox_key(&inbox, &keys), 0);
}

static void teardown(void)
{
	ktls__inbox_wipe(&inbox);
	ktls__sealer_wipe(&sealer);
	fake_wire_end();
	ck_assert_uint_eq(memory.live, 0);
	ck_assert(!memory.found);
}

static void put(size_t records)
{
	while (records-- > 0)
		fake_wire_seal(&sealer, DATA, text, sizeof(text));
}

static ssize_t take(size_t room)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = room };
	uint8_t type;
	ssize_t n = ktls__inbox_recv(&inbox, FD, &type, &iov, 1, NULL);

	for (size_t i = 0; n > 0 && i < (size_t)n; i += RECORD)
		ck_assert_mem_eq(buf + i, text,
				 (size_t)n - i < RECORD ? (size_t)n - i
							: RECORD);
	memset(buf, 0, sizeof(buf));
	return n;
}

/* The search must be able to find. */
START_TEST(the_search_finds)
{
	size_t cap;
	uint8_t *p = watched_take(100, &cap);

	memcpy(p + 50, text, 8);
	watched_give(p, cap);
	ck_assert(memory.found);
	memory.found = 0;
}
END_TEST

START_TEST(one_read_for_many_records)
{
	put(40);
	ck_assert_int_eq(take(sizeof(buf)), 4 * RECORD);
	ck_assert_uint_eq(fake_wire_calls(), 1);
	ck_assert_uint_eq(fake_wire_room(), KTLS__BUFFER_MIDDLE);
	/* It was full, so the next one is large; half a record is in it. */
	ck_assert_int_eq(take(sizeof(buf)), 16 * RECORD);
	ck_assert_uint_eq(fake_wire_calls(), 2);
	ck_assert_uint_eq(memory.cap, KTLS__BUFFER_LARGE);
	ck_assert_uint_eq(fake_wire_room(),
			  KTLS__BUFFER_LARGE -
				  (KTLS__BUFFER_MIDDLE - 4 * (RECORD + 22)));
	ck_assert_int_eq(take(sizeof(buf)), 16 * RECORD);
	ck_assert_int_eq(take(sizeof(buf)), 4 * RECORD);
	ck_assert_uint_eq(fake_wire_calls(), 4);
	ck_assert_uint_eq(memory.takes, 2);
	ck_assert_uint_eq(memory.live, 0);
	ck_assert_int_eq(take(sizeof(buf)), -EAGAIN);
	ck_assert_uint_eq(memory.live, 0);
}
END_TEST

/* What a small read leaves is one small buffer again. */
START_TEST(large_only_while_it_fills)
{
	put(22);
	ck_assert_int_eq(take(sizeof(buf)), 4 * RECORD);
	ck_assert_int_eq(take(sizeof(buf)), 16 * RECORD);
	ck_assert_uint_eq(memory.cap, KTLS__BUFFER_LARGE);
	ck_assert_int_eq(take(sizeof(buf)), 2 * RECORD);
	for (int i = 0; i < 2; i++) {
		put(1);
		ck_assert_int_eq(take(sizeof(buf)), RECORD);
		ck_assert_uint_eq(memory.live, 0);
	}
	ck_assert_uint_eq(memory.cap, KTLS__BUFFER_MIDDLE);
}
END_TEST

START_TEST(no_memory_loses_nothing)
{
	put(3);
	memory.fail = 1;
	ck_assert_int_eq(take(sizeof(buf)), -ENOMEM);
	ck_assert_int_eq(take(sizeof(buf)), -ENOMEM);
	ck_assert_uint_eq(fake_wire_calls(), 0);
	memory.fail = 0;
	ck_assert_int_eq(take(sizeof(buf)), 3 * RECORD);
}
END_TEST

START_TEST(no_memory_to_grow)
{
	size_t got = 0;
	ssize_t n;

	put(40);
	got += (size_t)take(sizeof(buf));
	memory.fail = 1;
	while ((n = take(sizeof(buf))) > 0)
		got += (size_t)n;
	ck_assert_uint_eq(got, 40 * RECORD);
	ck_assert_uint_eq(memory.takes, 1);
	ck_assert_int_eq(n, -ENOMEM);
}
END_TEST

/* Exactly the room that the payload needs: not by way of the buffer. */
START_TEST(opened_where_it_belongs)
{
	put(3);
	ck_assert_int_eq(take(RECORD), RECORD);
	ck_assert_mem_eq(inbox.buf, fake_wire_bytes(), inbox.len);
	ck_assert_int_eq(take(2 * RECORD), 2 * RECORD);
	ck_assert_ptr_null(inbox.buf);
}
END_TEST

START_TEST(delivered_text_is_wiped)
{
	put(2);
	ck_assert_int_eq(take(1000), 1000);
	ck_assert(has_text(inbox.buf, inbox.len));
	ck_assert_uint_eq(inbox.plain_len, RECORD - 1000);
	ck_assert(!has_text(inbox.buf, inbox.off - inbox.plain_len - 17));
	ck_assert_int_eq(take(RECORD), RECORD);
	ck_assert_int_eq(take(RECORD), RECORD - 1000);
	ck_assert_uint_eq(memory.live, 0);
}
END_TEST

START_TEST(what_is_discarded_is_wiped)
{
	put(2);
	ck_assert_int_eq(take(1000), 1000);
	ktls__inbox_discard(&inbox);
	ck_assert_uint_eq(memory.live, 0);
	ck_assert_uint_eq(ktls__inbox_pending(&inbox), 0);
	put(1);
	ck_assert_int_eq(take(1000), -KTLS_EBADRECORD); /* one was skipped */
	ktls__inbox_discard(&inbox);
	ck_assert_int_eq(take(1000), -KTLS_EBADRECORD);
}
END_TEST

/* Its own beginning is opened, its end does not fit: the rest stays. */
START_TEST(what_is_left_is_wiped)
{
	put(1);
	fake_wire_seal(&sealer, KTLS_RECORD_HANDSHAKE, text, sizeof(text));
	ck_assert_int_eq(take(sizeof(buf)), RECORD);
	ck_assert(has_text(inbox.buf, inbox.len));
	ck_assert_int_eq(take(10), 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inbox_memory");
	TCase *tc = tcase_create("memory");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_search_finds);
	tcase_add_test(tc, one_read_for_many_records);
	tcase_add_test(tc, large_only_while_it_fills);
	tcase_add_test(tc, no_memory_loses_nothing);
	tcase_add_test(tc, no_memory_to_grow);
	tcase_add_test(tc, opened_where_it_belongs);
	tcase_add_test(tc, delivered_text_is_wiped);
	tcase_add_test(tc, what_is_discarded_is_wiped);
	tcase_add_test(tc, what_is_left_is_wiped);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
