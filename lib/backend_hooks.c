/* SPDX-License-Identifier: MIT */
/*
 * The hooks of ktls_prepare(): the key log gives the traffic secrets, the
 * message callback the number of records under each key and the bytes that
 * all records had.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hooks.h"
#include "probe.h"
#include "wipe.h"

/* One per prepared SSL_CTX, in its ex_data. */
struct prepared {
	void (*app_keylog)(const SSL *ssl, const char *line);
	void (*app_msg)(int write_p, int version, int type, const void *buf,
			size_t len, SSL *ssl, void *arg);
	void *app_arg;
	unsigned flags;
};

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int ctx_index = -1;
static int ssl_index = -1;

static void free_prepared(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
			  long argl, void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	free(ptr);
}

static void free_trace(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
		       long argl, void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	if (ptr != NULL)
		ktls__wipe(ptr, sizeof(struct ktls__trace));
	free(ptr);
}

/* SSL_dup() copies the pointer otherwise, and both would free it. */
static int no_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **from_d,
		  int idx, long argl, void *argp)
{
	(void)to, (void)from, (void)idx, (void)argl, (void)argp;
	*from_d = NULL;
	return 1;
}

static void make_indexes(void)
{
	ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL,
					     free_prepared);
	ssl_index = SSL_get_ex_new_index(0, NULL, NULL, no_dup, free_trace);
}

static struct prepared *prepared_of(const SSL_CTX *ctx)
{
	return ctx_index < 0 ? NULL : SSL_CTX_get_ex_data(ctx, ctx_index);
}

struct ktls__trace *ktls__trace_of(SSL *ssl)
{
	return ssl_index < 0 ? NULL : SSL_get_ex_data(ssl, ssl_index);
}

uint64_t ktls__flow_moved(const struct ktls__flow *flow, uint64_t counter)
{
	return counter - flow->base + flow->fed;
}

uint64_t ktls__flow_sent(SSL *ssl)
{
	return ktls__flow_moved(&ktls__trace_of(ssl)->tx,
				BIO_number_written(SSL_get_wbio(ssl)));
}

int ktls__flow_account(SSL *ssl)
{
	const struct ktls__flow *tx = &ktls__trace_of(ssl)->tx;
	const uint64_t sent = ktls__flow_sent(ssl);

	if (sent == tx->bytes || sent + tx->queued == tx->bytes)
		return 0;
	return sent < tx->bytes ? -KTLS_EPENDING : -KTLS_ESSL;
}

void ktls__trace_restart(struct ktls__trace *t, int attached_fd)
{
	t->attached_fd = attached_fd;
	t->alert_received = -1;
	t->alert_sent = -1;
	t->alerts_received = 0;
	t->alerts_sent = 0;
	t->warnings = 0;
	t->key_updates_received = 0;
	t->updates_requested = 0;
	t->key_updates_sent = 0;
	t->tickets = 0;
}

static struct ktls__trace *begin_trace(SSL *ssl)
{
	struct prepared *p = prepared_of(SSL_get_SSL_CTX(ssl));
	struct ktls__trace *t;

	t = p == NULL ? NULL : calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	ktls__trace_restart(t, -1);
	t->app_msg = p->app_msg;
	t->app_arg = p->app_arg;
	if (SSL_set_ex_data(ssl, ssl_index, t) == 1)
		return t;
	free(t);
	return NULL;
}

/* Attaching before the peer can half-close: TCP_ULP wants ESTABLISHED. */
static void attach_early(SSL *ssl, struct ktls__trace *t)
{
	const struct prepared *p = prepared_of(SSL_get_SSL_CTX(ssl));
	int fd = SSL_get_fd(ssl);

	if (p == NULL || (p->flags & KTLS_ATTACH_LATE) != 0 || fd < 0 ||
	    fd == t->attached_fd || ktls__probe_ulp() < 0)
		return;
	t->attached_fd = fd;
	(void)ktls_sock_attach(fd);
}

/*
 * Counting begins with the first record header on a BIO, which may have
 * moved bytes of another protocol before (STARTTLS).  The header of a record
 * that is read has been taken from it already, or all of the record.
 */
