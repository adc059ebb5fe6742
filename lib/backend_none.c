/* SPDX-License-Identifier: MIT */
/*
 * No TLS library: no connection has an SSL, and what would be asked of one
 * (backend.h, backend_feed.h, library_path.h) never is.
 */
#include <errno.h>

#include "backend.h"
#include "backend_feed.h"
#include "library_path.h"

int ktls_prepare(struct ssl_ctx_st *ctx, unsigned flags)
{
	(void)ctx;
	(void)flags;
	return -EOPNOTSUPP;
}

int ktls_set_msg_callback(struct ssl_ctx_st *ctx,
			  void (*cb)(int write_p, int version,
				     int content_type, const void *buf,
				     size_t len, struct ssl_st *ssl,
				     void *arg),
			  void *arg)
{
	(void)ctx;
	(void)cb;
	(void)arg;
	return -EOPNOTSUPP;
}

int ktls_handoff(struct ktls **out, struct ssl_st *ssl,
		 const struct ktls_opts *opts)
{
	(void)ssl;
	(void)opts;
	if (out == NULL)
		return -EINVAL;
	*out = NULL;
	return -EOPNOTSUPP;
}

struct ktls__trace *ktls__trace_of(struct ssl_st *ssl)
{
	(void)ssl;
	return NULL;
}

uint64_t ktls__backend_key_updates_sent(struct ssl_st *ssl)
{
	(void)ssl;
	return 0;
}

enum ktls_reason ktls__backend_obstacle(struct ssl_st *ssl,
					const struct ktls__handshake *hs)
{
	(void)ssl;
	(void)hs;
	return KTLS_REASON_POLICY;
}

int ktls__backend_keys(struct ssl_st *ssl, const struct ktls__handshake *hs,
		       struct ktls_keys *tx, struct ktls_keys *rx)
{
	(void)ssl;
	(void)hs;
	(void)tx;
	(void)rx;
	return -EOPNOTSUPP;
}

enum ktls_reason ktls__backend_probe_tx(struct ssl_st *ssl,
					struct ktls_keys *tx,
					enum ktls__step *step)
{
	(void)ssl;
	(void)tx;
	*step = KTLS__IN_STEP;
	return KTLS_REASON_POLICY;
}

void *ktls__backend_make_bio(struct ktls__link *link)
{
	(void)link;
	return NULL;
}

void ktls__backend_free_bio(void *bio)
{
	(void)bio;
}

void ktls__backend_drop(struct ssl_st *ssl)
{
	(void)ssl;
}

void ktls__backend_retire(struct ssl_st *ssl, void *bio)
{
	(void)ssl;
	(void)bio;
}

ssize_t ktls__backend_write(struct ssl_st *ssl, struct ktls__link *link,
			    const void *buf, size_t len)
{
	(void)ssl;
	(void)link;
	(void)buf;
	(void)len;
	return -EOPNOTSUPP;
}

int ktls__backend_close_notify(struct ssl_st *ssl, struct ktls__link *link)
{
	(void)ssl;
	(void)link;
	return -EOPNOTSUPP;
}

int ktls__backend_order_update(struct ssl_st *ssl, struct ktls__link *link,
			       int ask)
{
	(void)ssl;
	(void)link;
	(void)ask;
	return -EOPNOTSUPP;
}

int ktls__backend_end_doubt(struct ssl_st *ssl, struct ktls__link *link)
{
	(void)ssl;
	(void)link;
	return -EOPNOTSUPP;
}

int ktls__backend_send_owed(struct ssl_st *ssl, struct ktls__link *link)
{
	(void)ssl;
	(void)link;
	return -EOPNOTSUPP;
}

size_t ktls__backend_pending(struct ssl_st *ssl)
{
	(void)ssl;
	return 0;
}

void ktls__said_init(struct ktls__said *said)
{
	(void)said;
}

void ktls__said_wipe(struct ktls__said *said)
{
	(void)said;
}

int ktls__backend_feed(struct ssl_st *ssl, struct ktls__link *link,
		       struct ktls__stale *stale, const uint8_t *msg,
		       size_t len, struct ktls__said *said)
{
	(void)ssl;
	(void)link;
	(void)stale;
	(void)msg;
	(void)len;
	(void)said;
	return -EOPNOTSUPP;
}

int ktls__backend_follow_tx(struct ssl_st *ssl, struct ktls__link *link,
			    struct ktls__stale *stale,
			    struct ktls__said *said)
{
	(void)ssl;
	(void)link;
	(void)stale;
	(void)said;
	return -EOPNOTSUPP;
}

int ktls__backend_follow_rx(struct ssl_st *ssl, struct ktls__link *link,
			    struct ktls__stale *stale,
			    struct ktls__said *said)
{
	(void)ssl;
	(void)link;
	(void)stale;
	(void)said;
	return -EOPNOTSUPP;
}

int ktls__backend_speak(struct ssl_st *ssl, struct ktls__link *link,
			struct ktls__stale *stale, struct ktls__said *said)
{
	(void)ssl;
	(void)link;
	(void)stale;
	(void)said;
	return -EOPNOTSUPP;
}

ssize_t ktls__library_readv(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	(void)k;
	(void)iov;
	(void)iovcnt;
	return -EOPNOTSUPP;
}
