/* SPDX-License-Identifier: MIT */
/*
 * The result of each cell of a matrix, as a line for those who make a table
 * of many:
 *   cell<TAB>STACK<TAB>1.2|1.3<TAB>client|server<TAB>SUITE<TAB>WHERE<TAB>pass
 * or the reason in place of "pass".  WHERE is the kernel's release where it
 * has the keys of one direction at least, else "userspace" or "library", or
 * "no hand-off" where the test failed before there was one.
 * With KTLS_CELLS=short in the environment all cells that are alike in these
 * are one line.
 */
#ifndef KTLS_TEST_CELLS_H
#define KTLS_TEST_CELLS_H

/* Where the record layer was, as far as it came: the last that applies. */
enum cells_where {
	CELLS_NOWHERE, /* also before anything is known */
	CELLS_LIBRARY,
	CELLS_USERSPACE,
	CELLS_KERNEL
};

/* `suite` as AES-128-GCM; constant.  `why` NULL: passed. */
void cells_add(int version, int server, const char *suite,
	       enum cells_where where, const char *why);

/* What has been kept for its line. */
void cells_end(void);

#endif