static void rebase(SSL *ssl, struct ktls__trace *t, int write_p, uint64_t now,
		   size_t rec_len)
{
	struct ktls__flow *flow = write_p ? &t->tx : &t->rx;

	flow->bio = write_p ? SSL_get_wbio(ssl) : SSL_get_rbio(ssl);
	flow->bytes = 0;
	flow->fed = 0;
	flow->queued = 0;
	flow->base = now;
	if (!write_p && KTLS__HEADER_AFTER_BODY)
		flow->base = now - rec_len;
	else if (!write_p)
		flow->base = SSL_get_read_ahead(ssl) ?
				     0 : now - SSL3_RT_HEADER_LENGTH;
	if (SSL_in_init(ssl))
		attach_early(ssl, t);
}

/* An SSL that is used again has another BIO, perhaps at the same address. */
static void follow_bio(SSL *ssl, struct ktls__trace *t, int write_p,
		       size_t rec_len)
{
	struct ktls__flow *flow = write_p ? &t->tx : &t->rx;
	BIO *bio = write_p ? SSL_get_wbio(ssl) : SSL_get_rbio(ssl);
	uint64_t now;

	if (bio == NULL)
		return;
	now = write_p ? BIO_number_written(bio) : BIO_number_read(bio);
	if (!flow->paused && (bio != flow->bio || now < flow->last))
		rebase(ssl, t, write_p, now, rec_len);
	if (!flow->paused)
		flow->last = now;
}

static void on_keylog(const SSL *cssl, const char *line)
{
	SSL *ssl = (SSL *)(uintptr_t)cssl;
	struct prepared *p = prepared_of(SSL_get_SSL_CTX(ssl));
	struct ktls__trace *t = ktls__trace_of(ssl);
	struct ktls__keylog found;
	struct ktls__flow *flow;

	if (p != NULL && p->app_keylog != NULL)
		p->app_keylog(cssl, line);
	if (t == NULL || !ktls__keylog_parse(&found, line))
		return;
	flow = found.server == SSL_is_server(ssl) ? &t->tx : &t->rx;
	memcpy(flow->secret, found.secret, found.len);
	flow->secret_len = found.len;
	flow->records = 0;
	ktls__wipe(&found, sizeof(found));
}

static size_t record_len(const uint8_t *header)
{
	return SSL3_RT_HEADER_LENGTH +
	       ((size_t)header[3] << 8 | (size_t)header[4]);
}

static void count_header(struct ktls__flow *flow, int version,
			 const uint8_t *header)
{
	flow->bytes += record_len(header);
	if (header[0] != SSL3_RT_CHANGE_CIPHER_SPEC)
		flow->records++;
	else if (version != TLS1_3_VERSION)
		flow->records = 0; /* the next record has the new keys */
}

/* After the record is counted.  A KeyUpdate is sealed at once, and written in
 * front of what is sealed next, under the next key. */
static void count_queued(SSL *ssl, struct ktls__flow *tx, size_t rec_len)
{
	bool waits = tx->update || SSL_in_init(ssl);

	waits = waits && KTLS__QUEUES_KEY_UPDATE;
	if (!waits || SSL_get_wbio(ssl) == NULL ||
	    ktls__flow_sent(ssl) + rec_len == tx->bytes)
		tx->queued = 0;
	if (waits)
		tx->queued += rec_len;
	if (tx->update)
		tx->records = 0;
	tx->update = false;
}

/* While the hooks are all that reads.  What is longer than a type and a tag,
 * and tells of nothing, is a part of a message. */
static void listen_to(SSL *ssl, struct ktls__flow *rx, const uint8_t *header)
{
	const size_t empty = SSL3_RT_HEADER_LENGTH + 17;

	rx->silent = rx->paused && SSL_version(ssl) == TLS1_3_VERSION &&
		     header[0] == SSL3_RT_APPLICATION_DATA &&
		     record_len(header) > empty;
}

/* The key log's later lines are not the same in all versions (3.0.2 has
 * none), a KeyUpdate is: RFC 8446 section 7.2. */
static void rotate(SSL *ssl, struct ktls__flow *flow)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	uint16_t suite = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;

	if (ktls_secret_next(suite, flow->secret, flow->secret_len) < 0) {
		ktls__wipe(flow->secret, sizeof(flow->secret));
		flow->secret_len = 0;
	}
	flow->records = 0;
}

static void see_key_update(SSL *ssl, struct ktls__trace *t, int write_p,
			   bool asks)
{
	rotate(ssl, write_p ? &t->tx : &t->rx);
	if (write_p) {
		t->tx.update = KTLS__QUEUES_KEY_UPDATE;
		t->key_updates_sent++;
		return;
	}
	t->key_updates_received++;
	t->updates_requested += asks;
}

