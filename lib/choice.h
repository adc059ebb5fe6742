/* SPDX-License-Identifier: MIT */
/* What the operator wants: the environment variable KTLS_PATH. */
#ifndef KTLS_CHOICE_H
#define KTLS_CHOICE_H

#include "ktls/ktls.h"

/*
 * The grammar, without blanks, and nothing else is in it:
 *   value = path | "tx=" path | "rx=" path | both of these, by one comma
 *   path  = "auto" | "kernel" | "userspace" | "library"
 * What `text` says of a direction goes to *tx or *rx, and *set is the mask of
 * those; the other one stays.  0; -EINVAL: nothing has changed.
 */
int ktls__choice_parse(const char *text, enum ktls_choice *tx,
		       enum ktls_choice *rx, unsigned *set);

/* The same of KTLS_PATH.  Not there, or empty, it says nothing: 0. */
int ktls__choice_read(enum ktls_choice *tx, enum ktls_choice *rx,
		      unsigned *set);

#endif
