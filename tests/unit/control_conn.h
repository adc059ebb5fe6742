/* SPDX-License-Identifier: MIT */
/* A connection without a socket, for what arrives on it besides data. */
#ifndef CONTROL_CONN_H
#define CONTROL_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "conn.h"

#define ALERT KTLS_RECORD_ALERT
#define HANDSHAKE KTLS_RECORD_HANDSHAKE

/* Of each run of control records. */
#define CONTROL_RUN 3

/* Userspace in both directions, no SSL, keys of secrets that are known; the
 * socket is FAKE_FD, and the fake system calls are in place. */
void control_open(struct ktls *k, uint16_t version, int server);
void control_close(struct ktls *k);

/* One record, delivered in pieces of `step` bytes. */
int control_take(struct ktls *k, uint8_t type, const void *data, size_t len,
		 size_t step);

/* RX is under the key that `updates` KeyUpdates lead to. */
void control_followed(struct ktls *k, int updates);

struct control_events {
	int n;
	enum ktls_event_type last;
	int value;
	uint8_t data[64];
	size_t len;
};
void control_listen(struct ktls *k, struct control_events *seen);

#endif
