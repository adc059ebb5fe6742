/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into gnutls-cli by the end-to-end tests: its setbuf() would cost
 * a system call per byte received, minutes for a large file in an emulator.
 *
 *   cc -shared -fPIC buffered_stdout.c -o buffered_stdout.so
 */
#include <stdio.h>

void setbuf(FILE *stream, char *buf)
{
	(void)stream;
	(void)buf;
}
