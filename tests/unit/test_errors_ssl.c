/* SPDX-License-Identifier: MIT */
/* OpenSSL's errors in the library's own terms, by the queue alone. */
#include <errno.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "errors_ssl.h"
#include "ktls/ktls.h"
#include "suite_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static SSL_CTX *ctx;
static SSL *ssl;

static void setup(void)
{
	ctx = SSL_CTX_new(TLS_method());
	ssl = SSL_new(ctx);
	ck_assert_ptr_nonnull(ssl);
	ERR_clear_error();
}

static void teardown(void)
{
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static int named(int reason)
{
	int err;

	ERR_raise(ERR_LIB_SSL, reason);
	err = ktls__ssl_error(ssl, -1);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	return err;
}

/* The first and the last that an alert can have, and two between. */
START_TEST(alerts)
{
	ck_assert_int_eq(named(SSL_AD_REASON_OFFSET), -KTLS_EALERT);
	ck_assert_int_eq(named(SSL_R_SSLV3_ALERT_BAD_RECORD_MAC),
			 -KTLS_EALERT);
	ck_assert_int_eq(named(SSL_R_TLSV1_ALERT_INTERNAL_ERROR),
			 -KTLS_EALERT);
	ck_assert_int_eq(named(SSL_AD_REASON_OFFSET + 255), -KTLS_EALERT);
}
END_TEST

/* Numbers of other things, and the SSL's own reasons above alerts. */
static const int no_alerts[] = {
	ERR_R_INTERNAL_ERROR, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED,
	ERR_R_EVP_LIB, SSL_AD_REASON_OFFSET - 1, SSL_AD_REASON_OFFSET + 256,
};

START_TEST(no_alert_has_come)
{
	ck_assert_int_ne(named(no_alerts[_i]), -KTLS_EALERT);
}
END_TEST

START_TEST(names_of_their_own)
{
	ck_assert_int_eq(named(ERR_R_MALLOC_FAILURE), -ENOMEM);
	ck_assert_int_eq(named(SSL_R_UNEXPECTED_EOF_WHILE_READING),
			 -KTLS_ETRUNCATED);
	ck_assert_int_eq(named(SSL_R_TOO_MANY_KEY_UPDATES), -KTLS_EFLOOD);
	ck_assert_int_eq(named(SSL_R_PROTOCOL_IS_SHUTDOWN), -KTLS_ESSL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("errors_ssl");
	TCase *tc = tcase_create("errors");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, alerts);
	tcase_add_loop_test(tc, no_alert_has_come, 0, (int)COUNT(no_alerts));
	tcase_add_test(tc, names_of_their_own);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
