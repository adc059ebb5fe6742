/* SPDX-License-Identifier: MIT */
/* KeyUpdates after the hand-off, of both sides, and how a cell ends where
 * they cannot be followed or answered. */
#include "cell.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Each followed by data in both directions. */
#define UPDATES 3

/* Commands and messages must not be read together.  An s_client says when it
 * has one, and an s_server sends its KeyUpdate at once. */
static void type_key_update(struct cell *cell)
{
	struct pollfd pfd = { cell->fd, POLLIN, 0 };
	const char *command = cell->sc->flags & CELL_REQUESTED ? "K\n" : "k\n";

	cell_want(cell, stock_type(&cell->peer, command, 2) == 0);
	if (cell->server)
		cell_want(cell, stock_until(&cell->peer, "KEYUPDATE") == 0);
	else
		cell_want(cell, poll(&pfd, 1, -1) == 1);
}

static struct ktls_conn_info look(struct cell *cell)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	cell_want(cell, ktls_info(cell->k, &info) == 0);
	return info;
}

/* Can its keys be changed, where it is? */
static int changes(const struct cell *cell, const struct ktls_direction *dir)
{
	return dir->path != KTLS_PATH_KERNEL || cell->features->rekey;
}

static int follows(struct cell *cell)
{
	struct ktls_conn_info info = look(cell);

	if (!changes(cell, &info.rx))
		return 0;
	return changes(cell, &info.tx) ||
	       !(cell->sc->flags & CELL_REQUESTED) ||
	       cell->sc->flags & CELL_UNANSWERED;
}

/* Right bytes or this error: an SSL may have read both already.  The peer
 * hears of it. */
static void ends_with_key_update(struct cell *cell)
{
	struct ktls_conn_info info;
	char out[40];
	char in[40];
	ssize_t n;

	cell_message(cell, out, sizeof(out));
	cell_want(cell, stock_type(&cell->peer, out, sizeof(out)) == 0);
	n = cell_get(cell, in, sizeof(in));
	if (n > 0) {
		cell_want(cell, n == sizeof(in));
		cell_want(cell, memcmp(in, out, sizeof(in)) == 0);
		n = cell_get(cell, in, sizeof(in));
	}
	cell_want(cell, n == -KTLS_EKEYUPDATE);
	cell_want(cell, cell_get(cell, in, sizeof(in)) == -KTLS_EKEYUPDATE);
	cell_want(cell, ktls_write(cell->k, out, 1, 0) == -KTLS_EKEYUPDATE);
	info = look(cell);
	cell_want(cell, info.rx.error == -KTLS_EKEYUPDATE);
	cell_want(cell, info.alert_sent == 80);
	cell_want(cell, stock_until(&cell->peer, "alert number 80") == 0);
	ktls_free(cell->k);
	close(cell->fd);
}

static void check_counts(struct cell *cell)
{
	struct ktls_conn_info info = look(cell);

	cell_want(cell, info.key_updates_received == cell->updates);
	cell_want(cell, info.key_updates_sent == cell->answers + cell->ours);
}

static void theirs(struct cell *cell)
{
	struct ktls_conn_info info = look(cell);

	type_key_update(cell);
	cell->updates++;
	cell->answers += cell->sc->flags & CELL_REQUESTED &&
			 changes(cell, &info.tx);
}

/* -EAGAIN only ever waits for room. */
static void ours(struct cell *cell)
{
	struct ktls_conn_info info = look(cell);
	int err = ktls_update_keys(cell->k, 0);

	if (!changes(cell, &info.tx)) {
		cell_want(cell, err == -KTLS_EKEYUPDATE);
		return;
	}
	cell_want(cell, err == 0);
	cell->ours++;
}

static void updates_and_data(struct cell *cell)
{
	int i;

	for (i = 0; i < UPDATES; i++) {
		if (cell->sc->flags & CELL_KEYUPDATE)
			theirs(cell);
		if (cell->sc->flags & CELL_OURS)
			ours(cell);
		cell_round(cell, 40);
		cell_round(cell, 3000);
		cell_round(cell, CELL_MESSAGE_MAX);
		check_counts(cell);
	}
}

void cell_key_updates(struct cell *cell)
{
	if (cell->sc->flags & CELL_KEYUPDATE && !follows(cell)) {
		type_key_update(cell);
		ends_with_key_update(cell);
		return;
	}
	updates_and_data(cell);
	cell_finish(cell);
}
