/* SPDX-License-Identifier: MIT */
/* Bytes through struct ktls, compared at both ends, and an orderly end. */
#include "cell.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "<msg 0001 0123...>": digits, because letters are commands to peers. */
void cell_message(struct cell *cell, char *buf, size_t len)
{
	size_t i;
	int head = snprintf(buf, len, "<msg %04d ", ++cell->messages);

	for (i = (size_t)head; i < len; i++)
		buf[i] = (char)('0' + (i * 7 + (size_t)cell->messages) % 10);
	buf[len - 2] = '>';
	buf[len - 1] = '\n';
}

static void wait_for(struct cell *cell)
{
	struct pollfd pfd = { cell->fd, (short)ktls_events(cell->k), 0 };

	cell_want(cell, ktls_fd(cell->k) == cell->fd);
	cell_want(cell, cell->sc->flags & CELL_NONBLOCK);
	poll(&pfd, 1, -1);
}

void cell_put(struct cell *cell, const void *buf, size_t len)
{
	const char *at = buf;

	cell->sent += len;
	while (len > 0) {
		ssize_t n = ktls_write(cell->k, at, len, 0);

		if (n == -EAGAIN) {
			wait_for(cell);
			continue;
		}
		if (n < 0)
			cell_failed(cell, "ktls_write", (int)n,
				    ktls_strerror((int)n));
		at += n;
		len -= (size_t)n;
	}
}

ssize_t cell_get(struct cell *cell, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = ktls_read(cell->k, (char *)buf + have, len - have);

		if (n == -EAGAIN) {
			wait_for(cell);
			continue;
		}
		if (n <= 0)
			return n;
		have += (size_t)n;
	}
	cell->received += have;
	return (ssize_t)have;
}

void cell_ssl_round(struct cell *cell, size_t len)
{
	char out[CELL_MESSAGE_MAX];
	char in[CELL_MESSAGE_MAX];

	cell_message(cell, out, len);
	cell_ssl_put(cell, out, len);
	cell_want(cell, stock_expect(&cell->peer, out, len) == 0);
	cell_message(cell, out, len);
	cell_want(cell, stock_type(&cell->peer, out, len) == 0);
	cell_ssl_get(cell, in, len);
	cell_want(cell, memcmp(in, out, len) == 0);
}

void cell_round(struct cell *cell, size_t len)
{
	char out[CELL_MESSAGE_MAX];
	char in[CELL_MESSAGE_MAX];
	ssize_t n;

	cell_message(cell, out, len);
	cell_put(cell, out, len);
	cell_want(cell, stock_expect(&cell->peer, out, len) == 0);
	cell_message(cell, out, len);
	cell_want(cell, stock_type(&cell->peer, out, len) == 0);
	n = cell_get(cell, in, len);
	if (n < 0)
		cell_failed(cell, "ktls_read", (int)n, ktls_strerror((int)n));
	cell_want(cell, n == (ssize_t)len);
	cell_want(cell, memcmp(in, out, len) == 0);
}

static void check_sums(struct cell *cell)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	cell_want(cell, ktls_info(cell->k, &info) == 0);
	cell_want(cell, info.tx.bytes == cell->sent);
	cell_want(cell, info.rx.bytes == cell->received);
	cell_want(cell, info.tx.error == 0);
	cell_want(cell, info.alert_sent == 0);
	cell_want(cell, info.alert_received == 0);
}

void cell_finish(struct cell *cell)
{
	char byte;
	int err;

	while ((err = ktls_shutdown(cell->k)) == -EAGAIN)
		wait_for(cell);
	if (err < 0)
		cell_failed(cell, "ktls_shutdown", err, ktls_strerror(err));
	cell_want(cell, ktls_shutdown(cell->k) == 0);
	cell_want(cell, ktls_write(cell->k, "x", 1, 0) == -KTLS_ECLOSED);
	cell_want(cell, cell_get(cell, &byte, 1) == 0);
	cell_want(cell, cell_get(cell, &byte, 1) == 0);
	check_sums(cell);
	ktls_free(cell->k);
	cell->k = NULL;
	close(cell->fd);
	cell->fd = -1;
}
