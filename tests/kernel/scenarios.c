/* SPDX-License-Identifier: MIT */
/* The rows of the hand-off matrix, and its three AEADs. */
#include "scenarios.h"

#include <stdio.h>
#include <string.h>

#include "tests/tls_calls.h"

#define BOTH KTLS_KERNEL, KTLS_KERNEL
#define SELF KTLS_USERSPACE, KTLS_USERSPACE
#define STAY KTLS_LIBRARY, KTLS_LIBRARY
#define THEIRS CELL_KEYUPDATE
#define WANTED (CELL_KEYUPDATE | CELL_REQUESTED)
#define V12 KTLS_TLS_1_2
#define V13 KTLS_TLS_1_3

const struct aead_names aeads[] = {
	{ "AES128-GCM", KTLS_CIPHER_AES_128_GCM, "TLS_AES_128_GCM_SHA256",
	  "ECDHE-ECDSA-AES128-GCM-SHA256", "PSK-AES128-GCM-SHA256", 0x1301,
	  0xc02b, 0x00a8, "AES-128-GCM" },
	{ "AES256-GCM", KTLS_CIPHER_AES_256_GCM, "TLS_AES_256_GCM_SHA384",
	  "ECDHE-ECDSA-AES256-GCM-SHA384", "PSK-AES256-GCM-SHA384", 0x1302,
	  0xc02c, 0x00a9, "AES-256-GCM" },
	{ "CHACHA20", KTLS_CIPHER_CHACHA20_POLY1305,
	  "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
	  "ECDHE-PSK-CHACHA20-POLY1305", 0x1303, 0xcca9, 0xccac,
	  "CHACHA20-POLY1305" }
};
const size_t aeads_n = sizeof(aeads) / sizeof(aeads[0]);

/*
 * KeyUpdates stand last: on a kernel that cannot change keys a record that
 * came after one counts as a TlsDecryptError.
 */
