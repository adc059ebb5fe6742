/* SPDX-License-Identifier: MIT */
/*
 * BoringSSL: when an SSL is at rest, and how all that it has received is
 * taken out of it.  It tells its sequence numbers, but nothing of the records
 * that are half inside: what it asks its BIO for is what they lack.
 *
 * One state has no sign at all: a handshake message of TLS 1.3 that goes on in
 * another record, of which the application has read the first part itself.
 * The record layer that takes over then finds the message's rest where a
 * message should begin, and ends the connection with -KTLS_EPROTOCOL or
 * -KTLS_EHANDSHAKE; no data are lost or changed by it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "backend_drain.h"
#include "hooks.h"
#include "sys.h"

/* SSL_do_handshake() is done before its end where early data may be read, or
 * false start lets the client write. */
int ktls__backend_handshake(SSL *ssl, struct ktls__handshake *hs)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

	if (SSL_in_init(ssl) || SSL_in_early_data(ssl) || cipher == NULL)
		return -KTLS_ENOTREADY;
	if (SSL_get_shutdown(ssl) != 0)
		return -KTLS_ECLOSED;
	hs->server = SSL_is_server(ssl);
	hs->version = (uint16_t)SSL_version(ssl);
	hs->suite = SSL_CIPHER_get_protocol_id(cipher);
	hs->row = ktls__suite_find(hs->suite);
	return 0;
}

bool ktls__backend_ktls_on(SSL *ssl)
{
	(void)ssl;
	return false;
}

int ktls__backend_hold(SSL *ssl, bool take)
{
	(void)ssl;
	return take ? 0 : -EINVAL;
}

int ktls__backend_owes_key_update(SSL *ssl)
{
	const struct ktls__trace *t = ktls__trace_of(ssl);

	return t != NULL && t->tx.queued > 0 &&
	       t->tx.bio == SSL_get_wbio(ssl) &&
	       ktls__flow_sent(ssl) < t->tx.bytes;
}

uint64_t ktls__backend_sequence(SSL *ssl, int dir)
{
	return dir == KTLS_TX ? SSL_get_write_sequence(ssl) :
				SSL_get_read_sequence(ssl);
}

/* One drain: what stands between the SSL and its BIO meanwhile. */
struct gate {
	SSL *ssl;
	struct ktls__flow *rx;
	BIO *counted;
	bool memory;
	int fd;
	int recv_flags;
	int err;     /* why it gave nothing; 0: a record is complete */
};

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static uint64_t received(const struct gate *gate)
{
	return ktls__flow_moved(gate->rx, BIO_number_read(gate->counted));
}

/* 0: nothing beyond this point is the SSL's; -EAGAIN: a record has begun, or
 * a message; -ERANGE. */
static int look(const struct gate *gate)
{
	uint64_t moved = received(gate);

	if (moved < gate->rx->bytes)
		return -ERANGE;
	return moved > gate->rx->bytes || gate->rx->silent ? -EAGAIN : 0;
}

/* Off the socket, what the record lacks at most.  For a message that may go on
 * in another record nobody waits, nor is told to: a padded empty record looks
 * the same, and nothing would follow it.  RX then stays with the SSL, which
 * knows what it is. */
