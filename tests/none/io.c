/* SPDX-License-Identifier: MIT */
/* See none.h: what either end says, and what the other has to hear. */
#include <stdlib.h>
#include <string.h>

#include "none.h"

void fill(uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + i / 251);
}

void peer_send(const struct ends *e, uint8_t type, const void *buf, size_t len)
{
	expect_int(ktls_sock_send(e->peer, type, buf, len, 0), (long long)len);
}

void peer_expect(const struct ends *e, uint8_t type, const void *buf,
		 size_t len)
{
	uint8_t *got = malloc(len);
	size_t n = 0;

	while (n < len) {
		uint8_t is = 0;
		ssize_t more = ktls_sock_recv(e->peer, &is, got + n, len - n,
					      NULL);

		if (!expect(more > 0) || !expect_int(is, type))
			break;
		n += (size_t)more;
	}
	expect(n == len && memcmp(got, buf, len) == 0);
	free(got);
}

void peer_expect_alert(const struct ends *e, uint8_t level, uint8_t number)
{
	const uint8_t alert[] = { level, number };

	peer_expect(e, KTLS_RECORD_ALERT, alert, sizeof(alert));
}

void read_expect(struct ktls *k, const void *buf, size_t len)
{
	uint8_t *got = malloc(len);
	size_t n = 0;

	while (n < len) {
		ssize_t more = ktls_read(k, got + n, len - n);

		if (!expect(more > 0)) {
			expect_int(more, 1);
			break;
		}
		n += (size_t)more;
	}
	expect(n == len && memcmp(got, buf, len) == 0);
	free(got);
}

void write_all(struct ktls *k, const void *buf, size_t len)
{
	const uint8_t *at = buf;

	while (len > 0) {
		ssize_t n = ktls_write(k, at, len, 0);

		if (!expect(n > 0)) {
			expect_int(n, 1);
			break;
		}
		at += n;
		len -= (size_t)n;
	}
}
