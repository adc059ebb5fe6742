/* SPDX-License-Identifier: MIT */
/*
 * Both directions at once, a thread for each end of each, in chunks of random
 * size and by every call there is.  KTLS_SEED repeats a run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "rig.h"

#define TOTAL (1024 * 1024)
#define CHUNK 40000

struct lane {
	struct rig *rig;
	int file;
	uint64_t random;
};

/* How a thread ends that found something wrong. */
static void *fault(const char *what)
{
	return (void *)(uintptr_t)what;
}

static unsigned next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned)(*state >> 32);
}

/* Small ones often, to 40,000 bytes, never past the end. */
static size_t next_chunk(struct lane *lane, uint64_t at)
{
	unsigned bits = next_random(&lane->random) % 16;
	size_t len = next_random(&lane->random) % (1U << bits) + 1;

	if (len > CHUNK)
		len = CHUNK;
	return len < TOTAL - at ? len : (size_t)(TOTAL - at);
}

static ssize_t send_some(struct lane *lane, uint8_t *buf, size_t len,
			 uint64_t at)
{
	struct iovec iov[2] = { { buf, len / 3 },
				{ buf + len / 3, len - len / 3 } };
	off_t off = (off_t)at;

	switch (next_random(&lane->random) % 3) {
	case 0:
		return ktls_write(lane->rig->k, buf, len, 0);
	case 1:
		return ktls_writev(lane->rig->k, iov, 2, 0);
	default:
		return ktls_sendfile(lane->rig->k, lane->file, &off, len, 0);
	}
}

static void *our_writer(void *arg)
{
	struct lane *lane = arg;
	uint8_t buf[CHUNK];
	uint64_t at = 0;

	while (at < TOTAL) {
		size_t len = next_chunk(lane, at);
		ssize_t n;

		rig_fill(buf, len, at);
		n = send_some(lane, buf, len, at);
		if (n == -EAGAIN)
			rig_wait(lane->rig);
		else if (n <= 0)
			return fault("our write failed");
		else
			at += (uint64_t)n;
	}
	return rig_shutdown(lane->rig) ? fault("our shutdown failed") : NULL;
}

static void *our_reader(void *arg)
{
	struct lane *lane = arg;
	uint8_t buf[CHUNK];
	uint64_t at = 0;

	for (;;) {
		size_t len = next_chunk(lane, 0);
		struct iovec iov[2] = { { buf, len / 2 },
					{ buf + len / 2, len - len / 2 } };
		ssize_t n = len & 1 ? ktls_read(lane->rig->k, buf, len) :
				      ktls_readv(lane->rig->k, iov, 2);

		if (n == -EAGAIN) {
			rig_wait(lane->rig);
			continue;
		}
		if (n <= 0)
			return n == 0 && at == TOTAL ?
				       NULL : fault("our read failed");
		if (!rig_same(buf, (size_t)n, at))
			return fault("we read other bytes");
		at += (uint64_t)n;
	}
}

static void *peer_writer(void *arg)
{
	struct lane *lane = arg;
	uint8_t buf[CHUNK];
	uint64_t at = 0;

	while (at < TOTAL) {
		size_t len = next_chunk(lane, at);

		len = len > 16384 ? 16384 : len;
		rig_fill(buf, len, at);
		rig_send(lane->rig, KTLS_RECORD_DATA, buf, len);
		at += len;
	}
	rig_send_alert(lane->rig, 1, 0);
	return NULL;
}

static void *peer_reader(void *arg)
{
	struct lane *lane = arg;
	uint8_t buf[RIG_RECORD_MAX];
	uint64_t at = 0;
	uint8_t type = 0;

	for (;;) {
		ssize_t n = rig_recv(lane->rig, &type, buf);

		if (type == KTLS_RECORD_ALERT && n == 2 && at == TOTAL)
			return buf[1] == 0 ?
				       NULL : fault("the peer got an alert");
		if (n < 0 || type != KTLS_RECORD_DATA)
			return fault("the peer's read failed");
		if (!rig_same(buf, (size_t)n, at))
			return fault("the peer got other bytes");
		at += (uint64_t)n;
	}
}

static int make_file(void)
{
	int fd = memfd_create("soak", MFD_CLOEXEC);
	uint8_t *buf = malloc(TOTAL);

	rig_fill(buf, TOTAL, 0);
	ck_assert_int_eq(write(fd, buf, TOTAL), TOTAL);
	free(buf);
	return fd;
}

static uint64_t seed(void)
{
	const char *text = getenv("KTLS_SEED");

	return text ? strtoull(text, NULL, 0) : 20240607;
}

static void soak(struct rig *rig)
{
	static void *(*const run[4])(void *) = { our_writer, our_reader,
						 peer_writer, peer_reader };
	struct lane lanes[4];
	pthread_t threads[4];
	int file = make_file();
	void *result;
	int i;

	for (i = 0; i < 4; i++) {
		lanes[i].rig = rig;
		lanes[i].file = file;
		lanes[i].random = (seed() + (uint64_t)i) * 0x9e3779b97f4a7c15 |
				  1;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run[i],
						&lanes[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		ck_assert_msg(result == NULL, "%s, seed %llu",
			      (const char *)result,
			      (unsigned long long)seed());
	}
	close(file);
}

START_TEST(test_soak)
{
	struct rig rig;

	rig_start(&rig, _i);
	soak(&rig);
	ck_assert_uint_eq(rig_info(&rig).tx.bytes, TOTAL);
	ck_assert_uint_eq(rig_info(&rig).rx.bytes, TOTAL);
	rig_close(&rig);
}
END_TEST

START_TEST(test_soak_small_buffers)
{
	int size = 8192;
	struct rig rig;

	rig_start(&rig, _i);
	setsockopt(rig.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(rig.peer_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	soak(&rig);
	rig_close(&rig);
}
END_TEST

TCase *conn_soak_case(void)
{
	TCase *tcase = tcase_create("soak");

	tcase_set_timeout(tcase, 2 * CONN_LIMIT);
	conn_add(tcase, test_soak);
	conn_add(tcase, test_soak_small_buffers);
	return tcase;
}
