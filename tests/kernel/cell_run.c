/* SPDX-License-Identifier: MIT */
/* One cell from its first connection to its last close_notify. */
#include "cell.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tls_calls.h"

_Noreturn void cell_failed(const struct cell *cell, const char *file, int line,
			   const char *what)
{
	snprintf(cell->verdict->why, sizeof(cell->verdict->why), "%s:%d: %s",
		 strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line,
		 what);
	_exit(1);
}

static void hand_off(struct cell *cell)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct pollfd pfd = { cell->fd, 0, 0 };
	int err;

	opts.flags = tls_take();
	if (cell->sc->flags & CELL_TAKE)
		opts.flags |= KTLS_TAKE_SSL;
	opts.tx = cell_choice(cell, KTLS_TX);
	opts.rx = cell_choice(cell, KTLS_RX);
	if (cell->sc->flags & CELL_MEMORY)
		opts.fd = cell->fd;
	if (cell->sc->flags & CELL_KEEP)
		opts.flags |= KTLS_KEEP_SSL;
	if (cell->sc->flags & CELL_UNANSWERED)
		opts.flags |= KTLS_LEAVE_UNANSWERED;
	cell->openssl_on |= tls_ktls_directions(cell->ssl);
	while ((err = ktls_handoff(&cell->k, cell->ssl, &opts)) == -EAGAIN) {
		cell_want(cell, cell->k == NULL);
		cell_want(cell, cell->sc->flags & CELL_NONBLOCK);
		pfd.events = SSL_want(cell->ssl) == SSL_WRITING ? POLLOUT :
								  POLLIN;
		poll(&pfd, 1, -1);
	}
	if (err < 0)
		cell_failed(cell, "ktls_handoff", err, ktls_strerror(err));
	tls_let_go(cell->ssl, opts.flags);
	cell->ssl = NULL;
	cell_expect_paths(cell);
}

/* Leaves a session, in s_client's file or in cell->session. */
static void first_connection(struct cell *cell)
{
	cell->first = 1;
	cell_connect(cell);
	cell_handshake(cell);
	cell_ssl_round(cell, 40);
	if (cell->sc->flags & CELL_FREED) {
		hand_off(cell);
		cell_round(cell, 40);
		cell_finish(cell);
	} else {
		SSL_shutdown(cell->ssl);
		SSL_free(cell->ssl);
		close(cell->fd);
	}
	if (cell->server)
		stock_stop(&cell->peer);
	cell->first = 0;
	cell->sent = 0;
	cell->received = 0;
	cell->openssl_on = 0;
}

/* That the scenario is what it says. */
static void check_handshake(struct cell *cell)
{
	unsigned flags = cell->sc->flags;
	int resumed = flags & (CELL_RESUME | CELL_FREED | CELL_EARLY) ||
		      (flags & CELL_PSK && cell->version == KTLS_TLS_1_3);

	cell_want(cell, !!SSL_session_reused(cell->ssl) == !!resumed);
	if (flags & CELL_CLIENT_CERT)
		cell_want(cell, tls_has_peer_cert(cell->ssl));
	if (flags & CELL_HELLO_RETRY)
		cell_want(cell, tls_group_is_p384(cell->ssl));
	if (flags & CELL_SNI)
		cell_want(cell, SSL_get_SSL_CTX(cell->ssl) == cell->other);
}

static void renegotiate(struct cell *cell)
{
	char out[40];
	char in[40];

	cell_want(cell, SSL_renegotiate(cell->ssl) == 1);
	cell_handshake(cell);
	/* what was typed may have been sent before the peer knew of it */
	do {
		cell_message(cell, out, sizeof(out));
		cell_want(cell, stock_type(&cell->peer, out, sizeof(out)) ==
					0);
		cell_ssl_get(cell, in, sizeof(in));
		cell_want(cell, memcmp(in, out, sizeof(in)) == 0);
	} while (SSL_renegotiate_pending(cell->ssl));
	cell_want(cell, SSL_total_renegotiations(cell->ssl) == 1);
}