static int fetch(struct gate *gate, char *buf, int len)
{
	struct iovec iov = { .iov_base = buf, .iov_len = (size_t)len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	const bool begun = received(gate) > gate->rx->bytes;
	ssize_t n = ktls__sys->recvmsg(gate->fd, &msg, begun ?
				       gate->recv_flags : MSG_DONTWAIT);

	if (n == -EAGAIN && !begun)
		return -ERANGE;
	if (n <= 0)
		return n == 0 ? -KTLS_ETRUNCATED : (int)n;
	gate->rx->fed += (uint64_t)n;
	return (int)n;
}

/* It always says "retry": what failed is no matter of the SSL's, which works
 * on if there is a way back. */
static int gate_read(BIO *bio, char *buf, int len)
{
	struct gate *gate = BIO_get_data(bio);
	int n = 0;

	BIO_clear_retry_flags(bio);
	if (gate->memory)
		n = BIO_read(gate->counted, buf, len);
	if (n > 0)
		return n;
	n = look(gate);
	if (n == -EAGAIN)
		n = fetch(gate, buf, len);
	if (n > 0)
		return n;
	gate->err = n;
	BIO_set_retry_read(bio);
	return -1;
}

/* Nothing is written. */
static int gate_write(BIO *bio, const char *buf, int len)
{
	(void)buf;
	(void)len;
	BIO_clear_retry_flags(bio);
	BIO_set_retry_write(bio);
	return -1;
}

static long gate_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static void make_method(void)
{
	int type = BIO_get_new_index();

	method = type < 0 ? NULL :
			    BIO_meth_new(type | BIO_TYPE_SOURCE_SINK,
					 "libktls drain");
	if (method == NULL)
		return;
	BIO_meth_set_read(method, gate_read);
	BIO_meth_set_write(method, gate_write);
	BIO_meth_set_ctrl(method, gate_ctrl);
}

static BIO *make_gate(struct gate *gate)
{
	BIO *bio;

	pthread_once(&method_once, make_method);
	bio = method == NULL ? NULL : BIO_new(method);
	if (bio != NULL) {
		BIO_set_data(bio, gate);
		BIO_set_init(bio, 1);
	}
	return bio;
}

static int drain(struct gate *gate, struct ktls__leftover *list)
{
	struct ktls__chunk *spare = NULL;
	int err;

	do {
		gate->err = 0;
		err = ktls__drain_inside(gate->ssl, list, &spare);
		if (err == -EAGAIN)
			err = gate->err;
		/* A renegotiation has begun. */
		if (err == 0 && SSL_in_init(gate->ssl))
			err = -EAGAIN;
		/* With data read already there is no way back. */
	} while (err == -EINTR && list->head != NULL);
	free(spare);
	return err;
}

/* What memory BIOs hold has not been inside yet. */
static bool is_empty(const struct gate *gate)
{
	return !gate->memory && !SSL_has_pending(gate->ssl) &&
	       look(gate) == 0;
}

int ktls__backend_drain(SSL *ssl, enum ktls__transport transport, int fd,
			int recv_flags, struct ktls__leftover *list)
{
	struct gate gate = { .ssl = ssl, .fd = fd, .recv_flags = recv_flags };
	BIO *bio;
	int err;

	gate.rx = &ktls__trace_of(ssl)->rx;
	gate.counted = SSL_get_rbio(ssl);
	gate.memory = transport == KTLS__TRANSPORT_MEMORY;
	if (is_empty(&gate))
		return 0;
	bio = make_gate(&gate);
	if (bio == NULL)
		return -ENOMEM;
	BIO_up_ref(gate.counted);
	gate.rx->paused = true;
	SSL_set0_rbio(ssl, bio);
	err = drain(&gate, list);
	SSL_set0_rbio(ssl, gate.counted);
	gate.rx->paused = false;
	return err;
}

/* It seals one when it is asked for it, and writes it before other records; a
 * second one waits until then. */
uint64_t ktls__backend_key_updates_sent(SSL *ssl)
{
	uint64_t sealed = ktls__trace_of(ssl)->key_updates_sent;

	return sealed > 0 && ktls__backend_owes_key_update(ssl) ? sealed - 1 :
								  sealed;
}

/* Of a write that was cut: no more than there are in all. */
static size_t most_records(SSL *ssl)
{
	const size_t most = (size_t)INT_MAX / SSL3_RT_MAX_PLAIN_LENGTH;
	const struct ktls__trace *t = ktls__trace_of(ssl);
	uint64_t sealed;

	if ((SSL_get_mode(ssl) & SSL_MODE_ENABLE_PARTIAL_WRITE) != 0)
		return 0;
	if (t == NULL || t->tx.bio != SSL_get_wbio(ssl))
		return most;
	sealed = t->tx.bytes / SSL3_RT_MAX_PLAIN_LENGTH;
	return sealed < most ? (size_t)sealed + 1 : most;
}

/*
 * It refuses less than is left of data that were cut, and forgets how far it
 * was if that is less than it has sealed of them before.  These are full
 * records: counting down by one of them meets the refusal first.  Nothing is
 * sealed, or even looked at, while the rest of a record finds no room.
 */
static bool refuses_less(SSL *ssl, size_t records)
{
	int len;
	int n;

	do {
		len = (int)(records * SSL3_RT_MAX_PLAIN_LENGTH);
		n = SSL_write(ssl, "", len);
		if (n >= 0 || SSL_get_error(ssl, n) != SSL_ERROR_WANT_WRITE)
			return true;
	} while (records-- > 0);
	return false;
}

bool ktls__flush_is_cut(SSL *ssl)
{
	BIO *wbio = SSL_get_wbio(ssl);
	BIO *bio = make_gate(NULL);
	uint32_t mode = SSL_get_mode(ssl);
	size_t records = most_records(ssl);
	bool flush;

	if (bio == NULL)
		return false;
	BIO_up_ref(wbio);
	SSL_set0_wbio(ssl, bio);
	SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	flush = !refuses_less(ssl, records);
	if ((mode & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER) == 0)
		SSL_clear_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set0_wbio(ssl, wbio);
	ERR_clear_error();
	return flush;
}

/* It does not tell. */
enum ktls__cut ktls__looks_cut(SSL *ssl)
{
	(void)ssl;
	return KTLS__MAYBE_CUT;
}
