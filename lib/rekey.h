/* SPDX-License-Identifier: MIT */
/* The next generation of a direction's keys, whoever encrypts it. */
#ifndef KTLS_REKEY_H
#define KTLS_REKEY_H

#include "conn.h"

/* `dir`, KTLS_TX or KTLS_RX, not on the SSL, goes on under the keys behind its
 * next secret.  0; -ENOMEM, -EBUSY (this kernel cannot), -KTLS_ECRYPTO and
 * other errors: it has the keys that it had. */
int ktls__rekey(struct ktls *k, int dir);

#endif