/* One byte out of what has come, the rest stays in the SSL. */
static size_t leave_in_ssl(struct cell *cell, char *out)
{
	cell_message(cell, out, 40);
	cell_message(cell, out + 40, 3000);
	cell_want(cell, stock_type(&cell->peer, out, 3040) == 0);
	cell_ssl_get(cell, out + 3040, 1);
	memmove(out, out + 1, 3039);
	return 3039;
}

/* Ciphertext in both BIOs that nobody has looked at. */
static size_t leave_in_memory(struct cell *cell, char *out)
{
	char record[4096];
	char sent[40];
	size_t len = cell->sc->flags & CELL_HALF_RECORD ? 7 : sizeof(record);
	struct pollfd pfd = { cell->fd, POLLIN, 0 };
	ssize_t n;

	cell_message(cell, out, 40);
	cell_want(cell, stock_type(&cell->peer, out, 40) == 0);
	poll(&pfd, 1, -1);
	n = recv(cell->fd, record, len, 0);
	cell_want(cell, n > 0);
	BIO_write(SSL_get_rbio(cell->ssl), record, (int)n);
	cell_message(cell, sent, sizeof(sent));
	cell_want(cell, SSL_write(cell->ssl, sent, sizeof(sent)) ==
				sizeof(sent));
	return 40;
}

/* Returns the bytes that ktls_read() owes first. */
static size_t before(struct cell *cell, char *owed)
{
	unsigned flags = cell->sc->flags;

	if (flags & (CELL_EXCHANGES | CELL_READ_AHEAD | CELL_MEMORY)) {
		cell_ssl_round(cell, 40);
		cell_ssl_round(cell, 3000);
		cell_ssl_round(cell, 40);
	}
	if (flags & CELL_RENEGOTIATE)
		renegotiate(cell);
	if (flags & (CELL_READ_AHEAD | CELL_UNREAD))
		return leave_in_ssl(cell, owed);
	if (flags & CELL_MEMORY)
		return leave_in_memory(cell, owed);
	return 0;
}

static void owed_first(struct cell *cell, const char *owed, size_t len)
{
	char in[CELL_MESSAGE_MAX];

	if (len == 0)
		return;
	cell_want(cell, cell_get(cell, in, len) == (ssize_t)len);
	cell_want(cell, memcmp(in, owed, len) == 0);
	/* what the SSL had in its write BIO is the message after it */
	if (!(cell->sc->flags & CELL_MEMORY))
		return;
	cell->messages--;
	cell_message(cell, in, 40);
	cell_want(cell, stock_expect(&cell->peer, in, 40) == 0);
}

static void after(struct cell *cell)
{
	cell_round(cell, 40);
	cell_round(cell, 3000);
	cell_round(cell, CELL_MESSAGE_MAX);
	if (cell->sc->flags & CELL_CALLBACKS) {
		cell_want(cell, cell->keylog_calls >= 1);
		cell_want(cell, cell->msg_calls >= 4);
	}
	if (cell->sc->flags & (CELL_KEYUPDATE | CELL_OURS))
		cell_key_updates(cell);
	else
		cell_finish(cell);
}

static void stock_connection(struct cell *cell)
{
	char owed[CELL_MESSAGE_MAX];
	size_t len;

	if (cell->sc->flags & (CELL_RESUME | CELL_FREED | CELL_EARLY))
		first_connection(cell);
	cell_connect(cell);
	cell_handshake(cell);
	check_handshake(cell);
	len = before(cell, owed);
	hand_off(cell);
	owed_first(cell, owed, len);
	after(cell);
	stock_stop(&cell->peer);
}

void cell_run(struct cell *cell)
{
	cell->fd = -1;
	cell->listener = -1;
	cell_contexts(cell);
	if (cell->sc->flags & CELL_TX_REFUSED && !cell->only)
		cell_refuse_tx();
	if (cell->sc->flags & CELL_HALF_CLOSE)
		cell_half_close(cell);
	else
		stock_connection(cell);
	if (cell->listener >= 0)
		close(cell->listener);
	SSL_SESSION_free(cell->session);
	SSL_CTX_free(cell->ctx);
	SSL_CTX_free(cell->other);
}