const struct scenario scenarios[] = {
	{ "full", 0, CELL_BOTH, 0, BOTH },
	{ "automatic choice", 0, CELL_BOTH, 0, KTLS_AUTO, KTLS_AUTO },
	{ "userspace", 0, CELL_BOTH, 0, SELF },
	{ "userspace, exchanges first", CELL_EXCHANGES, CELL_BOTH, 0, SELF },
	{ "userspace, nonblocking", CELL_EXCHANGES | CELL_NONBLOCK,
	  CELL_BOTH, 0, SELF },
	{ "userspace, memory BIOs", CELL_MEMORY | CELL_HALF_RECORD,
	  CELL_BOTH, 0, SELF },
	{ "userspace, read_ahead=1", CELL_READ_AHEAD | CELL_NONBLOCK,
	  CELL_BOTH, 0, SELF },
	{ "userspace, resumed", CELL_RESUME, CELL_BOTH, 0, SELF },
	{ "userspace, 0-RTT accepted", CELL_EARLY, CELL_BOTH, V13, SELF },
	{ "resumed", CELL_RESUME, CELL_BOTH, 0, BOTH },
	{ "HelloRetryRequest", CELL_HELLO_RETRY, CELL_BOTH, V13, BOTH },
	{ "client certificate", CELL_CLIENT_CERT, CELL_BOTH, 0, BOTH },
	{ "external PSK", CELL_PSK, CELL_BOTH, 0, BOTH },
	{ "3 exchanges first", CELL_EXCHANGES, CELL_BOTH, 0, BOTH },
	{ "3 exchanges, nonblocking", CELL_EXCHANGES | CELL_NONBLOCK,
	  CELL_BOTH, 0, BOTH },
	{ "read_ahead=1", CELL_READ_AHEAD, CELL_BOTH, 0, BOTH },
	{ "read_ahead=1, nonblocking", CELL_READ_AHEAD | CELL_NONBLOCK,
	  CELL_BOTH, 0, BOTH },
	{ "unread data in the SSL", CELL_EXCHANGES | CELL_UNREAD, CELL_BOTH,
	  0, BOTH },
	{ "unread data, nonblocking", CELL_EXCHANGES | CELL_UNREAD |
	  CELL_NONBLOCK, CELL_BOTH, 0, SELF },
	{ "memory BIOs", CELL_MEMORY, CELL_BOTH, 0, BOTH },
	{ "memory BIOs, half a record", CELL_MEMORY | CELL_HALF_RECORD,
	  CELL_BOTH, 0, BOTH },
	{ "0-RTT accepted", CELL_EARLY, CELL_BOTH, V13, BOTH },
	{ "num_tickets=0", CELL_NO_TICKETS, CELL_BOTH, V13, BOTH },
	{ "ULP attached late", CELL_LATE, CELL_BOTH, 0, BOTH },
	{ "ULP attached twice", CELL_ATTACHED, CELL_BOTH, 0, BOTH },
	{ "TX only", 0, CELL_BOTH, 0, KTLS_KERNEL, KTLS_LIBRARY },
	{ "RX only", 0, CELL_BOTH, 0, KTLS_LIBRARY, KTLS_KERNEL },
	{ "TX only, exchanges first", CELL_EXCHANGES, CELL_BOTH, 0,
	  KTLS_KERNEL, KTLS_LIBRARY },
	{ "TX only, memory BIOs", CELL_MEMORY, CELL_BOTH, 0, KTLS_KERNEL,
	  KTLS_LIBRARY },
	{ "RX only, memory BIOs", CELL_MEMORY, CELL_BOTH, 0, KTLS_LIBRARY,
	  KTLS_KERNEL },
	{ "TX refused, RX in the SSL", CELL_TX_REFUSED, CELL_BOTH, 0,
	  KTLS_KERNEL, KTLS_LIBRARY },
	{ "TX refused, RX in the kernel", CELL_TX_REFUSED, CELL_BOTH, 0,
	  BOTH },
	{ "TX refused, memory BIOs", CELL_TX_REFUSED | CELL_MEMORY, CELL_BOTH,
	  0, BOTH },
	{ "TX only, RX in userspace", CELL_EXCHANGES, CELL_BOTH, 0,
	  KTLS_KERNEL, KTLS_USERSPACE },
	{ "RX only, TX in userspace", CELL_EXCHANGES, CELL_BOTH, 0,
	  KTLS_USERSPACE, KTLS_KERNEL },
	{ "TX in userspace, RX in the SSL", CELL_EXCHANGES, CELL_BOTH, 0,
	  KTLS_USERSPACE, KTLS_LIBRARY },
	{ "RX in userspace, TX in the SSL", CELL_EXCHANGES, CELL_BOTH, 0,
	  KTLS_LIBRARY, KTLS_USERSPACE },
	{ "SNI to another SSL_CTX", CELL_SNI, CELL_SERVER, 0, BOTH },
	{ "SNI to an unprepared one", CELL_SNI | CELL_UNPREPARED, CELL_SERVER,
	  0, BOTH },
	{ "half-closed, attached early", CELL_HALF_CLOSE, CELL_BOTH, 0, BOTH },
	{ "half-closed, attached late", CELL_HALF_CLOSE | CELL_LATE,
	  CELL_BOTH, 0, BOTH },
	{ "application's callbacks", CELL_CALLBACKS, CELL_BOTH, 0, BOTH },
	{ "freed at once, then resumed", CELL_FREED, CELL_BOTH, 0, BOTH },
	{ "freed at once, SSL in use", CELL_FREED, CELL_BOTH, 0,
	  KTLS_LIBRARY, KTLS_LIBRARY },
	{ "SSL kept", CELL_KEEP, CELL_BOTH, 0, BOTH },
	{ "userspace, SSL kept", CELL_KEEP, CELL_BOTH, 0, SELF },
	{ "SSL given away", CELL_TAKE, CELL_BOTH, 0, BOTH },
	{ "given away, then resumed", CELL_TAKE | CELL_FREED, CELL_BOTH, 0,
	  BOTH },
	{ "given away, SSL in use", CELL_TAKE | CELL_FREED, CELL_BOTH, 0,
	  STAY },
	{ "given away, SSL kept", CELL_TAKE | CELL_KEEP, CELL_BOTH, 0, SELF },
	{ "ENABLE_KTLS set before", CELL_KTLS_OPTION, CELL_BOTH, 0, BOTH },
	{ "ENABLE_KTLS by openssl.cnf", CELL_KTLS_CONF, CELL_BOTH, 0, BOTH },
	{ "ENABLE_KTLS set again", CELL_KTLS_AGAIN, CELL_BOTH, 0, BOTH },
	{ "renegotiated before", CELL_RENEGOTIATE, CELL_BOTH, V12, BOTH },
	{ "KeyUpdate of ours, kernel", CELL_OURS, CELL_BOTH, V13, BOTH },
	{ "KeyUpdate of ours, userspace", CELL_OURS, CELL_BOTH, V13, SELF },
	{ "KeyUpdate of ours, SSL", CELL_OURS, CELL_BOTH, V13, STAY },
	{ "KeyUpdate, all in the SSL", THEIRS, CELL_BOTH, V13,
	  STAY },
	{ "KeyUpdate wanted, all in the SSL", WANTED, CELL_BOTH, V13,
	  STAY },
	{ "KeyUpdate, userspace", THEIRS, CELL_BOTH, V13,
	  SELF },
	{ "KeyUpdate wanted, userspace", WANTED, CELL_BOTH, V13,
	  SELF },
	{ "KeyUpdate, RX in the SSL", THEIRS, CELL_BOTH, V13,
	  KTLS_KERNEL, KTLS_LIBRARY },
	{ "KeyUpdate wanted, RX in the SSL", WANTED, CELL_BOTH, V13,
	  KTLS_KERNEL, KTLS_LIBRARY },
	{ "KeyUpdate, RX in userspace", THEIRS, CELL_BOTH, V13,
	  KTLS_KERNEL, KTLS_USERSPACE },
	{ "KeyUpdate wanted, RX in userspace", WANTED, CELL_BOTH, V13,
	  KTLS_KERNEL, KTLS_USERSPACE },
	{ "KeyUpdate, TX in the SSL", THEIRS, CELL_BOTH, V13,
	  KTLS_LIBRARY, KTLS_USERSPACE },
	{ "KeyUpdate wanted, TX in the SSL", WANTED, CELL_BOTH, V13,
	  KTLS_LIBRARY, KTLS_USERSPACE },
	{ "KeyUpdate, TX in userspace", THEIRS, CELL_BOTH, V13,
	  KTLS_USERSPACE, KTLS_LIBRARY },
	{ "KeyUpdate wanted, TX in userspace", WANTED, CELL_BOTH, V13,
	  KTLS_USERSPACE, KTLS_LIBRARY },
	{ "KeyUpdate, automatic", THEIRS, CELL_BOTH, V13,
	  KTLS_AUTO, KTLS_AUTO },
	{ "KeyUpdate wanted, automatic", WANTED, CELL_BOTH, V13,
	  KTLS_AUTO, KTLS_AUTO },
	{ "KeyUpdate wanted, unanswered", WANTED | CELL_UNANSWERED,
	  CELL_BOTH, V13, KTLS_AUTO, KTLS_AUTO },
	{ "KeyUpdate wanted, SSL unanswered", WANTED | CELL_UNANSWERED,
	  CELL_BOTH, V13, KTLS_KERNEL, KTLS_LIBRARY },
	{ "KeyUpdates of both, automatic", THEIRS | CELL_OURS, CELL_BOTH,
	  V13, KTLS_AUTO, KTLS_AUTO },
	{ "KeyUpdates of both, userspace", WANTED | CELL_OURS, CELL_BOTH,
	  V13, SELF },
	{ "KeyUpdates of both, SSL", WANTED | CELL_OURS, CELL_BOTH, V13,
	  STAY },
	{ "KeyUpdate, RX in the kernel", THEIRS, CELL_BOTH, V13, BOTH },
	{ "KeyUpdate wanted, RX in the kernel", WANTED, CELL_BOTH, V13,
	  BOTH }
};
const size_t scenarios_n = sizeof(scenarios) / sizeof(scenarios[0]);

