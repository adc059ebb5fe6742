/* SPDX-License-Identifier: MIT */
/*
 * gnutls_keys - kernel TLS behind a handshake by GnuTLS (3.7.0 and later), TLS
 * 1.2 and 1.3: what an application has to copy is stack_take_over(),
 * on_secret() and on_message().
 *
 *   cc -std=c11 -D_GNU_SOURCE gnutls.c peer.c -o gnutls_keys \
 *      $(pkg-config --cflags --libs ktls gnutls)
 *   ./gnutls_keys client --host localhost --port 4433 --ca ca.pem --send F
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <gnutls/gnutls.h>

#include "stack.h"

#define RECORD_SIZE_LIMIT 28 /* the extension of RFC 8449 */

/* A traffic secret of TLS 1.3, and how many came before. */
struct secret {
	uint8_t bytes[48];
	size_t len;
	int generation;
};

struct stack {
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	gnutls_datum_t ticket_key; /* a server's */
	struct input *in;
	struct secret read, write;
	size_t record_limit; /* the peer's; of TLS 1.3 with content type */
	int server;
};

/* What gnutls_record_get_state() tells of one direction: bytes of GnuTLS's. */
struct state {
	gnutls_datum_t key, iv;
	uint64_t seq;
};

static int failed(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, gnutls_strerror(err));
	return -EPROTO;
}

/* ------------------------------------------------------------------ keys */

static void note(struct secret *s, const void *bytes, size_t len)
{
	if (!bytes || len > sizeof(s->bytes) ||
	    (len == s->len && memcmp(s->bytes, bytes, len) == 0))
		return;
	s->generation += s->len > 0;
	memcpy(s->bytes, bytes, len);
	s->len = len;
}

/*
 * Called for the first ones, and for each KeyUpdate again, with both whichever
 * has changed.  Without secrets a connection would work as well, up to the
 * next KeyUpdate.
 */
static int on_secret(gnutls_session_t session,
		     gnutls_record_encryption_level_t level, const void *read,
		     const void *write, size_t len)
{
	struct stack *s = gnutls_session_get_ptr(session);

	if (level == GNUTLS_ENCRYPTION_LEVEL_APPLICATION) {
		note(&s->read, read, len);
		note(&s->write, write, len);
	}
	return 0;
}

static int on_extension(void *limit, unsigned type, const unsigned char *data,
			unsigned len)
{
	if (type == RECORD_SIZE_LIMIT && len == 2)
		*(size_t *)limit = (size_t)data[0] << 8 | data[1];
	return 0;
}

/*
 * Called behind each message of the handshake: nothing else tells the peer's
 * record_size_limit (3.7.9).  In a ServerHello, whose is that of TLS 1.2, the
 * extensions are behind version, random, session id, suite, compression.
 */
static int on_message(gnutls_session_t session, unsigned type, unsigned when,
		      unsigned incoming, const gnutls_datum_t *msg)
{
	struct stack *s = gnutls_session_get_ptr(session);
	int from_client = type == GNUTLS_HANDSHAKE_CLIENT_HELLO;
	gnutls_datum_t list = *msg;
	unsigned at = 2 + 32;

	(void)when;
	if (type == GNUTLS_HANDSHAKE_SERVER_HELLO && at < msg->size) {
		at += 1U + msg->data[at] + 2 + 1;
		list.data += at;
		list.size = at < msg->size ? msg->size - at : 0;
	} else if (!from_client &&
		   type != GNUTLS_HANDSHAKE_ENCRYPTED_EXTENSIONS) {
		return 0;
	}
	if (incoming) /* that there are none is no reason to end */
		gnutls_ext_raw_parse(&s->record_limit, on_extension, &list,
			from_client ? GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO : 0);
	return 0;
}

/* The IANA number.  A suite of TLS 1.3 has no key exchange. */
static uint16_t suite_of(gnutls_session_t session)
{
	int tls13 = gnutls_protocol_get_version(session) == GNUTLS_TLS1_3;
	gnutls_protocol_t version;
	gnutls_cipher_algorithm_t cipher;
	gnutls_kx_algorithm_t kx;
	gnutls_mac_algorithm_t mac;
	unsigned char id[2];
	size_t i;

	for (i = 0; gnutls_cipher_suite_info(i, id, &kx, &cipher, &mac,
					     &version); i++)
		if (cipher == gnutls_cipher_get(session) &&
		    mac == gnutls_mac_get(session) &&
		    (version == GNUTLS_TLS1_3) == tls13 &&
		    (tls13 || kx == gnutls_kx_get(session)))
			return (uint16_t)(id[0] << 8 | id[1]);
	return 0;
}

