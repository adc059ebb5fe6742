/* SPDX-License-Identifier: MIT */
/*
 * What our side has sealed.  In the kernel: no nonce twice under one key.
 * Outside of it: bytes once offered to the socket stay what they are, because
 * another record in their place would have their nonce.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_kernel.h"
#include "fault.h"

#define SLOTS 8192
#define OFFER_MAX (1 << 20)

struct seal {
	uint64_t nonce; /* of key and nonce; 0: free */
	uint64_t plain;
};

static struct seal seals[SLOTS];
static uint8_t offer[OFFER_MAX];
static size_t offered;

static uint64_t mix(uint64_t h, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint64_t word;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0x100000001b3u;
		h ^= h >> 29;
	}
	for (; len; len--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

/* TLS 1.2 AES-GCM has its nonce in the iv; elsewhere the number decides. */
static uint64_t nonce_of(const struct ktls_keys *keys)
{
	uint64_t h = mix(0xcbf29ce484222325u, keys->key, sizeof(keys->key));
	int in_iv = keys->version == KTLS_TLS_1_2 && keys->suite < 0xcc00;

	h = mix(h, keys->iv, sizeof(keys->iv));
	if (!in_iv)
		h = mix(h, &keys->seq, sizeof(keys->seq));
	return h | 1;
}

static void on_seal(const struct ktls_keys *keys, uint8_t type,
		    const void *plain, size_t len)
{
	uint64_t nonce = nonce_of(keys);
	uint64_t text = mix(mix(type, &len, sizeof(len)), plain, len);
	size_t i = nonce % SLOTS;
	size_t n;

	for (n = 0; n < SLOTS && seals[i].nonce; n++) {
		if (seals[i].nonce == nonce && seals[i].plain != text)
			fault_fail("the kernel seals record %llu twice",
				   (unsigned long long)keys->seq);
		if (seals[i].nonce == nonce)
			return;
		i = (i + 1) % SLOTS;
	}
	seals[i].nonce = nonce;
	seals[i].plain = text;
}

void fault_ledger_start(void)
{
	memset(seals, 0, sizeof(seals));
	offered = 0;
	fake_kernel_on_seal(on_seal);
}

void fault_offered(const struct msghdr *msg)
{
	size_t at = 0;
	size_t i, n, old;

	for (i = 0; i < msg->msg_iovlen; i++, at += n) {
		n = msg->msg_iov[i].iov_len;
		if (at + n > OFFER_MAX)
			return;
		old = at < offered ? offered - at : 0;
		old = old < n ? old : n;
		if (memcmp(offer + at, msg->msg_iov[i].iov_base, old) != 0)
			fault_fail("sealed bytes have changed between sends");
		memcpy(offer + at + old,
		       (const char *)msg->msg_iov[i].iov_base + old, n - old);
		if (at + n > offered)
			offered = at + n;
	}
}

void fault_accepted(ssize_t n)
{
	size_t gone = n < 0 ? 0 : (size_t)n;

	if (gone > offered)
		gone = offered;
	memmove(offer, offer + gone, offered - gone);
	offered -= gone;
}
