/* SPDX-License-Identifier: MIT */
/*
 * What a fuzz target gives, in libFuzzer's form: link it with
 * -fsanitize=fuzzer, or with target.c, which feeds it seeded inputs.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* An input that comes close to a good one: its length, at most `room`. */
size_t target_make(struct stream_random *r, uint8_t *out, size_t room);

/* A count that has to be more than 0 in the end; names it. */
unsigned long target_hits(const char **name);

#endif
