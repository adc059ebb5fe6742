/* SPDX-License-Identifier: MIT */
/*
 * A peer that sends its request, close_notify and FIN with its last flight,
 * so that all of it is there before the hand-off.  No stock peer both does
 * so and still looks at the answer: this one is an SSL in a child process.
 */
#include "cell.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tls_calls.h"

#define ANSWER 200000

static const char request[] = "<half-closed request>";

static unsigned char answer_byte(size_t i)
{
	return (unsigned char)(i * 31 + i / 251);
}

/* Exit status of the peer: 0 when the whole answer came, and its end. */
static int take_answer(SSL *ssl)
{
	unsigned char buf[8192];
	size_t have = 0;
	int n;
	int i;

	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++)
			if (buf[i] != answer_byte(have++))
				return 2;
	if (SSL_get_error(ssl, n) != SSL_ERROR_ZERO_RETURN)
		return 3;
	return have == ANSWER ? 0 : 4;
}

static _Noreturn void be_peer(struct cell *cell, int fd)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl;

	certs_use(&cell->files->certs, ctx);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if ((cell->server ? SSL_connect(ssl) : SSL_accept(ssl)) != 1)
		_exit(5);
	SSL_write(ssl, request, sizeof(request));
	SSL_shutdown(ssl);
	shutdown(fd, SHUT_WR);
	_exit(take_answer(ssl));
}

static pid_t start_peer(struct cell *cell)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	alarm(60);
	be_peer(cell, accept(cell->listener, NULL, NULL));
}

static void answer(struct cell *cell)
{
	unsigned char *buf = malloc(ANSWER);
	size_t i;

	cell_want(cell, buf != NULL);
	for (i = 0; i < ANSWER; i++)
		buf[i] = answer_byte(i);
	cell_put(cell, buf, ANSWER);
	free(buf);
}

void cell_half_close(struct cell *cell)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct pollfd pfd = { .events = POLLRDHUP };
	char in[sizeof(request)];
	int status;
	pid_t pid;

	cell_listen(cell);
	pid = start_peer(cell);
	cell_sockets(cell, cell->port);
	cell_handshake(cell);
	pfd.fd = cell->fd;
	cell_want(cell, poll(&pfd, 1, -1) == 1 && pfd.revents & POLLRDHUP);
	opts.flags = tls_take();
	opts.tx = cell_choice(cell, KTLS_TX);
	opts.rx = cell_choice(cell, KTLS_RX);
	cell_want(cell, ktls_handoff(&cell->k, cell->ssl, &opts) == 0);
	tls_let_go(cell->ssl, opts.flags);
	cell_expect_paths(cell);
	cell_want(cell, cell_get(cell, in, sizeof(in)) == sizeof(in));
	cell_want(cell, memcmp(in, request, sizeof(in)) == 0);
	cell_want(cell, cell_get(cell, in, 1) == 0);
	answer(cell);
	cell_finish(cell);
	cell_want(cell, waitpid(pid, &status, 0) == pid);
	cell_want(cell, status == 0);
}
