/* SPDX-License-Identifier: MIT */
/*
 * Keys of a stack that this library knows nothing of, in the kernel: every
 * suite, either end.  Prints a line for each test and each cell; without TLS
 * in the kernel it expects the refusals, unless KTLS_REQUIRE_KERNEL=1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "none.h"

/* Seconds that only a hang takes. */
#define LIMIT_S 300

#ifdef __GLIBC__
static const char libc[] = "glibc";
#else
static const char libc[] = "musl";
#endif

static struct ktls_features features;

static bool run_all(const struct test *test, const struct cell *c)
{
	char name[160];
	bool good = true;

	for (; test->name != NULL; test++) {
		snprintf(name, sizeof(name), "TLS 1.%d %s %s: %s",
			 c->version - 0x0301, c->server ? "server" : "client",
			 c->name, test->name);
		test->run(c);
		good = test_ends(name) && good;
	}
	return good;
}

/* x.y.z of this kernel. */
static const char *release(void)
{
	static struct utsname name;

	uname(&name);
	name.release[strspn(name.release, "0123456789.")] = '\0';
	return name.release;
}

static bool has_kernel(const struct cell *c)
{
	const unsigned both = c->version == KTLS_TLS_1_3 ?
				      features.tx_1_3 & features.rx_1_3 :
				      features.tx_1_2 & features.rx_1_2;

	return (both & c->bit) != 0;
}

static void run_cell(const struct cell *c)
{
	const bool kernel = has_kernel(c);
	bool good = run_all(refused_tests, c);

	if (kernel) {
		good = run_all(data_tests, c) && good;
		good = run_all(end_tests, c) && good;
		good = run_all(sock_tests, c) && good;
	} else {
		good = run_all(absent_tests, c) && good;
	}
	printf("cell\tnone (keys, %s)\t1.%d\t%s\t%s\t%s\t%s\n", libc,
	       c->version - 0x0301, c->server ? "server" : "client", c->name,
	       release(),
	       !good ? test_fault() : kernel ? "pass" : "no kernel TLS");
}

static void probe(void)
{
	const char *required = getenv("KTLS_REQUIRE_KERNEL");

	expect_int(ktls_probe(&features), -EINVAL);
	features.size = sizeof(features);
	expect_int(ktls_probe(&features), 0);
	if (required != NULL && strcmp(required, "1") == 0) {
		expect_int(features.ulp, 0);
		for (int i = 0; i < CELLS; i++)
			expect(has_kernel(&cells[i]));
	} else {
		expect(features.ulp == 0 || features.ulp == -ENOENT);
	}
	test_ends("ktls_probe()");
}

int main(void)
{
	unsetenv("KTLS_PATH");
	alarm(LIMIT_S);
	probe();
	for (int i = 0; i < CELLS; i++)
		run_cell(&cells[i]);
	return test_status();
}
