/* SPDX-License-Identifier: MIT */
/* Where a cell's directions must be after the hand-off, and are. */
#include "cell.h"

#include <errno.h>
#include <string.h>

#include "sys.h"
#include "uapi.h"

struct expected {
	enum ktls_path path;
	enum ktls_reason reason;
	int err;
};

static struct ktls__sys table;

/* One byte short of any crypto_info: the kernel itself says EINVAL. */
static int short_tx(int fd, int level, int name, const void *val,
		    socklen_t len)
{
	if (level == KTLS__SOL_TLS && name == KTLS__TLS_TX)
		len--;
	return ktls__sys_linux.setsockopt(fd, level, name, val, len);
}

void cell_refuse_tx(void)
{
	table = *ktls__sys;
	table.setsockopt = short_tx;
	ktls__sys = &table;
}

static int no_ulp(int fd, int level, int name, const void *val, socklen_t len)
{
	if (level == KTLS__SOL_TCP && name == KTLS__TCP_ULP)
		return -ENOENT;
	return ktls__sys_linux.setsockopt(fd, level, name, val, len);
}

/* As on a kernel without TLS, whatever this one has. */
void cell_no_kernel(void)
{
	table = *ktls__sys;
	table.setsockopt = no_ulp;
	ktls__sys = &table;
}

static unsigned kernel_mask(const struct cell *cell, int dir)
{
	const struct ktls_features *features = cell->features;

	if (cell->version == KTLS_TLS_1_3)
		return dir == KTLS_TX ? features->tx_1_3 : features->rx_1_3;
	return dir == KTLS_TX ? features->tx_1_2 : features->rx_1_2;
}

enum ktls_choice cell_choice(const struct cell *cell, int dir)
{
	enum ktls_choice choice = dir == KTLS_TX ? cell->sc->tx : cell->sc->rx;

	if (cell->only == KTLS_LIBRARY)
		return KTLS_LIBRARY;
	if (cell->only == KTLS_USERSPACE && choice == KTLS_KERNEL)
		return KTLS_USERSPACE;
	return choice;
}

static struct expected why_not(const struct cell *cell, int dir)
{
	const struct scenario *sc = cell->sc;
	enum ktls_choice choice = cell_choice(cell, dir);
	struct expected no = { KTLS_PATH_USERSPACE, KTLS_REASON_NONE, 0 };

	if (choice == KTLS_LIBRARY) {
		no.path = KTLS_PATH_LIBRARY;
		no.reason = KTLS_REASON_POLICY;
	} else if (cell->openssl_on & dir) {
		no.path = KTLS_PATH_LIBRARY;
		no.reason = KTLS_REASON_ALREADY_ON;
	} else if (choice == KTLS_USERSPACE) {
		no.reason = KTLS_REASON_POLICY;
	} else if (cell->only) {
		no.reason = KTLS_REASON_NO_MODULE;
		no.err = ENOENT;
	} else if (sc->flags & CELL_HALF_CLOSE && sc->flags & CELL_LATE) {
		no.reason = KTLS_REASON_ATTACH;
		no.err = ENOTCONN;
	} else if (!(kernel_mask(cell, dir) & cell->aead->bit)) {
		no.reason = KTLS_REASON_KERNEL_SUITE;
	} else if (choice == KTLS_AUTO && dir == KTLS_RX &&
		   cell->version == KTLS_TLS_1_3 && !cell->features->rekey) {
		no.reason = KTLS_REASON_NO_REKEY;
	} else if (sc->flags & CELL_TX_REFUSED && dir == KTLS_TX) {
		no.reason = KTLS_REASON_INSTALL;
		no.err = EINVAL;
	} else {
		no.path = KTLS_PATH_KERNEL;
	}
	return no;
}

static void expect(struct cell *cell, int dir, const struct ktls_direction *is)
{
	struct expected want = why_not(cell, dir);
	const char *text = ktls_reason_name(is->reason);

	if (is->path != want.path || is->reason != want.reason)
		cell_failed(cell, dir == KTLS_TX ? "tx" : "rx",
			    (int)is->reason, text);
	cell_want(cell, (is->reason_errno < 0 ? -is->reason_errno :
						is->reason_errno) == want.err);
	cell_want(cell, is->error == 0);
	if (is->path != KTLS_PATH_KERNEL)
		return;
	if (dir == KTLS_TX)
		cell->verdict->tx_installs++;
	else
		cell->verdict->rx_installs++;
}

/* OpenSSL owns keys of this socket: whatever it has stays with it. */
static void expect_openssl(struct cell *cell, const struct ktls_conn_info *info)
{
	cell->verdict->inexact = 1;
	if (cell->only == KTLS_LIBRARY)
		return;
	cell_want(cell, info->tx.path == KTLS_PATH_LIBRARY);
	cell_want(cell, info->tx.reason == KTLS_REASON_ALREADY_ON);
	if (info->rx.path == KTLS_PATH_LIBRARY)
		cell_want(cell, info->rx.reason == KTLS_REASON_ALREADY_ON);
	else
		cell_want(cell, !(cell->openssl_on & KTLS_RX));
}

static uint16_t suite_id(const struct cell *cell)
{
	if (cell->version == KTLS_TLS_1_3)
		return cell->aead->id_1_3;
	return cell->sc->flags & CELL_PSK ? cell->aead->id_psk_1_2 :
					    cell->aead->id_1_2;
}

/* Without a prepared SSL_CTX a path is our guess, its reason not. */
static void expect_unprepared(struct cell *cell,
			      const struct ktls_conn_info *info)
{
	cell->verdict->inexact = 1;
	if (cell->version != KTLS_TLS_1_3 || cell->only == KTLS_LIBRARY)
		return;
	cell_want(cell, info->tx.path == KTLS_PATH_LIBRARY);
	cell_want(cell, info->rx.path == KTLS_PATH_LIBRARY);
	cell_want(cell, info->tx.reason == KTLS_REASON_NO_SECRETS ||
				info->tx.reason == KTLS_REASON_NOT_PREPARED);
}

static enum cells_where where_is(const struct ktls_conn_info *info)
{
	if (info->tx.path == KTLS_PATH_KERNEL ||
	    info->rx.path == KTLS_PATH_KERNEL)
		return CELLS_KERNEL;
	if (info->tx.path == KTLS_PATH_USERSPACE ||
	    info->rx.path == KTLS_PATH_USERSPACE)
		return CELLS_USERSPACE;
	return CELLS_LIBRARY;
}

void cell_expect_paths(struct cell *cell)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	int keep = cell->sc->flags & CELL_KEEP;

	cell_want(cell, ktls_info(cell->k, &info) == 0);
	cell->verdict->where = where_is(&info);
	cell_want(cell, info.version == cell->version);
	cell_want(cell, info.suite == suite_id(cell));
	cell_want(cell, info.server == cell->server);
	cell_want(cell, info.alert_received == -1 && info.alert_sent == -1);
	if (cell->openssl_on) {
		expect_openssl(cell, &info);
		return;
	}
	if (cell->sc->flags & CELL_UNPREPARED) {
		expect_unprepared(cell, &info);
		return;
	}
	expect(cell, KTLS_TX, &info.tx);
	expect(cell, KTLS_RX, &info.rx);
	if (info.tx.path == KTLS_PATH_LIBRARY ||
	    info.rx.path == KTLS_PATH_LIBRARY || keep)
		cell_want(cell, info.ssl_held == 1);
	else
		cell_want(cell, info.ssl_held == 0);
}
