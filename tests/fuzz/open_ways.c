/* SPDX-License-Identifier: MIT */
/* See open_ways.h. */
#include "open_ways.h"

#include <check.h>

static const enum ktls_choice choices[OPEN_CHOICES][2] = {
	{ KTLS_AUTO, KTLS_AUTO },
	{ KTLS_KERNEL, KTLS_KERNEL },
	{ KTLS_USERSPACE, KTLS_USERSPACE },
	{ KTLS_KERNEL, KTLS_USERSPACE },
	{ KTLS_USERSPACE, KTLS_KERNEL }
};

enum keyed_world open_way_world(int i)
{
	return (enum keyed_world)(i / KEYED_KINDS / OPEN_CHOICES);
}

void open_way(struct keyed *c, int i)
{
	const enum ktls_choice *choice = choices[i / KEYED_KINDS %
						 OPEN_CHOICES];

	keyed_start(open_way_world(i));
	keyed_make(c, &keyed_kinds[i % KEYED_KINDS], i / KEYED_KINDS & 1,
		   (unsigned)i);
	c->opts.tx = choice[0];
	c->opts.rx = choice[1];
}

int open_way_secret(const struct keyed *c)
{
	return c->kind.form == KEYED_SECRET;
}

/* RX by KTLS_AUTO: where its keys change, the kernel has to be able to. */
int open_way_kernel(const struct keyed *c, int i, int dir)
{
	const enum ktls_choice choice = dir == KTLS_TX ? c->opts.tx :
							 c->opts.rx;

	if (!keyed_has_tls(open_way_world(i)) || choice == KTLS_USERSPACE)
		return 0;
	return choice == KTLS_KERNEL || dir == KTLS_TX ||
	       keyed_can_rekey(open_way_world(i)) || !open_way_secret(c);
}

int open_way_fixed(const struct keyed *c, int i, int dir)
{
	return open_way_kernel(c, i, dir) &&
	       !keyed_can_rekey(open_way_world(i));
}

static enum ktls_path path_of(const struct keyed *c, int i, int dir)
{
	return open_way_kernel(c, i, dir) ? KTLS_PATH_KERNEL :
					    KTLS_PATH_USERSPACE;
}

void open_way_check(struct keyed *c, int i)
{
	keyed_paths(c, path_of(c, i, KTLS_TX), path_of(c, i, KTLS_RX));
}
