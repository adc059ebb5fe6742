/* SPDX-License-Identifier: MIT */
/*
 * Keys and sequence numbers out of an SSL: the secrets from the hooks, and
 * for TX a second time from a record that the SSL seals.
 */
#include <string.h>

#include "aead.h"
#include "backend.h"
#include "errors_ssl.h"
#include "record.h"
#include "tls_library.h"
#include "wipe.h"

/* How far off the count may be for the SSL to be brought back in step. */
#define SEARCH 64

static int keys_1_3(const struct ktls__trace *t,
		    const struct ktls__handshake *hs, struct ktls_keys *tx,
		    struct ktls_keys *rx)
{
	int err = ktls_keys_tls13(tx, hs->suite, t->tx.secret,
				  t->tx.secret_len);

	if (err == 0)
		err = ktls_keys_tls13(rx, hs->suite, t->rx.secret,
				      t->rx.secret_len);
	return err;
}

static int keys_1_2(SSL *ssl, const struct ktls__handshake *hs,
		    struct ktls_keys *tx, struct ktls_keys *rx)
{
	const SSL_SESSION *session = SSL_get_session(ssl);
	uint8_t master[48];
	uint8_t client[32];
	uint8_t server[32];
	int err = -KTLS_ESSL;

	if (session != NULL &&
	    SSL_SESSION_get_master_key(session, master, sizeof(master)) == 48 &&
	    SSL_get_client_random(ssl, client, sizeof(client)) == 32 &&
	    SSL_get_server_random(ssl, server, sizeof(server)) == 32)
		err = ktls_keys_tls12(hs->server ? rx : tx,
				      hs->server ? tx : rx, hs->suite, master,
				      client, server);
	ktls__wipe(master, sizeof(master));
	return err;
}

int ktls__backend_keys(SSL *ssl, const struct ktls__handshake *hs,
		       struct ktls_keys *tx, struct ktls_keys *rx)
{
	int err;

	if (hs->version == KTLS_TLS_1_3)
		err = keys_1_3(ktls__trace_of(ssl), hs, tx, rx);
	else
		err = keys_1_2(ssl, hs, tx, rx);
	if (err < 0)
		return err;
	tx->seq = ktls__backend_sequence(ssl, KTLS_TX);
	rx->seq = ktls__backend_sequence(ssl, KTLS_RX);
	return 0;
}

/* What the SSL sealed into a memory BIO, in place of its peer. */
struct capture {
	uint8_t *rec;
	size_t len;
	uint64_t counted; /* records that the hooks saw meanwhile */
};

static void capture_byte(SSL *ssl, BIO *mem, struct capture *cap)
{
	struct ktls__trace *t = ktls__trace_of(ssl);
	BIO *wbio = SSL_get_wbio(ssl);
	uint64_t before = t->tx.records;
	size_t n;
	long len;

	BIO_up_ref(wbio);
	BIO_up_ref(mem);
	t->tx.paused = true;
	SSL_set0_wbio(ssl, mem);
	ktls__ssl_forget_errors();
	if (ktls__ssl_write(ssl, "x", 1, &n) != 1)
		ktls__ssl_forget_errors();
	SSL_set0_wbio(ssl, wbio);
	t->tx.paused = false;
	cap->counted = t->tx.records - before;
	len = ktls__bio_content(mem, &cap->rec);
	cap->len = len > 0 ? (size_t)len : 0;
	/* The hooks counted bytes that the real BIO never saw. */
	t->tx.fed += cap->len;
}

/* `plain` has room for the whole record. */
static bool opens_at(const struct ktls_keys *keys, const struct capture *cap,
		     uint64_t seq, uint8_t *plain)
{
	struct ktls_keys k = *keys;
	uint8_t type = 0;
	int len;

	k.seq = seq;
	len = ktls__record_open(plain, &type, &k, cap->rec, cap->len);
	ktls_keys_wipe(&k);
	return len == 1 && type == KTLS_RECORD_DATA && plain[0] == 'x';
}

/* The SSL's own sequence number, looked for around the count. */
static bool find_seq(struct ktls_keys *keys, const struct capture *cap)
{
	uint8_t plain[KTLS__RECORD_PLAIN_MAX + KTLS__RECORD_OVERHEAD];
	uint64_t counted = keys->seq;
	uint64_t i;

	if (cap->len > sizeof(plain))
		return false;
	for (i = 0; i <= SEARCH; i++) {
		keys->seq = counted + i;
		if (opens_at(keys, cap, keys->seq, plain))
			return true;
		keys->seq = counted - i;
		if (i <= counted && opens_at(keys, cap, keys->seq, plain))
			return true;
	}
	return false;
}

static enum ktls_reason judge(const struct capture *cap, struct ktls_keys *tx,
			      enum ktls__step *step)
{
	const struct ktls__suite *row = ktls__suite_find(tx->suite);
	uint64_t counted = tx->seq;

	if (cap->len == 0)
		return KTLS_REASON_SEQUENCE;
	*step = KTLS__LOST;
	if (row == NULL || cap->len < (size_t)row->overhead + 1)
		return KTLS_REASON_SEQUENCE;
	if (row->explicit_len > 0)
		memcpy(tx->iv + row->fixed_iv_len, cap->rec + 5,
		       row->explicit_len);
	if (!find_seq(tx, cap))
		return KTLS_REASON_SEQUENCE;
	*step = KTLS__AHEAD;
	if (tx->seq != counted || cap->counted != 1)
		return KTLS_REASON_SEQUENCE;
	if (cap->len != (size_t)row->overhead + 1)
		return KTLS_REASON_PADDING;
	return KTLS_REASON_NONE;
}

enum ktls_reason ktls__backend_probe_tx(SSL *ssl, struct ktls_keys *tx,
					enum ktls__step *step)
{
	struct capture cap = { .len = 0 };
	enum ktls_reason reason;
	BIO *mem = BIO_new(BIO_s_mem());

	*step = KTLS__IN_STEP;
	if (mem == NULL)
		return KTLS_REASON_NO_MEMORY;
	capture_byte(ssl, mem, &cap);
	reason = judge(&cap, tx, step);
	/* On the wire it would be the nonce of the kernel's first record. */
	if (cap.len > 0)
		ktls__wipe(cap.rec, cap.len);
	BIO_free(mem);
	return reason;
}
