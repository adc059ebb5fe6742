/* SPDX-License-Identifier: MIT */
/* The worlds, kinds and paths that a test of ktls_open() is looped over. */
#ifndef OPEN_WAYS_H
#define OPEN_WAYS_H

#include <check.h>

#include "keyed.h"

#define OPEN_CHOICES 5

/* A test over all kinds: one process for each world, or for each world and
 * choice.  `way` counts as in open_way(). */
#define OPEN_TEST(name) \
	static void name##_of(int way); \
	START_TEST(name) \
	{ \
		int kind; \
		for (kind = 0; kind < KEYED_KINDS; kind++) \
			name##_of(_i * KEYED_KINDS + kind); \
	} \
	END_TEST \
	static void name##_of(int way)
#define OPEN_PROCESSES (keyed_worlds() * OPEN_CHOICES)

/* World, choices, kind and role by number, a connection that is not open. */
void open_way(struct keyed *c, int i);
enum keyed_world open_way_world(int i);

/* Does the kernel take this direction, at once? */
int open_way_kernel(const struct keyed *c, int i, int dir);
/* It does, and cannot change its keys. */
int open_way_fixed(const struct keyed *c, int i, int dir);
/* Are there keys to be changed, in this direction? */
int open_way_secret(const struct keyed *c);
/* The paths are those. */
void open_way_check(struct keyed *c, int i);

#endif
