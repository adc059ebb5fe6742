/* SPDX-License-Identifier: MIT */
/*
 * See contexts.h.  The word of a slot says whether it is in use, what it
 * holds, and how often it was claimed: who knows that number owns the slot,
 * for it never comes back.
 */
#include "contexts.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "wipe.h"

/* A slot's word: claims << 8 | AEAD << 1 | in use; AEAD 0: empty. */
#define BUSY 1
#define AEAD_SHIFT 1
#define CLAIM_SHIFT 8

/* An owner's ticket: claims << 8 | slot << 1 | held. */
#define HELD 1
#define SLOT_SHIFT 1

/* On a cache line of its own: threads use different ones at a time. */
struct slot {
	_Alignas(64) _Atomic uint64_t word;
	struct ktls__cipher cipher;  /* of who made it busy */
};

static struct slot table[KTLS__CONTEXTS];
static _Atomic uint64_t filled; /* a bit per slot that is not empty */
static _Atomic unsigned hand;   /* where stealing goes on */

_Static_assert(KTLS__CONTEXTS == 64, "a bit of `filled` for each slot");

static struct slot *slot_of(const struct ktls__owner *o)
{
	return &table[o->ticket >> SLOT_SHIFT & (KTLS__CONTEXTS - 1)];
}

static uint64_t bit_of(const struct slot *s)
{
	return UINT64_C(1) << (s - table);
}

static uint64_t look(struct slot *s)
{
	return atomic_load_explicit(&s->word, memory_order_relaxed);
}

/* Make it busy, as `word` became known of it: here others' use ends. */
static bool seize(struct slot *s, uint64_t word, uint64_t busy)
{
	return atomic_compare_exchange_strong_explicit(
		&s->word, &word, busy, memory_order_acquire,
		memory_order_relaxed);
}

/* What was done to it comes before the use by others. */
static void leave(struct slot *s, uint64_t word)
{
	atomic_store_explicit(&s->word, word, memory_order_release);
}

/* Is it idle, and still as its owner left it?  Then it is busy now. */
static bool take_own(const struct ktls__owner *o)
{
	struct slot *s = slot_of(o);
	uint64_t word = look(s);

	return o->ticket != 0 && !(word & BUSY) &&
	       word >> CLAIM_SHIFT == o->ticket >> CLAIM_SHIFT &&
	       seize(s, word, word | BUSY);
}

/* Nobody else's ticket fits any more. */
static bool claim(struct slot *s, uint64_t word)
{
	uint64_t claims = (word >> CLAIM_SHIFT) + 1;

	return !(word & BUSY) &&
	       seize(s, word, claims << CLAIM_SHIFT | BUSY);
}

static struct slot *claim_empty(void)
{
	uint64_t full = atomic_load_explicit(&filled, memory_order_relaxed);

	for (unsigned i = 0; full != UINT64_MAX && i < KTLS__CONTEXTS; i++)
		if (!(full >> i & 1) && claim(&table[i], look(&table[i])))
			return &table[i];
	return NULL;
}

/* From the hand on; `aead` 0: of any. */
static struct slot *steal(uint64_t aead)
{
	unsigned from = atomic_fetch_add_explicit(&hand, 1,
						  memory_order_relaxed);
	struct slot *s;
	uint64_t word;

	for (unsigned i = 0; i < KTLS__CONTEXTS; i++) {
		s = &table[(from + i) % KTLS__CONTEXTS];
		word = look(s);
		if (aead && (word >> AEAD_SHIFT & 7) != aead)
			continue;
		if (claim(s, word))
			return s;
	}
	return NULL;
}

/* One of the same AEAD is keyed anew without an allocation. */
static struct slot *claim_any(const struct ktls__suite *suite)
{
	struct slot *s = claim_empty();

	if (!s)
		s = steal(suite->cipher_bit);
	return s ? s : steal(0);
}

static uint64_t claims_of(struct slot *s)
{
	return look(s) >> CLAIM_SHIFT << CLAIM_SHIFT;
}

/* A copy of its owner must not take it for keyed. */
static void empty(struct slot *s)
{
	ktls__cipher_free(&s->cipher);
	atomic_fetch_and_explicit(&filled, ~bit_of(s), memory_order_relaxed);
	leave(s, claims_of(s) + (UINT64_C(1) << CLAIM_SHIFT));
}

/* A slot that is busy for the owner becomes its own. */
static int key_slot(struct ktls__owner *o, struct slot *s,
		    const struct ktls__suite *suite, int enc)
{
	int err = ktls__cipher_key(&s->cipher, suite, o->key, enc);

	if (err < 0) {
		empty(s);
		return err;
	}
	atomic_fetch_or_explicit(&filled, bit_of(s), memory_order_relaxed);
	o->ticket = claims_of(s) | (uint64_t)(s - table) << SLOT_SHIFT;
	return 0;
}

/* 1: the owner's slot is busy for it; 0: all are for others. */
static int take_slot(struct ktls__owner *o, const struct ktls__suite *suite,
		     int enc)
{
	struct slot *s;
	int err;

	if (take_own(o))
		return 1;
	s = claim_any(suite);
	if (!s)
		return 0;
	err = key_slot(o, s, suite, enc);
	return err < 0 ? err : 1;
}

static void give_slot(const struct ktls__owner *o)
{
	struct slot *s = slot_of(o);

	leave(s, claims_of(s) | (uint64_t)s->cipher.bit << AEAD_SHIFT);
}

int ktls__contexts_take(struct ktls__owner *o, const struct ktls__suite *suite,
			int enc, struct ktls__lease *lease)
{
	int ret = o->ticket & HELD ? 1 : take_slot(o, suite, enc);

	if (ret < 0)
		return ret;
	if (ret > 0) {
		lease->cipher = &slot_of(o)->cipher;
		return 0;
	}
	memset(lease, 0, sizeof(*lease));
	lease->cipher = &lease->spare;
	return ktls__cipher_key(&lease->spare, suite, o->key, enc);
}

void ktls__contexts_give(struct ktls__owner *o, struct ktls__lease *lease)
{
	if (lease->cipher == &lease->spare)
		ktls__cipher_free(&lease->spare);
	else if (!(o->ticket & HELD))
		give_slot(o);
}

int ktls__contexts_hold(struct ktls__owner *o, const struct ktls__suite *suite,
			int enc)
{
	int ret;

	if (o->ticket & HELD)
		return 0;
	ret = take_slot(o, suite, enc);
	if (ret > 0)
		o->ticket |= HELD;
	return ret < 0 ? ret : 0;
}

void ktls__contexts_release(struct ktls__owner *o)
{
	if (!(o->ticket & HELD))
		return;
	o->ticket &= ~(uint64_t)HELD;
	give_slot(o);
}

void ktls__contexts_drop(struct ktls__owner *o)
{
	ktls__contexts_release(o);
	if (take_own(o))
		empty(slot_of(o));
	ktls__wipe(o, sizeof(*o));
}

int ktls__contexts_rekey(struct ktls__owner *o, const struct ktls__suite *suite,
			 const uint8_t *key, int enc)
{
	struct ktls__owner next = { .ticket = 0 };
	struct ktls__lease lease;
	int err;

	memcpy(next.key, key, suite->key_len);
	err = ktls__contexts_take(&next, suite, enc, &lease);
	if (err == 0) {
		ktls__contexts_give(&next, &lease);
		ktls__contexts_drop(o);
		*o = next;
	}
	ktls__wipe(&next, sizeof(next));
	return err;
}
