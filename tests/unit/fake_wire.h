/* SPDX-License-Identifier: MIT */
/*
 * A socket that only receives, without the limits of fake_sys.h: a test puts
 * bytes on the wire, says in which pieces they come, and what comes between.
 */
#ifndef FAKE_WIRE_H
#define FAKE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "fake_sys.h"
#include "sealer.h"

/* An empty wire behind FAKE_FD.  Where it ends recvmsg() says -EAGAIN. */
void fake_wire(void);
void fake_wire_end(void);

/* More bytes. */
void fake_wire_put(const void *bytes, size_t len);

/* More records, sealed; one padded as TLS 1.3 allows. */
void fake_wire_seal(struct ktls__sealer *s, uint8_t type, const void *bytes,
		    size_t len);
void fake_wire_seal_padded(struct ktls__sealer *s, uint8_t type,
			   const void *bytes, size_t len, size_t padding);

/* What came so far, to be changed before it is read. */
uint8_t *fake_wire_bytes(void);
size_t fake_wire_len(void);

/* Behind so many bytes, not before an earlier one: an error once, or the FIN
 * (0) for good. */
void fake_wire_result(size_t at, int result);

/* Pieces of so many bytes at most (SIZE_MAX at first); 0: of random length,
 * and now and then -EAGAIN or -EINTR. */
void fake_wire_pieces(size_t most);

/* The same bytes and results once more, from the beginning. */
void fake_wire_rewind(void);

/* How often recvmsg() was called, and of the last call: room and flags. */
size_t fake_wire_calls(void);
size_t fake_wire_room(void);
int fake_wire_flags(void);

/* The next random number: the same ones in each test. */
uint32_t fake_wire_random(void);

#endif
