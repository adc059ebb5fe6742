/* SPDX-License-Identifier: MIT */
/* The answers of the library's calls, and what an application does then. */
#ifndef FAULT_ANSWER_H
#define FAULT_ANSWER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Calls until the answer is neither -EAGAIN, -EINTR nor a passing -ENOMEM:
 * that is what the call gives; -1: the script ends, for a final error that
 * the fault explains, or with what is wrong. */
ssize_t fault_answer(ssize_t (*call)(size_t arg), size_t arg);

/* 0: TX can change its keys; else what ktls_update_keys() has to say. */
int fault_can_rekey(void);

/* Our stream, FAULT_FILE_LEN bytes from its beginning. */
extern const uint8_t *fault_pattern;

#endif
