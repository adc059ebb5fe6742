/* SPDX-License-Identifier: MIT */
/* Alerts of our own, on every path. */
#ifndef KTLS_ALERT_H
#define KTLS_ALERT_H

#include "conn.h"
#include "output.h"

/* The fatal alert for a failure of what was received; -1: none. */
int ktls__alert_for(int err);

/*
 * Any alert but close_notify, from any thread, never waiting.  0: sent, or
 * in the queue; -EAGAIN, -ENOMEM: not sent; -EOPNOTSUPP: this SSL has no way;
 * other errors are final for TX, not latched.
 */
int ktls__alert_put(struct ktls *k, uint8_t description);

/* The same by the reading thread: what does not go out now is sent by a later
 * call, where that is possible at all. */
void ktls__alert_say(struct ktls *k, uint8_t description);

/* Reading has failed with err: the alert that this calls for, if any, as far
 * as it goes without waiting.  No receive may come before it: the kernel
 * would latch its error again. */
void ktls__alert_fault(struct ktls *k, int err);

#endif
