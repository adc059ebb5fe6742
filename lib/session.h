/* SPDX-License-Identifier: MIT */
/* The description of a handshake that another stack has finished: checked,
 * and with the keys that follow from it. */
#ifndef KTLS_SESSION_H
#define KTLS_SESSION_H

#include "handshake.h"
#include "keylog.h"
#include "ktls/ktls.h"

/* Secret: the caller wipes it. */
struct ktls__session {
	struct ktls__handshake hs;
	struct ktls_keys tx;
	struct ktls_keys rx;
	uint8_t tx_secret[KTLS__SECRET_MAX];
	uint8_t rx_secret[KTLS__SECRET_MAX];
	uint8_t tx_secret_len;   /* 0: there is none */
	uint8_t rx_secret_len;
	const uint8_t *plaintext; /* the caller's */
	size_t plaintext_len;
	const uint8_t *ciphertext;
	size_t ciphertext_len;
};

/* 0; -EINVAL, -EOVERFLOW, -KTLS_EVERSION, -KTLS_ESUITE, -KTLS_ECRYPTO,
 * -EOPNOTSUPP as ktls_open(). */
int ktls__session_read(struct ktls__session *s, const struct ktls_session *in);

/*
 * Would the whole records of its ciphertext open?  Nothing is kept of them.
 * Behind an alert, or new keys that cannot be followed, nobody looks.
 * 0; -KTLS_EBADRECORD, -KTLS_EOVERSIZE, -KTLS_EPROTOCOL; -KTLS_ECRYPTO;
 * -ENOMEM.
 */
int ktls__session_try(const struct ktls__session *s);

#endif