static void heard(struct ktls__trace *t)
{
	t->rx.silent = false;
	t->stop = KTLS__ALWAYS_READS_ON && !t->rx.paused;
}

static void see_handshake(SSL *ssl, struct ktls__trace *t, int write_p,
			  const uint8_t *msg, size_t len)
{
	const uint8_t msg_type = msg[0];

	if (!write_p)
		heard(t);
	if (SSL_version(ssl) != TLS1_3_VERSION) {
		t->warnings += !write_p && (msg_type == SSL3_MT_HELLO_REQUEST ||
					    msg_type == SSL3_MT_CLIENT_HELLO);
		return;
	}
	if (msg_type == SSL3_MT_KEY_UPDATE)
		see_key_update(ssl, t, write_p, len == 5 && msg[4] == 1);
	else if (msg_type == SSL3_MT_NEWSESSION_TICKET && !write_p)
		t->tickets++;
}

static void see_alert(struct ktls__trace *t, int write_p, const uint8_t *alert)
{
	if (write_p) {
		t->alert_sent = alert[1];
		t->alerts_sent++;
		return;
	}
	heard(t);
	t->alert_received = alert[1];
	t->alerts_received++;
	t->warnings += alert[0] == SSL3_AL_WARNING &&
		       alert[1] != SSL_AD_CLOSE_NOTIFY;
}

static void see_header(SSL *ssl, struct ktls__trace *t, int write_p,
		       const uint8_t *header)
{
	const size_t rec_len = record_len(header);

	follow_bio(ssl, t, write_p, rec_len);
	count_header(write_p ? &t->tx : &t->rx, SSL_version(ssl), header);
	if (write_p) {
		count_queued(ssl, &t->tx, rec_len);
	} else {
		listen_to(ssl, &t->rx, header);
		t->read_len = rec_len;
	}
}

static void on_message(int write_p, int version, int type, const void *buf,
		       size_t len, SSL *ssl, void *arg)
{
	struct ktls__trace *t = ktls__trace_of(ssl);

	(void)arg;
	if (t == NULL && type == SSL3_RT_HEADER)
		t = begin_trace(ssl);
	if (t == NULL)
		return;
	if (type == SSL3_RT_HEADER && len == SSL3_RT_HEADER_LENGTH) {
		see_header(ssl, t, write_p, buf);
	} else if (type == SSL3_RT_HANDSHAKE && len > 0) {
		see_handshake(ssl, t, write_p, buf, len);
	} else if (type == SSL3_RT_ALERT && len == 2) {
		see_alert(t, write_p, buf);
	}
	if (t->app_msg != NULL)
		t->app_msg(write_p, version, type, buf, len, ssl, t->app_arg);
}

static void install_hooks(SSL_CTX *ctx, struct prepared *p)
{
	p->app_keylog = SSL_CTX_get_keylog_callback(ctx);
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
	SSL_CTX_set_msg_callback(ctx, on_message);
	SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_read_ahead(ctx, 0);
}

int ktls_prepare(SSL_CTX *ctx, unsigned flags)
{
	struct prepared *p;

	if (ctx == NULL || (flags & ~(unsigned)KTLS_ATTACH_LATE) != 0)
		return -EINVAL;
	if (!ktls__library_is_ours())
		return -KTLS_ESSL;
	pthread_once(&index_once, make_indexes);
	if (ctx_index < 0 || ssl_index < 0)
		return -ENOMEM;
	p = prepared_of(ctx);
	if (p != NULL) {
		p->flags = flags;
		return 0;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL || SSL_CTX_set_ex_data(ctx, ctx_index, p) != 1) {
		free(p);
		return -ENOMEM;
	}
	p->flags = flags;
	install_hooks(ctx, p);
	return 0;
}

int ktls_set_msg_callback(SSL_CTX *ctx,
			  void (*cb)(int write_p, int version,
				     int content_type, const void *buf,
				     size_t len, SSL *ssl, void *arg),
			  void *arg)
{
	struct prepared *p = ctx == NULL ? NULL : prepared_of(ctx);

	if (p == NULL)
		return -EINVAL;
	p->app_msg = cb;
	p->app_arg = arg;
	return 0;
}
