/* SPDX-License-Identifier: MIT */
/* The rows of the hand-off matrix, and its three AEADs. */
#ifndef KTLS_TEST_SCENARIOS_H
#define KTLS_TEST_SCENARIOS_H

#include "cell.h"

extern const struct scenario scenarios[];
extern const size_t scenarios_n;

extern const struct aead_names aeads[];
extern const size_t aeads_n;

/* 1: the scenario exists for this suite, version and role. */
int scenario_has(const struct scenario *sc, const struct aead_names *aead,
		 int version, int server);

/* 1, and said so: this TLS library cannot do it. */
int scenario_lacks(const struct scenario *sc, const struct aead_names *aead,
		   int version, int server);

#endif
