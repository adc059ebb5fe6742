/* SPDX-License-Identifier: MIT */
/* See leftover.h. */
#include "leftover.h"

#include <stdlib.h>
#include <string.h>

#include "wipe.h"

struct ktls__chunk *ktls__chunk_new(size_t cap)
{
	struct ktls__chunk *c = NULL;

	if (cap <= SIZE_MAX - sizeof(*c))
		c = malloc(sizeof(*c) + cap);
	if (c != NULL) {
		c->next = NULL;
		c->last = NULL;
		c->len = 0;
		c->off = 0;
	}
	return c;
}

/* Not with realloc(), which could leave a copy behind. */
struct ktls__chunk *ktls__chunk_fit(struct ktls__chunk *c)
{
	struct ktls__chunk *small = malloc(sizeof(*c) + c->len);

	if (small == NULL)
		return c;
	memcpy(small, c, sizeof(*c) + c->len);
	ktls__wipe(c->data, c->len);
	free(c);
	return small;
}

void ktls__leftover_add(struct ktls__leftover *list, struct ktls__chunk *c)
{
	if (list->head == NULL)
		list->head = c;
	else
		list->head->last->next = c;
	list->head->last = c;
}

static void drop_first(struct ktls__leftover *list)
{
	struct ktls__chunk *c = list->head;

	list->head = c->next;
	if (list->head != NULL)
		list->head->last = c->last;
	ktls__wipe(c->data, c->len);
	free(c);
}

void ktls__leftover_wipe(struct ktls__leftover *list)
{
	while (list->head != NULL)
		drop_first(list);
}

void ktls__leftover_take(struct ktls__leftover *list, size_t n)
{
	struct ktls__chunk *c = list->head;

	c->off += n;
	if (c->off == c->len)
		drop_first(list);
}

size_t ktls__leftover_len(const struct ktls__leftover *list)
{
	const struct ktls__chunk *c;
	size_t n = 0;

	for (c = list->head; c != NULL; c = c->next)
		n += c->len - c->off;
	return n;
}
