/* SPDX-License-Identifier: MIT */
/*
 * KTLS_EXPECT_NO_PAD.  For TLS 1.3 the kernel learns the type of a record,
 * and where its data end, from the plaintext; so it decrypts into a buffer of
 * its own and copies.  Told to expect no padding it decrypts straight into
 * the reader's memory, and where it was wrong, once more its own way.  Data
 * are right in both cases: the option moves nothing but cost.
 *
 * A record in vain costs about one more decryption, several times the copy
 * that a good one saves.  So where padding is not rare the option is taken
 * back, for this connection and for good.  Linux counts padded records, but
 * for a whole network namespace only: padding on somebody else's connection
 * can take the option from this one, which then costs what it would have
 * cost without.  The reverse cannot be: what is padded here is counted.
 * (Records that are not data are decrypted twice as well, and not counted.
 * They are few: floods of them end the connection.)
 *
 * The file is that of our network namespace.  A socket that comes out of
 * another one is counted there and keeps the option whatever its peer does.
 */
#ifndef KTLS_NO_PAD_H
#define KTLS_NO_PAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: not in force. */
struct ktls__no_pad {
	uint32_t left;           /* bytes to receive until the next look */
	uint32_t count;          /* the namespace's at the last look */
	uint8_t shift;           /* 1 << shift bytes lie between the looks */
	bool counted;            /* there was a look, `count` is known */
	_Atomic bool in_force;   /* other threads ask for it */
};

/*
 * The keys of RX are in the kernel: ask for it.  A kernel that does not know
 * the option (before 6.0), and TLS 1.2, which has no padding, refuse: then it
 * is not in force, and that is all.  It lasts through changes of the keys.
 */
void ktls__no_pad_begin(int fd, struct ktls__no_pad *np);

/* ktls_read() has received so many bytes of data.  For the reading thread;
 * it is a comparison or two where there is nothing to look at yet. */
void ktls__no_pad_received(int fd, struct ktls__no_pad *np, size_t bytes);

/* From any thread. */
bool ktls__no_pad_in_force(const struct ktls__no_pad *np);

#endif
