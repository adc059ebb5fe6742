/* SPDX-License-Identifier: MIT */
/* The calls of struct ktls with waiting in place of -EAGAIN. */
#include "rig.h"

#include <check.h>
#include <errno.h>
#include <poll.h>

void rig_wait(struct rig *rig)
{
	struct pollfd pfd = { rig->fd, (short)ktls_events(rig->k), 0 };

	ck_assert_int_eq(ktls_fd(rig->k), rig->fd);
	ck_assert_int_ne(pfd.events, 0);
	ck_assert_int_eq(rig->config.nonblock, 1);
	poll(&pfd, 1, -1);
}

ssize_t rig_read(struct rig *rig, void *buf, size_t len)
{
	ssize_t n;

	while ((n = ktls_read(rig->k, buf, len)) == -EAGAIN)
		rig_wait(rig);
	return n;
}

/* Only ever called where there is room for the bytes in the end. */
ssize_t rig_write(struct rig *rig, const void *buf, size_t len)
{
	ssize_t n;

	while ((n = ktls_write(rig->k, buf, len, 0)) == -EAGAIN) {
		ck_assert_int_ne(ktls_events(rig->k) & POLLOUT, 0);
		rig_wait(rig);
	}
	return n;
}

int rig_alert(struct rig *rig, uint8_t description)
{
	int err;

	while ((err = ktls_alert(rig->k, description)) == -EAGAIN)
		rig_wait(rig);
	return err;
}

int rig_shutdown(struct rig *rig)
{
	int err;

	while ((err = ktls_shutdown(rig->k)) == -EAGAIN)
		rig_wait(rig);
	return err;
}

ssize_t rig_read_all(struct rig *rig, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = rig_read(rig, (char *)buf + have, len - have);

		if (n <= 0)
			return n;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

ssize_t rig_write_all(struct rig *rig, const void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = rig_write(rig, (const char *)buf + have,
				      len - have);

		if (n <= 0)
			return n;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

struct ktls_conn_info rig_info(struct rig *rig)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ck_assert_int_eq(ktls_info(rig->k, &info), 0);
	return info;
}

void rig_fill(void *buf, size_t len, uint64_t at)
{
	uint8_t *out = buf;
	size_t i;

	for (i = 0; i < len; i++, at++)
		out[i] = (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

int rig_same(const void *buf, size_t len, uint64_t at)
{
	const uint8_t *in = buf;
	size_t i;

	for (i = 0; i < len; i++, at++)
		if (in[i] != (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16)))
			return 0;
	return 1;
}
