/* SPDX-License-Identifier: MIT */
/* Connections of keys alone: data, files and pipes, in both directions. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "none.h"

/* Several records, and less than a loopback connection takes unread. */
#define LEN 40000

static uint8_t data[LEN];

static void both_ways(const struct cell *c)
{
	struct ends e;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	fill(data, LEN);
	write_all(e.k, data, LEN);
	peer_expect(&e, KTLS_RECORD_DATA, data, LEN);
	for (size_t at = 0; at < LEN; at += LEN / 4)
		peer_send(&e, KTLS_RECORD_DATA, data + at, LEN / 4);
	read_expect(e.k, data, LEN);
	write_all(e.k, "again", 5);
	peer_expect(&e, KTLS_RECORD_DATA, "again", 5);
	ends_close(&e);
}

static void several_buffers(const struct cell *c)
{
	const struct iovec out[] = { { (void *)(uintptr_t)"one", 3 },
				     { (void *)(uintptr_t)"two", 3 } };
	char head[2], tail[4];
	const struct iovec in[] = { { head, 2 }, { tail, 4 } };
	struct ends e;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	expect_int(ktls_writev(e.k, out, 2, KTLS_MORE), 6);
	expect_int(ktls_write(e.k, NULL, 0, 0), 0);
	peer_expect(&e, KTLS_RECORD_DATA, "onetwo", 6);
	peer_send(&e, KTLS_RECORD_DATA, "onetwo", 6);
	expect_int(ktls_readv(e.k, in, 2), 6);
	expect(memcmp(head, "on", 2) == 0 && memcmp(tail, "etwo", 4) == 0);
	ends_close(&e);
}

/* What the stack had decrypted comes first. */
static void plaintext_first(const struct cell *c)
{
	struct ktls_session session;
	struct ends e;

	ends_tcp(&e, c);
	session = session_of(&e, c, false);
	session.plaintext = "early ";
	session.plaintext_len = 6;
	expect_int(ktls_sock_attach(e.peer), 0);
	expect_int(ktls_sock_install(e.peer, KTLS_TX, &e.in), 0);
	peer_send(&e, KTLS_RECORD_DATA, "late", 4);
	if (expect_int(ktls_open(&e.k, e.fd, &session, NULL), 0)) {
		expect_int((long long)ktls_pending(e.k), 6);
		read_expect(e.k, "early late", 10);
		expect_int((long long)ktls_pending(e.k), 0);
	}
	ends_close(&e);
}

static void put_number(uint8_t *out, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		out[i] = (uint8_t)n;
}

/* A stack whose explicit nonce is the sequence number gives the salt: the
 * nonce on the wire is that number. */
static void salt_alone(const struct cell *c)
{
	uint8_t record[5 + 8 + 1 + 16];
	struct ktls_session session;
	struct ends e;

	if (!has_salt(c))
		return;
	ends_tcp(&e, c);
	session = session_of(&e, c, false);
	session.tx.iv_len = 4;
	session.rx.iv_len = 4;
	put_number(e.out.iv + 4, e.out.seq);
	put_number(e.in.iv + 4, e.in.seq);
	if (expect_int(ktls_open(&e.k, e.fd, &session, NULL), 0)) {
		write_all(e.k, "x", 1);
		expect_int(recv(e.peer, record, sizeof(record), MSG_WAITALL),
			   sizeof(record));
		expect(memcmp(record + 5, e.out.iv + 4, 8) == 0);
		expect_int(ktls_sock_attach(e.peer), 0);
		expect_int(ktls_sock_install(e.peer, KTLS_TX, &e.in), 0);
		peer_send(&e, KTLS_RECORD_DATA, "y", 1);
		read_expect(e.k, "y", 1);
	}
	ends_close(&e);
}

static void send_file(const struct cell *c)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	struct ends e;
	off_t at = 1000;
	size_t left = LEN - 1000;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	fill(data, LEN);
	expect_int(write(file, data, LEN), LEN);
	while (left > 0) {
		ssize_t n = ktls_sendfile(e.k, file, &at, LEN, 0);

		if (!expect(n > 0))
			break;
		left -= (size_t)n;
	}
	expect_int(at, LEN);
	peer_expect(&e, KTLS_RECORD_DATA, data + 1000, LEN - 1000);
	expect_int(ktls_sendfile(e.k, file, &at, LEN, 0), 0);
	expect_int(ktls_sendfile(e.k, e.peer, &at, LEN, 0), -KTLS_ENOTFILE);
	write_all(e.k, "behind", 6);
	peer_expect(&e, KTLS_RECORD_DATA, "behind", 6);
	close(file);
	ends_close(&e);
}