static int state_of(struct state *state, gnutls_session_t session, int read)
{
	unsigned char seq[8];
	gnutls_datum_t mac;
	int err, i;

	err = gnutls_record_get_state(session, (unsigned)read, &mac, &state->iv,
				      &state->key, seq);
	if (err < 0)
		return failed("gnutls_record_get_state", err);
	for (state->seq = 0, i = 0; i < 8; i++)
		state->seq = state->seq << 8 | seq[i];
	return 0;
}

/* The secret has to be that of the keys in use. */
static int check_secret(const struct ktls_protection *p, uint16_t suite)
{
	struct ktls_keys keys;
	int err;

	err = ktls_keys_tls13(&keys, suite, p->secret, p->secret_len);
	if (err == 0 && memcmp(keys.key, p->key, p->key_len) != 0)
		err = -KTLS_EKEYUPDATE;
	ktls_keys_wipe(&keys);
	return err;
}

/*
 * One direction.  GnuTLS's explicit nonce of TLS 1.2 AES-GCM is the sequence
 * number: four bytes of iv are all there is to tell.
 */
static int protect(struct ktls_protection *p, struct stack *s, uint16_t suite,
		   int read)
{
	const struct secret *secret = read ? &s->read : &s->write;
	struct state state;
	int err;

	err = state_of(&state, s->session, read);
	if (err < 0)
		return err;
	p->seq = state.seq;
	p->key = state.key.data;
	p->key_len = state.key.size;
	p->iv = state.iv.data;
	p->iv_len = state.iv.size;
	if (secret->len == 0)
		return 0;
	p->secret = secret->bytes;
	p->secret_len = secret->len;
	return check_secret(p, suite);
}

/*
 * A KeyUpdate that asks for one of ours is answered by GnuTLS with the next
 * record it sends, and after us there is none: so our keys change now, where
 * the peer's have changed more often than ours.
 */
static int settle_updates(struct stack *s)
{
	int err;

	if (s->read.generation <= s->write.generation)
		return 0;
	err = gnutls_session_key_update(s->session, 0);
	return err < 0 ? failed("gnutls_session_key_update", err) : 0;
}

/* What is decrypted and not read: no more than a record, and reading it does
 * not touch the socket. */
static ssize_t unread(struct stack *s, uint8_t *text, size_t room)
{
	size_t n, len = 0;

	while ((n = gnutls_record_check_pending(s->session)) > 0) {
		ssize_t got;

		if (n > room - len)
			return -EMSGSIZE;
		got = gnutls_record_recv(s->session, text + len, n);
		if (got <= 0)
			return failed("gnutls_record_recv", (int)got);
		len += (size_t)got;
	}
	return (ssize_t)len;
}

int stack_take_over(struct ktls **k, struct stack *s)
{
	struct ktls_session session = { .size = sizeof(session) };
	uint8_t text[RECORD_MAX];
	ssize_t len;
	int err;

	session.version = gnutls_protocol_get_version(s->session) ==
			  GNUTLS_TLS1_3 ? KTLS_TLS_1_3 : KTLS_TLS_1_2;
	err = check_record_limit(gnutls_record_get_max_size(s->session));
	if (err == 0)
		err = check_record_limit(s->record_limit - (session.version ==
							    KTLS_TLS_1_3));
	if (err < 0)
		return err;
	session.suite = suite_of(s->session);
	session.server = s->server;
	len = unread(s, text, sizeof(text));
	if (len < 0)
		return (int)len;
	session.plaintext = text;
	session.plaintext_len = (size_t)len;
	session.ciphertext = s->in->buf + s->in->begin;
	session.ciphertext_len = s->in->end - s->in->begin;
	err = settle_updates(s);
	if (err == 0)
		err = protect(&session.tx, s, session.suite, 0);
	if (err == 0)
		err = protect(&session.rx, s, session.suite, 1);
	if (err == 0)
		err = ktls_open(k, s->in->fd, &session, NULL);
	explicit_bzero(text, sizeof(text));
	return err;
}

