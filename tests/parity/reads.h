/* SPDX-License-Identifier: MIT */
/* Reads of a file, counted: something becomes of it between two of them. */
#ifndef PARITY_READS_H
#define PARITY_READS_H

/* Lay this over the table of system calls, and take it off again. */
void reads_watch(void);
void reads_unwatch(void);

/* Before the n-th read of `fd` from now on, whoever makes it; n 0: never. */
void reads_at(int n, int fd, void (*then)(int fd));

#endif
