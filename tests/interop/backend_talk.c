/* SPDX-License-Identifier: MIT */
/* Messages with their lengths and hashes in front; both sides know whose turn
 * it is, so that blocking calls do. */
#include "backend_talk.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

struct head {
	uint64_t len;
	uint8_t hash[SHA256_DIGEST_LENGTH];
};

#define LONGEST 1048577

static const size_t lengths[] = {
	1, 0, 2, 100, 4096, 16383, 16384, 16385, 32769, 100000, LONGEST, 7
};

#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static uint8_t buffer[LONGEST];

/* No two messages are alike, nor their parts. */
static void fill(const struct talk *t, size_t len)
{
	uint64_t x = t->sent * 2654435761U + (t->client ? 1 : 2);
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 6364136223846793005U + 1442695040888963407U;
		buffer[i] = (uint8_t)(x >> 56);
	}
}

static int write_all(struct talk *t, const void *buf, size_t len, int flags)
{
	const uint8_t *at = buf;
	ssize_t n;

	while (len > 0) {
		n = ktls_write(t->k, at, len, flags);
		if (n < 0 && n != -EINTR)
			return (int)n;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int read_all(struct talk *t, void *buf, size_t len)
{
	uint8_t *at = buf;
	ssize_t n;

	while (len > 0) {
		n = ktls_read(t->k, at, len);
		if (n == 0)
			return -ENODATA;
		if (n < 0 && n != -EINTR)
			return (int)n;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Head, and new keys before what it promises; every other update asks for one
 * of the peer's. */
static int send_head(struct talk *t, const uint8_t *data, size_t len)
{
	struct head head = { .len = len };
	int err;

	t->doing = "head";
	SHA256(data, len, head.hash);
	err = write_all(t, &head, sizeof(head), len > 0 ? KTLS_MORE : 0);
	if (err < 0 || !t->updates)
		return err;
	t->doing = "key update";
	return ktls_update_keys(t->k, t->sent % 2 ? KTLS_UPDATE_REQUESTED : 0);
}

static int send_message(struct talk *t, size_t len)
{
	int err;

	fill(t, len);
	err = send_head(t, buffer, len);
	t->sent++;
	t->doing = "message";
	/* three calls, of which only the last one says that it is */
	if (err == 0)
		err = write_all(t, buffer, len / 3, KTLS_MORE);
	if (err == 0)
		err = write_all(t, buffer + len / 3, len / 3, KTLS_MORE);
	if (err == 0)
		err = write_all(t, buffer + len / 3 * 2, len - len / 3 * 2, 0);
	return err;
}

static int send_file(struct talk *t)
{
	struct stat st;
	off_t offset = 0;
	ssize_t n;
	int err;

	t->doing = "file";
	if (fstat(t->file, &st) < 0)
		return -errno;
	if (st.st_size > LONGEST ||
	    pread(t->file, buffer, LONGEST, 0) != st.st_size)
		return -EFBIG;
	err = send_head(t, buffer, (size_t)st.st_size);
	t->doing = "file";
	while (err == 0 && offset < st.st_size) {
		n = ktls_sendfile(t->k, t->file, &offset,
				  (size_t)(st.st_size - offset), 0);
		if (n == 0)
			err = -ENODATA;
		if (n < 0 && n != -EINTR)
			err = (int)n;
	}
	return err;
}

static int receive_message(struct talk *t)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	struct head head;
	int err;

	t->doing = "head of the peer's";
	err = read_all(t, &head, sizeof(head));
	if (err == 0 && head.len > LONGEST)
		err = -EMSGSIZE;
	t->doing = "message of the peer's";
	if (err == 0)
		err = read_all(t, buffer, (size_t)head.len);
	if (err < 0)
		return err;
	SHA256(buffer, (size_t)head.len, hash);
	t->doing = "hash of the peer's";
	return memcmp(hash, head.hash, sizeof(hash)) == 0 ? 0 : -EBADMSG;
}

/* The client speaks first, and is answered. */
static int exchange(struct talk *t, size_t len)
{
	int err = t->client ? send_message(t, len) : receive_message(t);

	if (err == 0)
		err = t->client ? receive_message(t) : send_message(t, len);
	return err;
}

int talk_much(struct talk *t)
{
	int err = 0;
	size_t i;

	for (i = 0; i < LENGTHS && err == 0; i++)
		err = exchange(t, lengths[i]);
	if (err == 0)
		err = t->client ? send_file(t) : receive_message(t);
	if (err == 0)
		err = t->client ? receive_message(t) : send_file(t);
	return err;
}

int talk_little(struct talk *t)
{
	int err = exchange(t, 5);

	return err < 0 ? err : exchange(t, 20000);
}

static int hear_end(struct talk *t)
{
	uint8_t byte;
	ssize_t n;

	do
		n = ktls_read(t->k, &byte, 1);
	while (n == -EINTR);
	if (n == -KTLS_ETRUNCATED) {
		t->end = "truncated";
		return 0;
	}
	if (n == 0)
		t->end = "close_notify";
	return n > 0 ? -EBADMSG : (int)n;
}

int talk_end(struct talk *t)
{
	int err;

	t->doing = "end";
	err = t->client ? ktls_shutdown(t->k) : hear_end(t);
	if (err == 0)
		err = t->client ? hear_end(t) : ktls_shutdown(t->k);
	return err;
}

int talk_cut(struct talk *t)
{
	int err = exchange(t, 1000);

	t->doing = "cut";
	if (err == 0 && shutdown(t->fd, SHUT_WR) < 0)
		err = -errno;
	return err < 0 ? err : hear_end(t);
}
