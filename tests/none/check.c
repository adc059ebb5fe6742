/* SPDX-License-Identifier: MIT */
/* See none.h: what a test says of itself. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "none.h"

static unsigned faults; /* of this test */
static unsigned bad;    /* tests */
static unsigned good;
static char first[200];

static void note(const char *file, int line, const char *text)
{
	const char *name = strrchr(file, '/');

	if (faults++ == 0)
		snprintf(first, sizeof(first), "%s", text);
	printf("    %s:%d: %s\n", name ? name + 1 : file, line, text);
}

bool expect_at(bool is_good, const char *file, int line, const char *format,
	       ...)
{
	char text[200];
	va_list args;

	if (is_good)
		return true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	note(file, line, text);
	return false;
}

static const char *named(long long n)
{
	return n < 0 && n > -KTLS_EEND ? ktls_strerror((int)n) : "";
}

bool expect_int_at(long long got, long long want, const char *file, int line,
		   const char *what)
{
	return expect_at(got == want, file, line,
			 "%s is %lld (%s), not %lld (%s)", what, got,
			 named(got), want, named(want));
}

bool test_ends(const char *name)
{
	const bool passed = faults == 0;

	faults = 0;
	*(passed ? &good : &bad) += 1;
	printf("%s - %s\n", passed ? "ok" : "not ok", name);
	fflush(stdout);
	return passed;
}

const char *test_fault(void)
{
	return first;
}

int test_status(void)
{
	printf("%u passed, %u failed\n", good, bad);
	return bad > 0 || good == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
