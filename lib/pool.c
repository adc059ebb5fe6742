/* SPDX-License-Identifier: MIT */
/* See pool.h.  Each place of the cache is taken and filled by one exchange. */
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PLACES 16

static struct shelf {
	size_t size;
	_Atomic(uint8_t *) places[PLACES];
} shelves[] = {
	{ .size = KTLS__BUFFER_SMALL },
	{ .size = KTLS__BUFFER_MIDDLE },
	{ .size = KTLS__BUFFER_LARGE },
};

#define SHELVES (sizeof(shelves) / sizeof(shelves[0]))

/* Each thread begins elsewhere, and finds what it left there, still warm. */
static size_t first_place(void)
{
	return (uintptr_t)pthread_self() / 4096 * 7;
}

static uint8_t *take_from(struct shelf *s)
{
	size_t at = first_place();
	_Atomic(uint8_t *) *place;
	uint8_t *buf;

	for (size_t i = 0; i < PLACES; i++) {
		place = &s->places[(at + i) % PLACES];
		if (atomic_load_explicit(place, memory_order_relaxed) == NULL)
			continue;
		buf = atomic_exchange(place, NULL);
		if (buf != NULL)
			return buf;
	}
	return malloc(s->size);
}

uint8_t *ktls__pool_take(size_t len, size_t *cap)
{
	for (size_t i = 0; i < SHELVES; i++)
		if (len <= shelves[i].size) {
			*cap = shelves[i].size;
			return take_from(&shelves[i]);
		}
	*cap = len;
	return malloc(len);
}

static void give_to(struct shelf *s, uint8_t *buf)
{
	size_t at = first_place();
	uint8_t *none;

	for (size_t i = 0; i < PLACES; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(
			    &s->places[(at + i) % PLACES], &none, buf))
			return;
	}
	free(buf);
}

void ktls__pool_give(uint8_t *buf, size_t cap)
{
	if (buf == NULL)
		return;
	for (size_t i = 0; i < SHELVES; i++)
		if (cap == shelves[i].size) {
			give_to(&shelves[i], buf);
			return;
		}
	free(buf);
}
