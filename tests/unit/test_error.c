/* SPDX-License-Identifier: MIT */
/* Every number has a text of its own, and no number at all does harm. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "ktls/ktls.h"
#include "suite_main.h"

static void check_text(const char *text)
{
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_gt(strlen(text), 0);
	for (const char *c = text; *c; c++)
		ck_assert_msg(*c >= ' ' && *c <= '~', "%s", text);
}

START_TEST(own_errors_have_texts_of_their_own)
{
	for (int a = KTLS_EVERSION; a < KTLS_EEND; a++) {
		check_text(ktls_strerror(-a));
		ck_assert_str_ne(ktls_strerror(-a), "unknown error");
		for (int b = KTLS_EVERSION; b < a; b++)
			ck_assert_str_ne(ktls_strerror(-a), ktls_strerror(-b));
	}
	ck_assert_str_eq(ktls_strerror(-KTLS_ETRUNCATED),
			 "the stream ended without close_notify");
	ck_assert_str_eq(ktls_strerror(-KTLS_ESSL), "the TLS library failed");
}
END_TEST

START_TEST(sign_does_not_matter)
{
	for (int err = 0; err < KTLS_EEND + 2; err++)
		ck_assert_ptr_eq(ktls_strerror(err), ktls_strerror(-err));
}
END_TEST

/* Some that glibc and musl put alike. */
START_TEST(errno_texts_are_those_of_libc)
{
	static const struct {
		int number;
		const char *text;
	} some[] = {
		{ ENOENT, "No such file or directory" },
		{ EAGAIN, "Resource temporarily unavailable" },
		{ EINVAL, "Invalid argument" },
		{ EPIPE, "Broken pipe" },
		{ EBADMSG, "Bad message" },
		{ ECONNRESET, "Connection reset by peer" },
	};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		ck_assert_str_eq(ktls_strerror(-some[i].number), some[i].text);
	ck_assert_str_eq(ktls_strerror(0), "success");
	/* ENOTSUPP, which the kernel keeps to itself since 5.5. */
	ck_assert_str_ne(ktls_strerror(-524), "unknown error");
}
END_TEST

START_TEST(texts_are_constant)
{
	const char *before = ktls_strerror(-EAGAIN);
	char copy[128];

	snprintf(copy, sizeof(copy), "%s", before);
	for (int err = -5000; err < 5000; err++)
		check_text(ktls_strerror(err));
	ck_assert_ptr_eq(ktls_strerror(-EAGAIN), before);
	ck_assert_str_eq(before, copy);
}
END_TEST

START_TEST(unknown_numbers_are_survived)
{
	static const int odd[] = { 4095, KTLS_EEND, KTLS_EEND + 1, 3000,
				   INT_MAX, INT_MIN, INT_MIN + 1 };

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		check_text(ktls_strerror(odd[i]));
	ck_assert_str_eq(ktls_strerror(-KTLS_EEND), "unknown error");
	ck_assert_str_eq(ktls_strerror(INT_MIN), "unknown error");
}
END_TEST

START_TEST(errno_is_left_alone)
{
	errno = EDOM;
	ktls_strerror(-EAGAIN);
	ktls_strerror(-3000);
	ktls_strerror(-KTLS_ESUITE);
	ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(paths_are_named)
{
	ck_assert_str_eq(ktls_path_name(KTLS_PATH_KERNEL), "kernel");
	ck_assert_str_eq(ktls_path_name(KTLS_PATH_USERSPACE), "userspace");
	ck_assert_str_eq(ktls_path_name(KTLS_PATH_LIBRARY), "library");
	ck_assert_str_eq(ktls_path_name((enum ktls_path)0), "unknown");
	ck_assert_str_eq(ktls_path_name((enum ktls_path)4), "unknown");
	ck_assert_str_eq(ktls_path_name((enum ktls_path)-1), "unknown");
}
END_TEST

START_TEST(reasons_are_named)
{
	for (int a = 0; a < KTLS_REASON_END; a++) {
		const char *name = ktls_reason_name((enum ktls_reason)a);

		check_text(name);
		ck_assert_str_ne(name, "unknown");
		for (int b = 0; b < a; b++)
			ck_assert_str_ne(
				name, ktls_reason_name((enum ktls_reason)b));
	}
	ck_assert_str_eq(ktls_reason_name(KTLS_REASON_NONE), "none");
	ck_assert_str_eq(ktls_reason_name(KTLS_REASON_NO_MODULE),
			 "no kernel TLS");
	ck_assert_str_eq(ktls_reason_name(KTLS_REASON_END), "unknown");
	ck_assert_str_eq(ktls_reason_name((enum ktls_reason)-1), "unknown");
}
END_TEST

START_TEST(version_is_that_of_the_header)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "%d.%d.%d", KTLS_VERSION_MAJOR,
		 KTLS_VERSION_MINOR, KTLS_VERSION_PATCH);
	ck_assert_str_eq(ktls_version(), expected);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tc = tcase_create("names");

	tcase_add_test(tc, own_errors_have_texts_of_their_own);
	tcase_add_test(tc, sign_does_not_matter);
	tcase_add_test(tc, errno_texts_are_those_of_libc);
	tcase_add_test(tc, texts_are_constant);
	tcase_add_test(tc, unknown_numbers_are_survived);
	tcase_add_test(tc, errno_is_left_alone);
	tcase_add_test(tc, paths_are_named);
	tcase_add_test(tc, reasons_are_named);
	tcase_add_test(tc, version_is_that_of_the_header);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
