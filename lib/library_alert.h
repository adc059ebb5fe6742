/* SPDX-License-Identifier: MIT */
/* Alerts of our own: on the SSL, and in answer to a peer's fault. */
#ifndef KTLS_LIBRARY_ALERT_H
#define KTLS_LIBRARY_ALERT_H

#include "conn.h"

/* Any alert but close_notify, sent or queued; never waits. */
int ktls__library_alert(struct ktls *k, uint8_t description);

/* Reading on the kernel path has failed with err: the alert that this calls
 * for, if any, on whatever path TX has, as far as it goes without waiting. */
void ktls__tell_fault(struct ktls *k, int err);

#endif
