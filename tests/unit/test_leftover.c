/* SPDX-License-Identifier: MIT */
/* What is left over: its order, its length, and what an addition costs. */
#include <stdlib.h>

#include "leftover.h"
#include "suite_main.h"

#define MANY 50

static struct ktls__leftover list;

static struct ktls__chunk *chunk(uint8_t number)
{
	struct ktls__chunk *c = ktls__chunk_new(100);

	ck_assert_ptr_nonnull(c);
	c->len = (size_t)number % 3 + 1;
	c->data[0] = number;
	return ktls__chunk_fit(c);
}

static size_t add(uint8_t number)
{
	struct ktls__chunk *c = chunk(number);

	ktls__leftover_add(&list, c);
	ck_assert_ptr_eq(list.head->last, c);
	return c->len;
}

static size_t take(uint8_t number)
{
	size_t len = list.head->len;

	ck_assert_uint_eq(list.head->data[0], number);
	for (size_t i = 0; i < len; i++)
		ktls__leftover_take(&list, 1);
	return len;
}

/* _i: how many are there when the first one goes. */
START_TEST(in_order)
{
	const int ahead = _i;
	size_t len = 0;

	for (int i = 0; i < MANY + ahead; i++) {
		if (i < MANY)
			len += add((uint8_t)i);
		if (i >= ahead)
			len -= take((uint8_t)(i - ahead));
		ck_assert_uint_eq(ktls__leftover_len(&list), len);
	}
	ck_assert_ptr_null(list.head);
	/* and it is as new */
	(void)add(1);
	(void)add(2);
	ktls__leftover_wipe(&list);
	ck_assert_ptr_null(list.head);
}
END_TEST

/* However many there are: the list is cut in two, and that goes unseen. */
START_TEST(looks_at_no_other)
{
	struct ktls__chunk *second, *third;

	(void)add(1);
	(void)add(2);
	(void)add(3);
	second = list.head->next;
	third = second->next;
	second->next = NULL;
	(void)add(4);
	ck_assert_ptr_null(second->next);
	ck_assert_ptr_nonnull(third->next);
	ck_assert_uint_eq(third->next->data[0], 4);
	second->next = third;
	ktls__leftover_wipe(&list);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("leftover");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, in_order, 0, 5);
	tcase_add_test(tcase, looks_at_no_other);
	suite_add_tcase(s, tcase);
	return suite_main(s);
}
