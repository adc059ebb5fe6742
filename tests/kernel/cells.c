/* SPDX-License-Identifier: MIT */
/* Lines for a table of results: see cells.h. */
#include "cells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "tests/tls_calls.h"

/* Versions, roles, suites, places: more cannot differ. */
#define KINDS (2 * 2 * 3 * 4)

struct kind {
	int version;
	int server;
	const char *suite;
	enum cells_where where;
	char why[200];           /* of the first that failed */
};

static struct kind kinds[KINDS];
static int count;

/* "6.1.187+" is 6.1.187 */
static const char *release(void)
{
	static char text[40];
	struct utsname name;
	unsigned n[3] = { 0 };

	if (uname(&name) < 0 ||
	    sscanf(name.release, "%u.%u.%u", &n[0], &n[1], &n[2]) < 2)
		return "kernel";
	snprintf(text, sizeof(text), "%u.%u.%u", n[0], n[1], n[2]);
	return text;
}

static const char *place(enum cells_where where)
{
	switch (where) {
	case CELLS_KERNEL: return release();
	case CELLS_USERSPACE: return "userspace";
	case CELLS_LIBRARY: return "library";
	default: return "no hand-off";
	}
}

static void print(const struct kind *k)
{
	printf("cell\t%s\t1.%d\t%s\t%s\t%s\t%s\n", tls_stack(),
	       (k->version & 0xff) - 1, k->server ? "server" : "client",
	       k->suite, place(k->where), k->why[0] ? k->why : "pass");
}

static int alike(const struct kind *a, const struct kind *b)
{
	return a->version == b->version && a->server == b->server &&
	       a->where == b->where && strcmp(a->suite, b->suite) == 0;
}

static void keep(const struct kind *is)
{
	int i;

	for (i = 0; i < count && !alike(&kinds[i], is); i++)
		continue;
	if (i == KINDS)
		return;
	if (i == count)
		kinds[count++] = *is;
	else if (kinds[i].why[0] == '\0')
		memcpy(kinds[i].why, is->why, sizeof(is->why));
}

void cells_add(int version, int server, const char *suite,
	       enum cells_where where, const char *why)
{
	const char *form = getenv("KTLS_CELLS");
	struct kind k = { version, server, suite, where, "" };

	snprintf(k.why, sizeof(k.why), "%s", why ? why : "");
	if (form && strcmp(form, "short") == 0)
		keep(&k);
	else
		print(&k);
}

void cells_end(void)
{
	int i;

	for (i = 0; i < count; i++)
		print(&kinds[i]);
	count = 0;
}
