/* SPDX-License-Identifier: MIT */
/* keylog.c: which lines give a secret, and that no other does. */
#include "keylog.h"

#include <string.h>

#include "suite_main.h"

#define RANDOM                                                                 \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SECRET_32                                                              \
	"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define SECRET_48 SECRET_32 "202122232425262728292a2b2c2d2e2f"

static void expect_none(const char *line)
{
	struct ktls__keylog out;
	struct ktls__keylog zero;

	memset(&out, 0xaa, sizeof(out));
	memset(&zero, 0, sizeof(zero));
	ck_assert_int_eq(ktls__keylog_parse(&out, line), 0);
	ck_assert_mem_eq(&out, &zero, sizeof(out));
}

static void expect_secret(const char *line, int server, size_t len)
{
	struct ktls__keylog out;

	ck_assert_int_eq(ktls__keylog_parse(&out, line), 1);
	ck_assert_int_eq(out.server, server);
	ck_assert_uint_eq(out.len, len);
	for (size_t i = 0; i < len; i++)
		ck_assert_uint_eq(out.secret[i], i);
}

START_TEST(takes_both_sides)
{
	expect_secret("CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32, 0, 32);
	expect_secret("SERVER_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32, 1, 32);
	expect_secret("SERVER_TRAFFIC_SECRET_0 " RANDOM " " SECRET_48, 1, 48);
	expect_secret("CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_48 "\n", 0,
		      48);
}
END_TEST

/* Secrets of the handshake, of later epochs, and of other uses. */
START_TEST(leaves_other_labels)
{
	expect_none("CLIENT_HANDSHAKE_TRAFFIC_SECRET " RANDOM " " SECRET_32);
	expect_none("CLIENT_EARLY_TRAFFIC_SECRET " RANDOM " " SECRET_32);
	expect_none("SERVER_TRAFFIC_SECRET_N " RANDOM " " SECRET_32);
	expect_none("CLIENT_TRAFFIC_SECRET_1 " RANDOM " " SECRET_32);
	expect_none("EXPORTER_SECRET " RANDOM " " SECRET_32);
	expect_none("CLIENT_RANDOM " RANDOM " " SECRET_48);
	expect_none("");
}
END_TEST

START_TEST(refuses_malformed)
{
	char line[256];
	const char *good = "CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32;

	expect_secret(good, 0, 32);
	for (size_t cut = 0; cut < strlen(good); cut++) {
		memcpy(line, good, cut);
		line[cut] = '\0';
		expect_none(line);
	}
	expect_none("CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32 "00");
	expect_none("CLIENT_TRAFFIC_SECRET_0 " RANDOM "00 " SECRET_32);
	expect_none("CLIENT_TRAFFIC_SECRET_0 " RANDOM "  " SECRET_32);
	expect_none("CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32 "g");
	expect_none(" CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32);
	expect_none("CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_48 SECRET_48);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keylog");
	TCase *tcase = tcase_create("lines");

	tcase_add_test(tcase, takes_both_sides);
	tcase_add_test(tcase, leaves_other_labels);
	tcase_add_test(tcase, refuses_malformed);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