static void splice_out(struct ends *e, const int fds[2])
{
	size_t left = LEN;

	expect_int(write(fds[1], data, LEN), LEN);
	while (left > 0) {
		ssize_t n = ktls_splice_write(e->k, fds[0], left);

		if (!expect(n > 0))
			break;
		left -= (size_t)n;
	}
	peer_expect(e, KTLS_RECORD_DATA, data, LEN);
}

static void splice_in(struct ends *e, const int fds[2])
{
	static uint8_t got[LEN];
	size_t n = 0;

	peer_send(e, KTLS_RECORD_DATA, data, LEN);
	while (n < LEN) {
		ssize_t moved = ktls_splice_read(e->k, fds[1], LEN - n);
		ssize_t more = moved <= 0 ? 0 :
			       read(fds[0], got + n, (size_t)moved);

		if (!expect(moved > 0) || !expect_int(more, moved))
			break;
		n += (size_t)more;
	}
	expect(n == LEN && memcmp(got, data, LEN) == 0);
}

static void pipes(const struct cell *c)
{
	struct ends e;
	int fds[2];

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	fill(data, LEN);
	expect_int(pipe(fds), 0);
	splice_out(&e, fds);
	splice_in(&e, fds);
	expect_int(ktls_splice_write(e.k, e.peer, 1), -KTLS_ENOTPIPE);
	close(fds[0]);
	close(fds[1]);
	ends_close(&e);
}

static void told(const struct cell *c)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ends e;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	write_all(e.k, "four", 4);
	peer_send(&e, KTLS_RECORD_DATA, "seven!!", 7);
	read_expect(e.k, "seven!!", 7);
	expect_int(ktls_info(e.k, &info), 0);
	expect_int(info.version, c->version);
	expect_int(info.suite, c->suite);
	expect_int(info.server, c->server);
	expect_int(info.ssl_held, 0);
	expect_int(info.tx.path, KTLS_PATH_KERNEL);
	expect_int(info.rx.path, KTLS_PATH_KERNEL);
	expect_int(info.tx.reason, KTLS_REASON_NONE);
	expect_int(info.rx.reason, KTLS_REASON_NONE);
	expect(strcmp(info.tx.provider, "kernel") == 0);
	expect_int((long long)info.tx.bytes, 4);
	expect_int((long long)info.rx.bytes, 7);
	expect_int((long long)info.tx.records, 1);
	expect_int((long long)info.rx.records, 1);
	/* Before Linux 6.15 only root is told. */
	if (geteuid() == 0) {
		expect_int(info.tx.device, KTLS_DEVICE_SOFTWARE);
		expect_int(info.rx.device, KTLS_DEVICE_SOFTWARE);
	}
	expect_int(ktls_fd(e.k), e.fd);
	expect_int(ktls_error(e.k), 0);
	expect_int(ktls_events(e.k), POLLIN);
	ends_close(&e);
}

/* Both ends of a connection, each from keys of its own. */
static void end_to_end(const struct cell *c)
{
	struct ktls_session session;
	struct ktls *peer = NULL;
	struct ends e;
	char byte;

	ends_tcp(&e, c);
	session = session_of(&e, c, true);
	expect_int(ktls_open(&peer, e.peer, &session, NULL), 0);
	session = session_of(&e, c, false);
	expect_int(ktls_open(&e.k, e.fd, &session, NULL), 0);
	if (e.k != NULL && peer != NULL) {
		write_all(e.k, "ping", 4);
		read_expect(peer, "ping", 4);
		write_all(peer, "pong", 4);
		read_expect(e.k, "pong", 4);
		expect_int(ktls_shutdown(e.k), 0);
		expect_int(ktls_read(peer, &byte, 1), 0);
		expect_int(ktls_shutdown(peer), 0);
		expect_int(ktls_read(e.k, &byte, 1), 0);
		expect_int(shutdown(e.peer, SHUT_WR), 0);
		expect_int(ktls_linger(e.k, 1000, 10000), 0);
	}
	ktls_free(peer);
	ends_close(&e);
}

const struct test data_tests[] = {
	{ "data both ways", both_ways },
	{ "several buffers", several_buffers },
	{ "plaintext that was read before", plaintext_first },
	{ "an implicit nonce alone", salt_alone },
	{ "sendfile", send_file },
	{ "splice", pipes },
	{ "what the connection tells", told },
	{ "both ends by ktls_open()", end_to_end },
	{ NULL, NULL },
};
