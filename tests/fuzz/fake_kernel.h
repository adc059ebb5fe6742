/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for kernel TLS: a table for ktls__sys that seals and opens the
 * records of chosen sockets in userspace, over real TCP, with the kernel's
 * errnos.  The fuzz test runs on it where the host's kernel has no TLS.
 *
 * It can also be laid over a kernel that has TLS: then it only refuses and
 * disturbs calls, as told.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct fake_options {
	int real;           /* the kernel does TLS itself: pass calls on */
	int rekey;          /* TLS 1.3 keys can be replaced, as since 6.14 */
	size_t tx_list_max; /* sealed bytes that may wait for TCP: more means
			     * that sends wait */
};

/* Everything since fake_kernel_start(). */
struct fake_stats {
	unsigned long attached;
	unsigned long installed_tx;
	unsigned long installed_rx;
	unsigned long refused;
	unsigned long sealed;     /* records */
	unsigned long opened;     /* records */
	unsigned long queued;     /* sends that left ciphertext waiting */
	unsigned long faults;     /* calls that were made to fail */
	unsigned long cuts;       /* calls that were made shorter */
	unsigned long rekeyed;    /* keys that took another's place */
};

/* What fake_kernel_refuse() refuses; KTLS_TX and KTLS_RX are the others. */
#define FAKE_ULP 0

/* Put the table in place, as ktls__sys.  Before any other call of the
 * library, and once per process. */
void fake_kernel_start(const struct fake_options *options);

/* Errors and short counts for the watched sockets: one call in `one_in`, in
 * an order that follows from the seed; 0: none. */
void fake_kernel_disturb(uint64_t seed, unsigned one_in);
void fake_kernel_watch(int fd);

/* From now on, answer TCP_ULP (FAKE_ULP), TLS_TX (KTLS_TX) or TLS_RX
 * (KTLS_RX) on this socket with -err. */
void fake_kernel_refuse(int fd, int what, int err);

/* What the kernel's worker does: hand ciphertext that waits over to TCP.
 * Returns the bytes that wait still. */
size_t fake_kernel_push(int fd);

/* The descriptor was closed behind the table's back, or is new. */
void fake_kernel_forget(int fd);

/* The next sendfile() on this socket stops behind the page that holds its
 * first `len` bytes, with a record open, like one that meets a full TCP. */
void fake_kernel_cut_file(int fd, size_t len);

/* Called before each record is sealed; NULL: nobody wants to know. */
struct ktls_keys;
void fake_kernel_on_seal(void (*call)(const struct ktls_keys *keys,
				      uint8_t type, const void *plain,
				      size_t len));

struct fake_stats fake_kernel_stats(void);

#endif