/* ------------------------------------- the handshake, as in any program */

static ssize_t pull(gnutls_transport_ptr_t in, void *buf, size_t len)
{
	return input_read(in, buf, len);
}

/* GnuTLS asks it in some states before it calls pull(). */
static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	struct input *in = ptr;
	struct pollfd p = { .fd = in->fd, .events = POLLIN };

	if (in->begin < in->end)
		return 1;
	return poll(&p, 1, ms == GNUTLS_INDEFINITE_TIMEOUT ? -1 : (int)ms);
}

static ssize_t push(gnutls_transport_ptr_t in, const void *buf, size_t len)
{
	return send(((struct input *)in)->fd, buf, len, MSG_NOSIGNAL);
}

/* TLS 1.3: gnutls_handshake() sends them in the end, and counts them. */
static int offer_tickets(struct stack *s)
{
	int err = gnutls_session_ticket_key_generate(&s->ticket_key);

	if (err == 0)
		err = gnutls_session_ticket_enable_server(s->session,
							  &s->ticket_key);
	return err;
}

static int configure(struct stack *s, const struct settings *set)
{
	int err = gnutls_certificate_allocate_credentials(&s->cred);

	if (err == 0 && set->server)
		err = gnutls_certificate_set_x509_key_file(s->cred, set->cert,
			set->key, GNUTLS_X509_FMT_PEM);
	else if (err == 0)
		err = gnutls_certificate_set_x509_trust_file(s->cred, set->ca,
			GNUTLS_X509_FMT_PEM);
	if (err >= 0)
		err = gnutls_init(&s->session, set->server ? GNUTLS_SERVER :
				  GNUTLS_CLIENT);
	if (err == 0)
		err = gnutls_priority_set_direct(s->session, set->suites ?
						 set->suites : "NORMAL", NULL);
	if (err == 0)
		err = gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE,
					     s->cred);
	if (err == 0 && set->server)
		err = offer_tickets(s);
	if (err == 0 && !set->server) {
		gnutls_session_set_verify_cert(s->session, set->host, 0);
		err = gnutls_server_name_set(s->session, GNUTLS_NAME_DNS,
					     set->host, strlen(set->host));
	}
	return err;
}

int stack_handshake(struct stack **out, const struct settings *set,
		    struct input *in)
{
	struct stack *s = calloc(1, sizeof(*s));
	int err;

	*out = s;
	if (!s)
		return -ENOMEM;
	s->in = in;
	s->server = set->server;
	s->record_limit = RECORD_MAX + 1;
	err = configure(s, set);
	if (err < 0)
		return failed("configuration", err);
	gnutls_session_set_ptr(s->session, s);
	gnutls_handshake_set_secret_function(s->session, on_secret);
	gnutls_handshake_set_hook_function(s->session, GNUTLS_HANDSHAKE_ANY,
					   GNUTLS_HOOK_POST, on_message);
	gnutls_transport_set_ptr(s->session, in);
	gnutls_transport_set_pull_function(s->session, pull);
	gnutls_transport_set_pull_timeout_function(s->session, pull_timeout);
	gnutls_transport_set_push_function(s->session, push);
	do
		err = gnutls_handshake(s->session);
	while (err < 0 && !gnutls_error_is_fatal(err));
	return err < 0 ? failed("handshake", err) : 0;
}

ssize_t stack_read(struct stack *s, void *buf, size_t len)
{
	ssize_t n;

	do
		n = gnutls_record_recv(s->session, buf, len);
	while (n < 0 && !gnutls_error_is_fatal((int)n));
	return n < 0 ? failed("gnutls_record_recv", (int)n) : n;
}

int stack_write(struct stack *s, const void *buf, size_t len)
{
	const char *at = buf;
	ssize_t n;

	while (len > 0) {
		n = gnutls_record_send(s->session, at, len);
		if (n < 0 && gnutls_error_is_fatal((int)n))
			return failed("gnutls_record_send", (int)n);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	if (s->session)
		gnutls_deinit(s->session);
	if (s->cred)
		gnutls_certificate_free_credentials(s->cred);
	if (s->ticket_key.data)
		gnutls_memset(s->ticket_key.data, 0, s->ticket_key.size);
	gnutls_free(s->ticket_key.data);
	explicit_bzero(s, sizeof(*s));
	free(s);
}
