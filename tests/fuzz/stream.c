/* SPDX-License-Identifier: MIT */
/* Seeded numbers and payload, all from one mixing function (splitmix64). */
#include "stream.h"

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void stream_seed(struct stream_random *r, uint64_t seed, uint64_t index)
{
	r->state = mix(mix(seed + 1) ^ (index + 1) * 0x9e3779b97f4a7c15u);
}

uint64_t stream_next(struct stream_random *r)
{
	return mix(r->state += 0x9e3779b97f4a7c15u);
}

size_t stream_below(struct stream_random *r, size_t n)
{
	return n ? (size_t)(stream_next(r) % n) : 0;
}

size_t stream_between(struct stream_random *r, size_t from, size_t to)
{
	return from + stream_below(r, to - from + 1);
}

int stream_one_in(struct stream_random *r, size_t n)
{
	return stream_below(r, n) == 0;
}

void stream_fill(uint64_t key, uint64_t off, void *buf, size_t len)
{
	uint64_t word = mix(key + (off >> 3));
	uint8_t *p = buf;

	for (; len; len--, off++) {
		if ((off & 7) == 0)
			word = mix(key + (off >> 3));
		*p++ = (uint8_t)(word >> 8 * (off & 7));
	}
}

size_t stream_check(uint64_t key, uint64_t off, const void *buf, size_t len)
{
	uint64_t word = mix(key + (off >> 3));
	const uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++, off++) {
		if ((off & 7) == 0)
			word = mix(key + (off >> 3));
		if (p[i] != (uint8_t)(word >> 8 * (off & 7)))
			return i;
	}
	return len;
}
