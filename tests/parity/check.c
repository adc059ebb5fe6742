/* SPDX-License-Identifier: MIT */
/* What holds after every call: the model's counts, and what to wait for. */
#include <poll.h>

#include "parity.h"

volatile sig_atomic_t parity_signals;

static int check_counts(struct parity_conn *c,
			const struct ktls_conn_info *info)
{
	if (info->tx.bytes != c->counted)
		return parity_fail(c, "info counts %llu bytes out, it were %zu",
				   (unsigned long long)info->tx.bytes,
				   c->counted);
	if (info->rx.bytes != c->read)
		return parity_fail(c, "info counts %llu bytes in, it were %zu",
				   (unsigned long long)info->rx.bytes, c->read);
	/* One that was sealed for a dead connection has a number, too. */
	if (info->alerts_sent != c->alerts && !c->peer.gone)
		return parity_fail(c, "info counts %llu alerts, it were %u",
				   (unsigned long long)info->alerts_sent,
				   c->alerts);
	if (info->key_updates_sent < c->updates)
		return parity_fail(c, "info counts %llu key updates of %u",
				   (unsigned long long)info->key_updates_sent,
				   c->updates);
	return 0;
}

static int check_paths(struct parity_conn *c, const struct ktls_conn_info *info)
{
	if ((int)info->tx.path != (int)c->paths.tx ||
	    (int)info->rx.path != (int)c->paths.rx)
		return parity_fail(c, "the paths are %s and %s",
				   ktls_path_name(info->tx.path),
				   ktls_path_name(info->rx.path));
	if (info->version != c->script->version ||
	    info->server != c->script->server)
		return parity_fail(c, "info tells version %x, server %d",
				   info->version, info->server);
	if (c->tx_end == 0 && info->tx.error != 0)
		return parity_fail(c, "info tells %s of tx",
				   ktls_strerror(info->tx.error));
	/* A look ahead has found the end, perhaps. */
	if (info->rx.error != 0 &&
	    (!c->rx_has_end || (c->rx_end != PARITY_DEAD &&
				info->rx.error != c->rx_end)))
		return parity_fail(c, "info tells %s of rx",
				   ktls_strerror(info->rx.error));
	return 0;
}

static int check_events(struct parity_conn *c)
{
	int events = ktls_events(c->k);

	if (c->rx_over && (events & POLLIN))
		return parity_fail(c, "POLLIN after the end");
	if (!c->rx_has_end && !(events & POLLIN))
		return parity_fail(c, "no POLLIN: events are %d", events);
	/* Nothing waits for room where there is enough of it. */
	if (!c->script->tight && !c->script->disturb && !c->asked &&
	    !c->abandoned &&
	    c->tx_end == 0 && (events & POLLOUT))
		return parity_fail(c, "POLLOUT, and all is written");
	return 0;
}

static int check_pending(struct parity_conn *c)
{
	size_t n = ktls_pending(c->k);

	if (n > c->wire_bytes)
		return parity_fail(c, "%zu are pending, %zu were sent", n,
				   c->wire_bytes);
	if (c->read == c->sent && !c->peer_said && !c->rx_has_end && n > 0)
		return parity_fail(c, "%zu are pending, and all is read", n);
	return 0;
}

int parity_check(struct parity_conn *c)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	if (parity_signals) {
		parity_signals = 0;
		return parity_fail(c, "SIGPIPE was raised");
	}
	if (ktls_info(c->k, &info))
		return parity_fail(c, "no info");
	/* A look ahead that met a fatal end has ended writing as well. */
	if (c->tx_end == 0 && c->rx_has_end && info.tx.error != 0 &&
	    info.tx.error == c->rx_end && c->rx_end != -KTLS_ETRUNCATED)
		c->tx_end = c->rx_end;
	if (check_paths(c, &info))
		return -1;
	if (c->lingered)
		return 0;
	/* A fault that was read has an alert of the library's own. */
	if (c->rx_has_end && c->rx_end == -KTLS_EBADRECORD)
		c->alerts = (unsigned)info.alerts_sent;
	if (check_counts(c, &info))
		return -1;
	return check_events(c) || check_pending(c) ? -1 : 0;
}
