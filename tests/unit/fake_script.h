/* SPDX-License-Identifier: MIT */
/* Between the queues of fake_sys.c and the calls of fake_calls.c. */
#ifndef FAKE_SCRIPT_H
#define FAKE_SCRIPT_H

#include "fake_sys.h"

struct fake_scripted {
	long result;
	int real;
	int record_type; /* -1: no control data */
	int msg_flags;
	size_t len;
	uint8_t data[FAKE_KEEP];
};

/* Begin a log entry. */
struct fake_log *fake_enter(enum fake_call call, int fd);

/* What was passed in. */
void fake_keep(struct fake_log *entry, const void *at, size_t len);

/* The scripted result of this call; NULL: ask the real kernel. */
const struct fake_scripted *fake_next(const struct fake_log *entry);

/* End a log entry; returns result. */
long fake_done(struct fake_log *entry, long result);

/* A test is the same on every machine: no file is there, nothing is set. */
ssize_t fake_read_file(const char *path, void *buf, size_t len);
const char *fake_getenv(const char *name);

extern const struct ktls__sys fake_table;

#endif
