/* SPDX-License-Identifier: MIT */
/* Between the peer's SSL and its socket. */
#ifndef FAULT_PEER_H
#define FAULT_PEER_H

#include <stddef.h>

/* Our socket, the peer's, and no byte on them.  0 or -1. */
int fault_wire_open(void);
void fault_wire_close(void);

/* What the peer has sealed.  0 or -1. */
int fault_wire_send(const void *buf, size_t len);
void fault_wire_fin(void);

/* What has come goes to its SSL: 1; 0: nothing has. */
int fault_wire_take(void);

#endif
