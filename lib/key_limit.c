/* SPDX-License-Identifier: MIT */
/* How much a key of TX has sealed: see key_limit.h. */
#include "key_limit.h"

#include "record.h"
#include "sock.h"
#include "sys.h"
#include "uapi.h"

/* Records between two looks at the kernel's number of them. */
#define LOOK ((uint64_t)4096)

bool ktls__key_can_change(const struct ktls *k)
{
	if (k->hs.version != KTLS_TLS_1_3)
		return false;
	switch (k->tx.path) {
	case KTLS_PATH_KERNEL:
		return k->turn.rekeys && k->tx.secret_len > 0;
	case KTLS_PATH_USERSPACE:
		return k->tx.secret_len > 0;
	default:
		return true;
	}
}

/* Some records are closed before they are full, and the application may have
 * made them smaller: so the next look comes long before the limit, and at
 * least every 64 MiB of full ones. */
static void next_look(struct ktls *k)
{
	const uint64_t limit = k->limits.key_records;
	const uint64_t left = limit > k->turn.sealed ? limit - k->turn.sealed :
						       limit;
	uint16_t payload = KTLS__RECORD_PLAIN_MAX;
	socklen_t len = sizeof(payload);

	k->turn.payload = KTLS__RECORD_PLAIN_MAX;
	if (k->tx.path == KTLS_PATH_KERNEL &&
	    ktls__sys->getsockopt(k->fd, KTLS__SOL_TLS,
				  KTLS__TLS_TX_MAX_PAYLOAD_LEN, &payload,
				  &len) == 0 &&
	    payload > 1 && payload < KTLS__RECORD_PLAIN_MAX)
		/* TLS 1.3: with the type */
		k->turn.payload = (uint16_t)(payload - 1);
	k->turn.look = k->turn.sealed + (left < 8 * LOOK ? left / 8 + 1 : LOOK);
}

static uint64_t kernel_count(struct ktls *k)
{
	uint64_t seq;

	if (k->limits.key_records > 0 && k->turn.sealed >= k->turn.look) {
		/* One that is open has no number yet. */
		if (ktls__sock_rec_seq(k->fd, KTLS_TX, k->hs.row, &seq) == 0)
			k->turn.sealed =
				seq + ((k->held & KTLS__RECORD_OPEN) != 0);
		next_look(k);
	}
	return k->turn.sealed;
}

uint64_t ktls__limit_count(struct ktls *k)
{
	const struct ktls__trace *t;

	switch (k->tx.path) {
	case KTLS_PATH_KERNEL:
		return kernel_count(k);
	case KTLS_PATH_USERSPACE:
		return k->engine->sealer.seq;
	default:
		t = ktls__trace_of(k->ssl);
		return t == NULL ? 0 : t->tx.records;
	}
}

void ktls__limit_restart(struct ktls *k, uint64_t sealed)
{
	k->turn.sealed = sealed;
	if (k->limits.key_records > 0)
		next_look(k);
}

void ktls__limit_init(struct ktls *k)
{
	bool gcm = k->hs.row != NULL &&
		   k->hs.row->cipher_bit != KTLS_CIPHER_CHACHA20_POLY1305;

	if (k->limits.key_records == 0 && gcm)
		k->limits.key_records = KTLS_KEY_RECORDS;
	/* Numbers end, too, for who begins where nobody counts to. */
	if (k->limits.key_records == 0 && k->tx.seq0 > UINT64_MAX / 2)
		k->limits.key_records = UINT64_MAX;
	/* The SSL has used the key before. */
	ktls__limit_restart(k, k->tx.seq0);
}

void ktls__limit_sealed(struct ktls *k, size_t bytes)
{
	if (k->limits.key_records > 0)
		k->turn.sealed += (bytes + k->turn.payload - 1) /
				  k->turn.payload;
}

static size_t room(struct ktls *k)
{
	uint64_t to = k->turn.told ? KTLS__LAST_NUMBER :
				     k->limits.key_records - 1;
	uint64_t count = ktls__limit_count(k);

	if (k->limits.key_records == 0)
		return SIZE_MAX;
	if (k->tx.path == KTLS_PATH_KERNEL && !k->turn.told &&
	    k->turn.look < to)
		to = k->turn.look;
	if (to <= count)
		return k->turn.payload;
	if (to - count > SIZE_MAX / 2 / k->turn.payload)
		return SIZE_MAX;
	return (size_t)(to - count) * k->turn.payload;
}

void ktls__limit_set_room(struct ktls *k)
{
	k->turn.room = room(k);
}

size_t ktls__limit_room(const struct ktls *k)
{
	return k->turn.room;
}
