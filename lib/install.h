/* SPDX-License-Identifier: MIT */
/* The commit point of a hand-off. */
#ifndef KTLS_INSTALL_H
#define KTLS_INSTALL_H

#include "conn.h"

/* Give each direction that leaves the SSL its keys, where it goes: a refusal
 * sends it elsewhere, with the reason, and no record is lost. */
void ktls__install(struct ktls *k);

#endif
