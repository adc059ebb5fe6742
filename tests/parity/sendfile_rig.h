/* SPDX-License-Identifier: MIT */
/*
 * A rig of tests/kernel on every path, on the stand-in for kernel TLS too,
 * and files that change their size between two reads of one call.
 */
#ifndef SENDFILE_RIG_H
#define SENDFILE_RIG_H

#include "tests/kernel/rig.h"

/* Under reads_watch(): the n-th read of the file from now on finds it with
 * this size. */
void sendfile_change(int n, int fd, off_t size);

/* A file of rig_fill()'s bytes. */
int sendfile_make_file(off_t size);

int sendfile_variants(void);
void sendfile_start(struct rig *rig, int i);
void sendfile_stop(struct rig *rig);
void sendfile_small_buffer(struct rig *rig, int size);

/* What the peer reads now, of the pattern at `at`: bytes. */
size_t sendfile_drain(struct rig *rig, uint64_t at);
/* All of it comes with no further call of ours; a record that is held back
 * never does. */
void sendfile_arrives(struct rig *rig, size_t len, uint64_t at);
/* Until all is sent, or the file's end: bytes. */
size_t sendfile_send_all(struct rig *rig, int fd, off_t *off, size_t len,
			 int flags);

#endif
