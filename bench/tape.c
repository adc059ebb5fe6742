/* SPDX-License-Identifier: MIT */
/* What the peer sends, sealed beforehand. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>

#include "race.h"
#include "tape.h"

/* For records of 16 KiB; two session tickets of a server do not matter. */
#define TAPE_ROOM (TAPE_PLAIN + TAPE_PLAIN / RECORD * 64 + 65536)

static struct {
	uint8_t *bytes;
	size_t len;
} tape;

static int tape_make(void)
{
	if (!tape.bytes)
		tape.bytes = malloc(TAPE_ROOM);
	tape.len = 0;
	if (!tape.bytes || !source_get())
		return complain("no tape", -ENOMEM);
	return 0;
}

size_t tape_length(void)
{
	return tape.len;
}

int tape_fill(size_t len)
{
	size_t piece;

	if (tape_make() < 0)
		return -1;
	for (; len > 0; len -= piece) {
		piece = len < SOURCE_MEMORY ? len : SOURCE_MEMORY;
		memcpy(tape.bytes + tape.len, source_get()->memory, piece);
		tape.len += piece;
	}
	return 0;
}

static int bio_write(BIO *bio, const char *buf, size_t len, size_t *done)
{
	(void)bio;
	if (len > TAPE_ROOM - tape.len)
		return 0;
	memcpy(tape.bytes + tape.len, buf, len);
	tape.len += len;
	*done = len;
	return 1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static const BIO_METHOD *tape_method(void)
{
	static BIO_METHOD *method;

	if (!method) {
		method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "tape");
		BIO_meth_set_write_ex(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	return method;
}

static int record_from(SSL *ssl)
{
	BIO *bio = SSL_get_wbio(ssl);

	if (BIO_method_type(bio) != BIO_TYPE_SOURCE_SINK) {
		bio = BIO_new(tape_method());
		if (!bio)
			return -1;
		BIO_set_init(bio, 1);
		SSL_set0_wbio(ssl, bio);
	}
	return tape_make();
}

int tape_seal(SSL *ssl, size_t len)
{
	size_t piece;

	if (record_from(ssl) < 0)
		return complain("no tape", -ENOMEM);
	for (; len > 0; len -= piece) {
		piece = len < SOURCE_MEMORY ? len : SOURCE_MEMORY;
		if (SSL_write(ssl, source_get()->memory, (int)piece) !=
		    (int)piece)
			return complain("sealing a tape", -KTLS_ESSL);
	}
	return 0;
}

static int send_job(void *arg)
{
	const struct conn *c = arg;
	size_t done = 0;
	ssize_t n;

	while (done < tape.len) {
		n = send(c->client.fd, tape.bytes + done, tape.len - done,
			 MSG_NOSIGNAL);
		if (n < 0)
			return complain("the peer's send", -errno);
		done += (size_t)n;
	}
	return 0;
}

int tape_start(struct conn *c)
{
	return worker_start(send_job, c);
}

static ssize_t receive(struct end *e, void *buf, size_t len)
{
	ssize_t n;

	if (e->k)
		n = ktls_read(e->k, buf, len);
	else if (e->ssl)
		n = SSL_read(e->ssl, buf, (int)len);
	else
		n = recv(e->fd, buf, len, 0);
	if (n <= 0)
		complain("receive", e->k && n ? (int)n : -ECONNRESET);
	return n;
}

static int receive_all(struct end *e, void *buf, size_t size, size_t len,
		       bool check)
{
	size_t done = 0;
	ssize_t n, i, at;

	while (done < len) {
		n = len - done < size ? (ssize_t)(len - done) : (ssize_t)size;
		n = receive(e, buf, (size_t)n);
		if (n <= 0)
			return -1;
		for (i = 0; check && i < n; i++) {
			at = (ssize_t)((done + (size_t)i) % SOURCE_MEMORY);
			if (((uint8_t *)buf)[i] != source_get()->memory[at])
				return complain("wrong bytes", -EBADMSG);
		}
		done += (size_t)n;
	}
	return 0;
}

static double play(struct conn *c, void *buf, size_t size, size_t len,
		   bool check)
{
	double took;
	int err;

	if (tape_start(c) < 0)
		return -1;
	took = cpu_now();
	err = receive_all(&c->server, buf, size, len, check);
	took = cpu_now() - took;
	if (err < 0)
		conn_abort(c);
	return worker_wait() < 0 || err < 0 ? -1 : took;
}

double tape_play(struct conn *c, void *buf, size_t size, size_t len)
{
	return play(c, buf, size, len, false);
}

int tape_check(struct conn *c, void *buf, size_t size, size_t len)
{
	return play(c, buf, size, len, true) < 0 ? -1 : 0;
}
