/* SPDX-License-Identifier: MIT */
/* TCP sockets on the loopback interface, for the probe. */
#ifndef KTLS_LOOPBACK_H
#define KTLS_LOOPBACK_H

/* The ends of a pair. */
enum {
	KTLS__CLIENT,
	KTLS__SERVER
};

/* A blocking TCP socket whose calls wait for a second at most, or -errno. */
int ktls__loopback_socket(int family);

/* Connect two of them over IPv4, or IPv6 where that fails.  0 or -errno. */
int ktls__loopback_pair(int pair[2]);

void ktls__loopback_close(const int pair[2]);

#endif
