/* SPDX-License-Identifier: MIT */
/* The table of keyed contexts: whose a slot is. */
#include <string.h>

#include <openssl/evp.h>

#include "contexts_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(an_owner_finds_its_own)
{
	struct ktls__owner a = owner(0x1301, 1), b = owner(0x1301, 2);
	const uint64_t ticket_a = a.ticket, ticket_b = b.ticket;

	ck_assert_uint_ne(ticket_a, ticket_b);
	for (int i = 0; i < 5; i++) {
		use(&a, 0x1301, 1);
		use(&b, 0x1301, 2);
	}
	ck_assert_uint_eq(a.ticket, ticket_a);
	ck_assert_uint_eq(b.ticket, ticket_b);
	ck_assert_uint_eq(slots(0xff), 2);
	ktls__contexts_drop(&a);
	use(&b, 0x1301, 2);
	ktls__contexts_drop(&b);
	nobody_is_left();
}
END_TEST

START_TEST(one_too_many_takes_anothers)
{
	struct ktls__owner o[KTLS__CONTEXTS + 1];
	uint64_t tickets[KTLS__CONTEXTS];
	unsigned lost = 0;

	for (unsigned i = 0; i < KTLS__CONTEXTS; i++) {
		o[i] = owner(0x1303, i);
		tickets[i] = o[i].ticket;
	}
	for (unsigned i = 0; i < KTLS__CONTEXTS; i++)
		use(&o[i], 0x1303, i);
	o[KTLS__CONTEXTS] = owner(0x1303, KTLS__CONTEXTS);
	use(&o[KTLS__CONTEXTS], 0x1303, KTLS__CONTEXTS);
	/* It was one owner's, which gets another's, and so on. */
	for (unsigned i = KTLS__CONTEXTS; i-- > 0;) {
		use(&o[i], 0x1303, i);
		lost += o[i].ticket != tickets[i];
	}
	ck_assert_uint_ge(lost, 1);
	ck_assert_uint_eq(slots(0xff), KTLS__CONTEXTS);
	for (unsigned i = 0; i < COUNT(o); i++)
		ktls__contexts_drop(&o[i]);
	nobody_is_left();
}
END_TEST

/* Neither a free slot nor one of another AEAD, as long as there is a better
 * one. */
START_TEST(the_same_aead_is_preferred)
{
	struct ktls__owner o[KTLS__CONTEXTS], more;
	const void *ctx;

	for (unsigned i = 0; i < COUNT(o); i++)
		o[i] = owner(i == 40 ? 0x1303 : 0x1301, i);
	ctx = slot_of(&o[40])->cipher.ctx;
	more = owner(0xcca8, 200);
	ck_assert_ptr_eq(slot_of(&more), slot_of(&o[40]));
	ck_assert_ptr_eq(slot_of(&more)->cipher.ctx, ctx);
	use(&more, 0xcca8, 200);
	ktls__contexts_drop(&more);
	/* The free one, though 63 others are to be had. */
	o[40] = owner(0x1301, 40);
	ck_assert_uint_eq(slots(0xff), KTLS__CONTEXTS);
	for (unsigned i = 0; i < COUNT(o); i++)
		use(&o[i], 0x1301, i);
	/* None of its AEAD: any. */
	more = owner(0x1303, 201);
	use(&more, 0x1303, 201);
	ktls__contexts_drop(&more);
	for (unsigned i = 0; i < COUNT(o); i++)
		ktls__contexts_drop(&o[i]);
	nobody_is_left();
}
END_TEST

START_TEST(held_it_is_nobody_elses)
{
	const struct ktls__suite *suite = ktls__suite_find(0x1301);
	struct ktls__owner o = owner(0x1301, 1), others[2 * KTLS__CONTEXTS];

	ktls__contexts_release(&o);
	ck_assert_int_eq(ktls__contexts_hold(&o, suite, 1), 0);
	ck_assert_int_eq(ktls__contexts_hold(&o, suite, 1), 0);
	ck_assert_uint_eq(slots(BUSY), 1);
	for (unsigned i = 0; i < COUNT(others); i++) {
		others[i] = owner(0x1301, 2 + i);
		use(&o, 0x1301, 1);
		ck_assert_uint_eq(slots(BUSY), 1);
	}
	ktls__contexts_release(&o);
	ck_assert_uint_eq(slots(BUSY), 0);
	ktls__contexts_release(&o);
	use(&o, 0x1301, 1);
	/* Dropped or keyed anew while it is held. */
	ck_assert_int_eq(ktls__contexts_hold(&o, suite, 1), 0);
	ck_assert_int_eq(ktls__contexts_rekey(&o, suite, others[0].key, 1), 0);
	ck_assert_uint_eq(slots(BUSY), 0);
	use(&o, 0x1301, 2);
	ck_assert_int_eq(ktls__contexts_hold(&o, suite, 1), 0);
	ktls__contexts_drop(&o);
	ck_assert_uint_eq(slots(BUSY), 0);
	for (unsigned i = 0; i < COUNT(others); i++)
		ktls__contexts_drop(&others[i]);
	nobody_is_left();
}
END_TEST

/* Structs are copied: what one of the two does is no harm to the other. */
START_TEST(a_copy_is_an_owner_too)
{
	struct ktls__owner a = owner(0x1303, 7), b = a;

	ktls__contexts_drop(&a);
	use(&b, 0x1303, 7);
	a = b;
	ktls__contexts_drop(&b);
	b = owner(0x1303, 8);
	use(&a, 0x1303, 7);
	use(&b, 0x1303, 8);
	ktls__contexts_drop(&a);
	ktls__contexts_drop(&b);
	nobody_is_left();
}
END_TEST

START_TEST(a_refused_key_changes_nothing)
{
	struct ktls__owner o = owner(0x1301, 1);
	const struct ktls__owner before = o;
	const struct ktls_keys next = keys_of(0x1303, 2);
	const struct ktls__suite *suite = ktls__suite_find(0x1303);

	ck_assert_int_eq(EVP_set_default_properties(NULL, "provider=none"), 1);
	ck_assert_int_eq(ktls__contexts_rekey(&o, suite, next.key, 1),
			 -KTLS_ECRYPTO);
	ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
	ck_assert_mem_eq(&o, &before, sizeof(o));
	ck_assert_uint_eq(slots(0xff), 1);
	use(&o, 0x1301, 1);
	ktls__contexts_drop(&o);
	nobody_is_left();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contexts");
	TCase *tc = tcase_create("owners");

	tcase_add_test(tc, an_owner_finds_its_own);
	tcase_add_test(tc, one_too_many_takes_anothers);
	tcase_add_test(tc, the_same_aead_is_preferred);
	tcase_add_test(tc, held_it_is_nobody_elses);
	tcase_add_test(tc, a_copy_is_an_owner_too);
	tcase_add_test(tc, a_refused_key_changes_nothing);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