int scenario_has(const struct scenario *sc, const struct aead_names *aead,
		 int version, int server)
{
	if (sc->only && sc->only != version)
		return 0;
	/* an external PSK given as bytes alone goes with SHA-256 */
	if (sc->flags & CELL_PSK && version == V13 &&
	    aead->bit == KTLS_CIPHER_AES_256_GCM)
		return 0;
	return (int)sc->roles & (server ? CELL_SERVER : CELL_CLIENT);
}

/* Both ends are this library's own: see cell_halfclose.c. */
static int not_of_two(const struct scenario *sc, const struct aead_names *aead,
		      int version)
{
	return sc->flags & CELL_HALF_CLOSE && version == V13 &&
	       !tls_has(TLS_CHOICE_1_3) &&
	       strcmp(aead->suite_1_3, tls_suite_of_two()) != 0;
}

int scenario_lacks(const struct scenario *sc, const struct aead_names *aead,
		   int version, int server)
{
	const unsigned flags = sc->flags;
	const int is_gcm = aead->bit != KTLS_CIPHER_CHACHA20_POLY1305;
	char what[160];

	snprintf(what, sizeof(what), "%s, %s, TLS 1.%d, %s", sc->name,
		 aead->name, (version & 0xff) - 1,
		 server ? "server" : "client");
	if (flags & CELL_PSK && version == V13)
		return tls_lacks(TLS_PSK_1_3, what);
	if (flags & CELL_PSK && is_gcm)
		return tls_lacks(TLS_PSK_GCM, what);
	if (flags & CELL_FREED && version == V13 && server)
		return tls_lacks(TLS_STATEFUL_1_3, what);
	if (flags & CELL_READ_AHEAD)
		return tls_lacks(TLS_READ_AHEAD, what);
	if (flags & CELL_RENEGOTIATE)
		return tls_lacks(TLS_RENEGOTIATION, what);
	if (flags & (CELL_KTLS_OPTION | CELL_KTLS_CONF | CELL_KTLS_AGAIN))
		return tls_lacks(TLS_KTLS, what);
	return not_of_two(sc, aead, version) &&
	       tls_lacks(TLS_CHOICE_1_3, what);
}
