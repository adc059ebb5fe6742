/* SPDX-License-Identifier: MIT */
/*
 * The table of cipher suites.  Numbers and hashes: RFC 8446 appendix B.4,
 * RFC 5288, RFC 5289, RFC 5487, RFC 7905, RFC 8442.
 */
#include <stddef.h>

#include "ktls/ktls.h"
#include "suite.h"
#include "uapi.h"

/* The sizes that follow from the AEAD alone, in the order of the struct:
 * fixed_iv_len, explicit_len, salt_len, info_len, overhead.  A record adds
 * its header (5), the explicit nonce, TLS 1.3's inner type, the tag (16). */
#define GCM_128_TLS_1_3 12, 0, 4, 40, 22
#define GCM_256_TLS_1_3 12, 0, 4, 56, 22
#define CHACHA20_TLS_1_3 12, 0, 0, 56, 22
#define GCM_128_TLS_1_2 4, 8, 4, 40, 29
#define GCM_256_TLS_1_2 4, 8, 4, 56, 29
#define CHACHA20_TLS_1_2 12, 0, 0, 56, 21

#define SHA256 KTLS__SHA256, 32
#define SHA384 KTLS__SHA384, 48

#define ROW_AES_128_GCM(id, version, name) \
	{ id, KTLS_##version, KTLS__TLS_CIPHER_AES_GCM_128, \
	  KTLS_CIPHER_AES_128_GCM, SHA256, 16, GCM_128_##version, name }
#define ROW_AES_256_GCM(id, version, name) \
	{ id, KTLS_##version, KTLS__TLS_CIPHER_AES_GCM_256, \
	  KTLS_CIPHER_AES_256_GCM, SHA384, 32, GCM_256_##version, name }
#define ROW_CHACHA20(id, version, name) \
	{ id, KTLS_##version, KTLS__TLS_CIPHER_CHACHA20_POLY1305, \
	  KTLS_CIPHER_CHACHA20_POLY1305, SHA256, 32, CHACHA20_##version, name }

/* One key exchange of TLS 1.2 with each of the AEADs. */
#define AES_128_GCM(id, kx) \
	ROW_AES_128_GCM(id, TLS_1_2, \
			"TLS_" #kx "_WITH_AES_128_GCM_SHA256")
#define AES_256_GCM(id, kx) \
	ROW_AES_256_GCM(id, TLS_1_2, \
			"TLS_" #kx "_WITH_AES_256_GCM_SHA384")
#define CHACHA20(id, kx) \
	ROW_CHACHA20(id, TLS_1_2, \
		     "TLS_" #kx "_WITH_CHACHA20_POLY1305_SHA256")

static const struct ktls__suite suites[] = {
	ROW_AES_128_GCM(0x1301, TLS_1_3, "TLS_AES_128_GCM_SHA256"),
	ROW_AES_256_GCM(0x1302, TLS_1_3, "TLS_AES_256_GCM_SHA384"),
	ROW_CHACHA20(0x1303, TLS_1_3, "TLS_CHACHA20_POLY1305_SHA256"),

	/* RFC 5289 */
	AES_128_GCM(0xc02b, ECDHE_ECDSA),
	AES_256_GCM(0xc02c, ECDHE_ECDSA),
	AES_128_GCM(0xc02f, ECDHE_RSA),
	AES_256_GCM(0xc030, ECDHE_RSA),

	/* RFC 5288 */
	AES_128_GCM(0x009c, RSA),
	AES_256_GCM(0x009d, RSA),
	AES_128_GCM(0x009e, DHE_RSA),
	AES_256_GCM(0x009f, DHE_RSA),
	AES_128_GCM(0x00a2, DHE_DSS),
	AES_256_GCM(0x00a3, DHE_DSS),

	/* RFC 5487; ECDHE_PSK came with RFC 8442 */
	AES_128_GCM(0x00a8, PSK),
	AES_256_GCM(0x00a9, PSK),
	AES_128_GCM(0x00aa, DHE_PSK),
	AES_256_GCM(0x00ab, DHE_PSK),
	AES_128_GCM(0x00ac, RSA_PSK),
	AES_256_GCM(0x00ad, RSA_PSK),
	AES_128_GCM(0xd001, ECDHE_PSK),
	AES_256_GCM(0xd002, ECDHE_PSK),

	/* RFC 7905 */
	CHACHA20(0xcca8, ECDHE_RSA),
	CHACHA20(0xcca9, ECDHE_ECDSA),
	CHACHA20(0xccaa, DHE_RSA),
	CHACHA20(0xccab, PSK),
	CHACHA20(0xccac, ECDHE_PSK),
	CHACHA20(0xccad, DHE_PSK),
	CHACHA20(0xccae, RSA_PSK),
};

#define SUITES (sizeof(suites) / sizeof(suites[0]))

const struct ktls__suite *ktls__suite_find(uint16_t id)
{
	for (size_t i = 0; i < SUITES; i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

const struct ktls__suite *ktls__suite_at(unsigned i)
{
	return i < SUITES ? &suites[i] : NULL;
}

const char *ktls_suite_name(uint16_t suite)
{
	const struct ktls__suite *row = ktls__suite_find(suite);

	return row ? row->name : NULL;
}
