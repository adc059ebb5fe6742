/* SPDX-License-Identifier: MIT */
/* choice.c: every text of the grammar, what is beside it, and where the text
 * comes from. */
#include "choice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suite_main.h"
#include "sys.h"

/* No choice at all: what must not be touched. */
#define UNTOUCHED ((enum ktls_choice)77)

struct answer {
	enum ktls_choice tx;
	enum ktls_choice rx;
	unsigned set;
	int err;
};

static struct answer parse(const char *text)
{
	struct answer a = { UNTOUCHED, UNTOUCHED, 99, 0 };

	a.err = ktls__choice_parse(text, &a.tx, &a.rx, &a.set);
	return a;
}

static void expect(const char *text, enum ktls_choice tx, enum ktls_choice rx,
		   unsigned set)
{
	struct answer a = parse(text);

	ck_assert_msg(a.err == 0 && a.tx == tx && a.rx == rx && a.set == set,
		      "\"%s\": %d, tx %d, rx %d, set %u", text, a.err,
		      (int)a.tx, (int)a.rx, a.set);
}

static const struct {
	const char *name;
	enum ktls_choice choice;
} paths[] = {
	{ "auto", KTLS_AUTO },
	{ "kernel", KTLS_KERNEL },
	{ "userspace", KTLS_USERSPACE },
	{ "library", KTLS_LIBRARY },
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

START_TEST(one_path)
{
	char text[32];

	for (size_t i = 0; i < PATHS; i++) {
		enum ktls_choice want = paths[i].choice;

		expect(paths[i].name, want, want, KTLS_TX | KTLS_RX);
		snprintf(text, sizeof(text), "tx=%s", paths[i].name);
		expect(text, want, UNTOUCHED, KTLS_TX);
		snprintf(text, sizeof(text), "rx=%s", paths[i].name);
		expect(text, UNTOUCHED, want, KTLS_RX);
	}
}
END_TEST

START_TEST(both_in_any_order)
{
	char text[64];

	for (size_t i = 0; i < PATHS * PATHS; i++) {
		const char *tx = paths[i / PATHS].name;
		const char *rx = paths[i % PATHS].name;

		snprintf(text, sizeof(text), "tx=%s,rx=%s", tx, rx);
		expect(text, paths[i / PATHS].choice, paths[i % PATHS].choice,
		       KTLS_TX | KTLS_RX);
		snprintf(text, sizeof(text), "rx=%s,tx=%s", rx, tx);
		expect(text, paths[i / PATHS].choice, paths[i % PATHS].choice,
		       KTLS_TX | KTLS_RX);
	}
}
END_TEST

static const char *const wrong[] = {
	"", " ", ",", "=", "tx", "rx", "tx=", "rx=", "=kernel", "none", "on",
	/* case, blanks, what is before and behind */
	"Kernel", "KERNEL", "TX=kernel", "tx=Kernel", " kernel", "kernel ",
	"kernel\n", "tx =kernel", "tx= kernel", "tx=kernel, rx=kernel",
	"kernels", "kerne", "xkernel", "tx=kernelx", "autokernel",
	"tx==kernel", "tx:kernel", "txx=kernel", "xtx=kernel", "t=kernel",
	"tx=tx=kernel", "tx=rx=kernel", "\"kernel\"", "tx=kernel;rx=kernel",
	/* commas */
	",kernel", "kernel,", "tx=kernel,", ",tx=kernel", "tx=kernel,,rx=auto",
	"tx=kernel,rx=auto,", "tx,rx=kernel", "tx=,rx=kernel",
	/* a direction twice, by name or without one */
	"tx=kernel,tx=kernel", "rx=kernel,rx=auto", "kernel,kernel",
	"kernel,userspace", "tx=kernel,userspace", "kernel,rx=userspace",
	"rx=auto,auto", "tx=kernel,rx=kernel,tx=kernel",
	"tx=kernel,rx=kernel,auto",
	/* right up to the comma */
	"tx=kernel,rx=none", "rx=auto,tx=", "tx=kernel,rx",
	/* numbers are no names */
	"0", "1", "tx=1",
};

START_TEST(nothing_else)
{
	struct answer a = parse(wrong[_i]);

	ck_assert_msg(a.err == -EINVAL, "\"%s\": %d", wrong[_i], a.err);
	ck_assert_int_eq(a.tx, UNTOUCHED);
	ck_assert_int_eq(a.rx, UNTOUCHED);
	ck_assert_uint_eq(a.set, 99);
}
END_TEST

/* Each single byte beside what it should be, and each shorter text. */
START_TEST(one_byte_off)
{
	static const char right[] = "tx=kernel,rx=userspace";
	char text[sizeof(right)];
	struct answer a;

	for (size_t i = 0; i < strlen(right); i++) {
		memcpy(text, right, sizeof(right));
		text[i] = (char)(text[i] ^ 1);
		a = parse(text);
		ck_assert_msg(a.err == -EINVAL, "\"%s\"", text);
		text[i] = '\0';
		a = parse(text);
		ck_assert_msg((a.err == 0) == (i == strlen("tx=kernel")),
			      "\"%s\"", text);
	}
}
END_TEST

static const char *value;
static char asked[32];

static const char *told(const char *name)
{
	snprintf(asked, sizeof(asked), "%s", name);
	return value;
}

static struct answer read_it(const char *text)
{
	struct ktls__sys table = ktls__sys_linux;
	struct answer a = { KTLS_KERNEL, KTLS_LIBRARY, 99, 0 };

	value = text;
	table.getenv = told;
	ktls__sys = &table;
	a.err = ktls__choice_read(&a.tx, &a.rx, &a.set);
	ktls__sys = &ktls__sys_linux;
	ck_assert_str_eq(asked, "KTLS_PATH");
	return a;
}

START_TEST(out_of_the_environment)
{
	struct answer a = read_it("rx=userspace");

	ck_assert_int_eq(a.err, 0);
	ck_assert_int_eq(a.tx, KTLS_KERNEL);
	ck_assert_int_eq(a.rx, KTLS_USERSPACE);
	ck_assert_uint_eq(a.set, KTLS_RX);
	ck_assert_int_eq(read_it("rx=userspace ").err, -EINVAL);
}
END_TEST

/* 0: there is no such variable; 1: it is empty. */
START_TEST(says_nothing)
{
	struct answer a = read_it(_i ? "" : NULL);

	ck_assert_int_eq(a.err, 0);
	ck_assert_int_eq(a.tx, KTLS_KERNEL);
	ck_assert_int_eq(a.rx, KTLS_LIBRARY);
	ck_assert_uint_eq(a.set, 0);
}
END_TEST

/* The real table. */
START_TEST(the_real_environment)
{
	enum ktls_choice tx = KTLS_AUTO;
	enum ktls_choice rx = KTLS_AUTO;
	unsigned set = 99;

	ck_assert_int_eq(unsetenv("KTLS_PATH"), 0);
	ck_assert_ptr_null(ktls__sys_linux.getenv("KTLS_PATH"));
	ck_assert_int_eq(ktls__choice_read(&tx, &rx, &set), 0);
	ck_assert_uint_eq(set, 0);
	ck_assert_int_eq(setenv("KTLS_PATH", "tx=library", 1), 0);
	ck_assert_int_eq(ktls__choice_read(&tx, &rx, &set), 0);
	ck_assert_uint_eq(set, KTLS_TX);
	ck_assert_int_eq(tx, KTLS_LIBRARY);
	ck_assert_int_eq(rx, KTLS_AUTO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("choice");
	TCase *tcase = tcase_create("choice");

	tcase_add_test(tcase, one_path);
	tcase_add_test(tcase, both_in_any_order);
	tcase_add_loop_test(tcase, nothing_else, 0,
			    (int)(sizeof(wrong) / sizeof(wrong[0])));
	tcase_add_test(tcase, one_byte_off);
	tcase_add_test(tcase, out_of_the_environment);
	tcase_add_loop_test(tcase, says_nothing, 0, 2);
	tcase_add_test(tcase, the_real_environment);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
