/* SPDX-License-Identifier: MIT */
/* What is said of either library: see tls_calls.h. */
#include "tls_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktls/ktls.h"

static const char *name_of(enum tls_feature feature)
{
	static const char *const names[] = {
		[TLS_REFERENCES] = "references on an SSL",
		[TLS_CHOICE_1_3] = "a choice of TLS 1.3's suites",
		[TLS_PSK_1_3] = "an external PSK in TLS 1.3",
		[TLS_PSK_GCM] = "an external PSK with AES-GCM",
		[TLS_LATE_AUTH] = "post-handshake authentication",
		[TLS_TICKETS_LATER] = "tickets on request",
		[TLS_STATEFUL_1_3] = "stateful sessions in TLS 1.3",
		[TLS_RENEGOTIATION] = "renegotiation on request",
		[TLS_READ_AHEAD] = "read-ahead",
		[TLS_PADDING] = "a callback for padding",
		[TLS_KTLS] = "kernel TLS of its own",
		[TLS_WATCHED_BIOS] = "callbacks of BIOs",
		[TLS_AS_OPENSSL] = "OpenSSL's answers",
	};

	return names[feature];
}

int tls_lacks(enum tls_feature feature, const char *what)
{
	if (tls_has(feature))
		return 0;
	printf("left out: %s: %s has not %s\n", what, tls_stack(),
	       name_of(feature));
	return 1;
}

unsigned tls_take(void)
{
	const char *take = getenv("KTLS_TEST_TAKE");

	if (!tls_has(TLS_REFERENCES) || (take && strcmp(take, "1") == 0))
		return KTLS_TAKE_SSL;
	return 0;
}

void tls_let_go(SSL *ssl, unsigned flags)
{
	if (!(flags & KTLS_TAKE_SSL))
		SSL_free(ssl);
}

SSL *tls_kept(SSL *ssl, unsigned flags)
{
	return flags & KTLS_TAKE_SSL ? NULL : ssl;
}
