/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of kernel TLS in our own copies, because the headers of
 * the build host lack whatever is newer than they are.  A name here is the
 * kernel's (linux/tls.h, linux/inet_diag.h) behind ktls__ or KTLS__.
 */
#ifndef KTLS_UAPI_H
#define KTLS_UAPI_H

#include <stdint.h>

#define KTLS__SOL_TCP 6
#define KTLS__SOL_TLS 282
#define KTLS__TCP_ULP 31

/* Options of SOL_TLS. */
#define KTLS__TLS_TX 1
#define KTLS__TLS_RX 2
#define KTLS__TLS_TX_ZEROCOPY_RO 3     /* unsigned int, 0 or 1; 5.19 */
#define KTLS__TLS_RX_EXPECT_NO_PAD 4   /* unsigned int, 0 or 1; 6.0 */
#define KTLS__TLS_TX_MAX_PAYLOAD_LEN 5 /* uint16_t, 64 to 16384; 6.19 */

/* Types of an ancillary message of SOL_TLS: one byte, the content type. */
#define KTLS__TLS_SET_RECORD_TYPE 1
#define KTLS__TLS_GET_RECORD_TYPE 2

#define KTLS__TLS_1_2_VERSION 0x0303
#define KTLS__TLS_1_3_VERSION 0x0304

/* cipher_type of struct ktls__tls_crypto_info. */
#define KTLS__TLS_CIPHER_AES_GCM_128 51
#define KTLS__TLS_CIPHER_AES_GCM_256 52
#define KTLS__TLS_CIPHER_AES_CCM_128 53
#define KTLS__TLS_CIPHER_CHACHA20_POLY1305 54
#define KTLS__TLS_CIPHER_SM4_GCM 55
#define KTLS__TLS_CIPHER_SM4_CCM 56
#define KTLS__TLS_CIPHER_ARIA_GCM_128 57
#define KTLS__TLS_CIPHER_ARIA_GCM_256 58

/* Both in the byte order of the host. */
struct ktls__tls_crypto_info {
	uint16_t version;
	uint16_t cipher_type;
};

/*
 * One struct for each shape.  AES-CCM-128, SM4 and ARIA-128 have that of
 * AES-GCM-128, ARIA-256 that of AES-GCM-256.
 */
struct ktls__tls12_crypto_info_aes_gcm_128 {
	struct ktls__tls_crypto_info info;
	uint8_t iv[8];
	uint8_t key[16];
	uint8_t salt[4];
	uint8_t rec_seq[8];
};

struct ktls__tls12_crypto_info_aes_gcm_256 {
	struct ktls__tls_crypto_info info;
	uint8_t iv[8];
	uint8_t key[32];
	uint8_t salt[4];
	uint8_t rec_seq[8];
};

/* No salt: the kernel's struct has an array of zero bytes in its place. */
struct ktls__tls12_crypto_info_chacha20_poly1305 {
	struct ktls__tls_crypto_info info;
	uint8_t iv[12];
	uint8_t key[32];
	uint8_t rec_seq[8];
};

/* The kernel takes no other lengths. */
_Static_assert(sizeof(struct ktls__tls_crypto_info) == 4, "crypto_info");
_Static_assert(sizeof(struct ktls__tls12_crypto_info_aes_gcm_128) == 40,
	       "AES-GCM-128");
_Static_assert(sizeof(struct ktls__tls12_crypto_info_aes_gcm_256) == 56,
	       "AES-GCM-256");
_Static_assert(sizeof(struct ktls__tls12_crypto_info_chacha20_poly1305) == 56,
	       "ChaCha20-Poly1305");

/* TCP_INFO as far as it is used; libc's own struct ends before that. */
struct ktls__tcp_info {
	uint8_t state;
	uint8_t skipped[7];
	uint32_t words[24];
	uint64_t pacing_rate;
	uint64_t max_pacing_rate;
	uint64_t bytes_acked; /* 4.1 */
};

#define KTLS__TCP_CLOSE 7

/* inet_diag: the attribute, what is nested in it, and what in that. */
#define KTLS__INET_DIAG_ULP_INFO 19
#define KTLS__INET_ULP_INFO_NAME 1
#define KTLS__INET_ULP_INFO_TLS 2

#define KTLS__TLS_INFO_VERSION 1            /* uint16_t */
#define KTLS__TLS_INFO_CIPHER 2             /* uint16_t */
#define KTLS__TLS_INFO_TXCONF 3             /* uint16_t, KTLS__TLS_CONF_ */
#define KTLS__TLS_INFO_RXCONF 4             /* uint16_t, KTLS__TLS_CONF_ */
#define KTLS__TLS_INFO_ZC_RO_TX 5           /* flag */
#define KTLS__TLS_INFO_RX_NO_PAD 6          /* flag */
#define KTLS__TLS_INFO_TX_MAX_PAYLOAD_LEN 7 /* uint16_t */

#define KTLS__TLS_CONF_BASE 1 /* no keys: plain TCP */
#define KTLS__TLS_CONF_SW 2
#define KTLS__TLS_CONF_HW 3
#define KTLS__TLS_CONF_HW_RECORD 4

#endif
