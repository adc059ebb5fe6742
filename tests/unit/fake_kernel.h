/* SPDX-License-Identifier: MIT */
/*
 * A kernel TLS of our own over real TCP sockets, with a switch for every way
 * in which kernels and sandboxes differ: for what must be found by trying.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include "ktls/ktls.h"
#include "sys.h"

/* What it can do; fake_kernel() starts with all of it. */
struct fake_kernel {
	int ulp_unconnected; /* TCP_ULP before connect(): -ENOTCONN */
	int ulp;             /* TCP_ULP after it: 0 */
	unsigned tx[2];      /* masks of KTLS_CIPHER_*: TLS 1.2, TLS 1.3 */
	unsigned rx[2];
	int install_err;     /* where a mask has no such bit: -EINVAL */
	int rekey;
	unsigned options;    /* bit n: option n of SOL_TLS exists */
	int no_echo;         /* getsockopt(SOL_TLS) is ENOPROTOOPT */
	int no_encryption;   /* echoes the keys, but sends plaintext; 2: with
				the header and the length of a record */
	int forgets_options; /* takes them, and shows 0 */
	int socket_err;      /* socket() fails, unless 0 */
	int connect_err;
	/* what was asked of it */
	int n_sockets;
	int n_open;
	int n_installs;
};

extern struct fake_kernel fake_kernel_state;

/* A kernel that can do everything takes the place of the real one. */
void fake_kernel(void);

/* A sandbox where setsockopt() takes any option and nothing happens. */
void fake_kernel_gullible(void);

#endif
