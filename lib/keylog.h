/* SPDX-License-Identifier: MIT */
/* One line of the key log (draft-ietf-tls-keylogfile) -> traffic secret. */
#ifndef KTLS_KEYLOG_H
#define KTLS_KEYLOG_H

#include <stddef.h>
#include <stdint.h>

#define KTLS__SECRET_MAX 48

struct ktls__keylog {
	int server; /* 1: the secret that the server writes with */
	size_t len; /* 32 or 48 bytes */
	uint8_t secret[KTLS__SECRET_MAX];
};

/*
 * 1: the line is CLIENT_ or SERVER_TRAFFIC_SECRET_0 and *out is filled, the
 * caller wipes it; 0: any other line, or a malformed one, *out is all zero.
 */
int ktls__keylog_parse(struct ktls__keylog *out, const char *line);

#endif
