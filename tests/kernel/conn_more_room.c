/* SPDX-License-Identifier: MIT */
/* KTLS_MORE where the socket is full, dead, corked, or read from meanwhile;
 * and what it costs. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "conn_more.h"
#include "sys.h"

static struct {
	unsigned sends;
	unsigned sends_more;
	unsigned files;
	unsigned sets;
	unsigned gets;
} calls;

static ssize_t send_counted(int fd, const struct msghdr *msg, int flags)
{
	calls.sends++;
	calls.sends_more += (flags & MSG_MORE) != 0;
	return ktls__sys_linux.sendmsg(fd, msg, flags);
}

static ssize_t file_counted(int fd, int in_fd, off_t *off, size_t count)
{
	calls.files++;
	return ktls__sys_linux.sendfile(fd, in_fd, off, count);
}

static int set_counted(int fd, int level, int name, const void *val,
		       socklen_t len)
{
	calls.sets++;
	return ktls__sys_linux.setsockopt(fd, level, name, val, len);
}

static int get_counted(int fd, int level, int name, void *val, socklen_t *len)
{
	calls.gets++;
	return ktls__sys_linux.getsockopt(fd, level, name, val, len);
}

static void count_calls(void)
{
	static struct ktls__sys table;

	table = ktls__sys_linux;
	table.sendmsg = send_counted;
	table.sendfile = file_counted;
	table.setsockopt = set_counted;
	table.getsockopt = get_counted;
	ktls__sys = &table;
	memset(&calls, 0, sizeof(calls));
}

static void expect_calls(unsigned sends, unsigned files, unsigned sets,
			 unsigned gets)
{
	ck_assert_uint_eq(calls.sends, sends);
	ck_assert_uint_eq(calls.files, files);
	ck_assert_uint_eq(calls.sets, sets);
	ck_assert_uint_eq(calls.gets, gets);
	memset(&calls, 0, sizeof(calls));
}

static int option(const struct more *m, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(m->rig.fd, IPPROTO_TCP, name, &value, &len),
			 0);
	return value != 0;
}

static void set_option(const struct more *m, int name, int value)
{
	ck_assert_int_eq(setsockopt(m->rig.fd, IPPROTO_TCP, name, &value,
				    sizeof(value)), 0);
}

/* One send for each write, and nothing besides. */
START_TEST(test_calls_of_writes)
{
	struct more m;
	unsigned i;

	conn_more_start(&m, _i);
	/* the first looks at what there is */
	conn_more_write(&m, 1, KTLS_MORE);
	count_calls();
	for (i = 0; i < 20; i++)
		conn_more_write(&m, 100, KTLS_MORE);
	ck_assert_uint_eq(calls.sends_more, 20);
	expect_calls(20, 0, 0, 0);
	conn_more_write(&m, 100, 0);
	ck_assert_uint_eq(calls.sends_more, 0);
	expect_calls(1, 0, 0, 0);
	conn_more_on_its_way(&m);
	conn_more_arrives(&m);
	conn_more_close(&m);
}
END_TEST

/* The cork goes in once and out once. */
START_TEST(test_calls_of_files)
{
	struct more m;
	unsigned i;

	conn_more_start(&m, _i);
	conn_more_write(&m, 1, KTLS_MORE);
	if (m.rig.tx_kernel) {
		count_calls();
		for (i = 0; i < 20; i++)
			conn_more_file(&m, 100, KTLS_MORE);
		ck_assert_int_eq(option(&m, TCP_CORK), 1);
		expect_calls(0, 20, 1, 1);
		conn_more_file(&m, 100, 0);
		ck_assert_int_eq(option(&m, TCP_CORK), 0);
		expect_calls(0, 1, 1, 0);
		/* without one there is none */
		conn_more_write(&m, 100, KTLS_MORE);
		conn_more_file(&m, 100, 0);
		expect_calls(1, 1, 0, 0);
		conn_more_on_its_way(&m);
	}
	conn_more_arrives(&m);
	conn_more_close(&m);
}
END_TEST

static void some_of_all(struct more *m)
{
	conn_more_write(m, 100, KTLS_MORE);
	conn_more_file(m, 100, KTLS_MORE);
	conn_more_write(m, 100, 0);
	conn_more_file(m, 100, KTLS_MORE);
	conn_more_file(m, 100, 0);
	conn_more_write(m, 16384, KTLS_MORE);
	ck_assert_int_eq(ktls_write(m->rig.k, "", 0, 0), 0);
	conn_more_file(m, 100, KTLS_MORE);
	ck_assert_int_eq(ktls_alert(m->rig.k, 90), 0);
}

/* What the application has set is not ours to change. */
START_TEST(test_options_stay)
{
	struct more m;
	int i;

	for (i = 0; i < 4; i++) {
		conn_more_start(&m, _i);
		set_option(&m, TCP_NODELAY, i & 1);
		set_option(&m, TCP_CORK, i >> 1);
		some_of_all(&m);
		ck_assert_int_eq(option(&m, TCP_NODELAY), i & 1);
		ck_assert_int_eq(option(&m, TCP_CORK), i >> 1);
		set_option(&m, TCP_CORK, 0);
		conn_more_arrives(&m);
		conn_expect_alert(&m.rig, 1, 90);
		conn_more_close(&m);
	}
}
END_TEST

START_TEST(test_file_ends)
{
	off_t off = CONN_MORE_FILE - 1000;
	struct more m;

	conn_more_start(&m, _i);
	m.at = m.got = (uint64_t)off;
	ck_assert_int_eq(ktls_sendfile(m.rig.k, m.file, &off, 1001, KTLS_MORE),
			 1000);
	m.at += 1000;
	conn_more_on_its_way(&m);
	ck_assert_int_eq(option(&m, TCP_CORK), 0);
	conn_more_arrives(&m);
	conn_more_close(&m);
}
END_TEST

static void small_buffer(struct more *m, int size)
{
	ck_assert_int_eq(setsockopt(m->rig.fd, SOL_SOCKET, SO_SNDBUF, &size,
				    sizeof(size)), 0);
}

/* Write, or send the file, until there is no room. */
static void fill(struct more *m, size_t len, int file)
{
	off_t off = (off_t)m->at;
	ssize_t n;

	do {
		ck_assert_uint_lt(m->at, CONN_MORE_FILE - len);
		if (file)
			n = ktls_sendfile(m->rig.k, m->file, &off, len,
					  KTLS_MORE);
		else
			n = ktls_write(m->rig.k, more_text + m->at, len,
				       KTLS_MORE);
		m->at += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_eq(ktls_events(m->rig.k), POLLIN | POLLOUT);
}

/* Nobody calls us any more but who asks for input, where ktls_events() says
 * that this helps. */
static void *take_all(void *arg)
{
	struct more *m = arg;
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	while (m->got < m->at) {
		ssize_t n = rig_recv(&m->rig, &type, buf);

		if (n <= 0 || !rig_same(buf, (size_t)n, m->got))
			break;
		m->got += (uint64_t)n;
	}
	shutdown(m->rig.peer_fd, SHUT_WR);
	return NULL;
}

static void all_goes(struct more *m)
{
	struct pollfd pfd = { m->rig.fd, POLLIN | POLLOUT, 0 };
	pthread_t peer;
	char byte;

	pthread_create(&peer, NULL, take_all, m);
	count_calls();
	while (!m->rig.tx_kernel &&
	       ktls_read(m->rig.k, &byte, 1) == -EAGAIN)
		poll(&pfd, 1, -1);
	ck_assert_uint_eq(calls.sends_more, 0);
	pthread_join(peer, NULL);
	/* one byte is not counted before it is out */
	ck_assert_uint_ge(m->got, m->at);
	ck_assert_uint_le(m->got, m->at + !m->rig.tx_kernel);
}

START_TEST(test_full)
{
	static const size_t lens[] = { 100, 5000, 16384, 50000 };
	struct rig_config config = rig_variant(_i);
	struct more m;
	int i;

	for (i = 0; config.nonblock && i < 8; i++) {
		config.rcvbuf = 4096;
		conn_more_limited(&m, config, 0);
		small_buffer(&m, 4096 << i % 3);
		fill(&m, lens[i % 4], i / 4);
		ck_assert_int_eq(option(&m, TCP_CORK), 0);
		all_goes(&m);
		conn_more_close(&m);
	}
}
END_TEST

#define MUCH CONN_MORE_FILE
#define LITTLE 32768

/* Bytes taken. */
static size_t send_piece(struct more *m, size_t len, int file)
{
	off_t off = (off_t)m->at;
	ssize_t n;

	if (len > CONN_MORE_FILE - m->at)
		len = CONN_MORE_FILE - m->at;
	if (file)
		n = ktls_sendfile(m->rig.k, m->file, &off, len, KTLS_MORE);
	else
		n = ktls_write(m->rig.k, more_text + m->at, len, KTLS_MORE);
	if (n == -EAGAIN) {
		rig_wait(&m->rig);
		return 0;
	}
	ck_assert_int_gt(n, 0);
	m->at = (m->at + (size_t)n) % CONN_MORE_FILE;
	return (size_t)n;
}

/* Little room, and a peer that reads: it goes on. */
static void send_much(int i, int size, int file)
{
	static const size_t lens[] = { 100000, 16384, 40000, 1000, 16383 };
	struct rig_reader reader;
	struct more m;
	size_t done = 0;
	int piece = 0;

	conn_more_start(&m, i);
	small_buffer(&m, size);
	rig_reader_start(&reader, &m.rig, MUCH + 100000);
	count_calls();
	while (done < MUCH)
		done += send_piece(&m, lens[piece++ % 5], file);
	/* a record that waits would be in the way of the next */
	if (m.rig.tx_kernel && size < LITTLE) {
		ck_assert_uint_eq(calls.sends_more, 0);
		ck_assert_int_eq(option(&m, TCP_CORK), 0);
	}
	ck_assert_int_eq(rig_shutdown(&m.rig), 0);
	rig_reader_join(&reader);
	ck_assert_int_eq(reader.closed, 1);
	ck_assert_uint_eq(reader.len, done);
	while (done-- > 0)
		if (reader.data[done] != more_text[done % CONN_MORE_FILE])
			ck_abort_msg("byte %zu is another", done);
	rig_reader_free(&reader);
	conn_more_close(&m);
}

START_TEST(test_little_room)
{
	send_much(_i, 4096, 0);
}
END_TEST

START_TEST(test_little_room_for_files)
{
	send_much(_i, 4096, 1);
}
END_TEST

START_TEST(test_some_room)
{
	send_much(_i, LITTLE, 0);
}
END_TEST

TCase *conn_more_room_case(void)
{
	TCase *tcase = tcase_create("more_room");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_calls_of_writes);
	conn_add(tcase, test_calls_of_files);
	conn_add(tcase, test_options_stay);
	conn_add(tcase, test_file_ends);
	conn_add(tcase, test_full);
	conn_add(tcase, test_little_room);
	conn_add(tcase, test_little_room_for_files);
	conn_add(tcase, test_some_room);
	return tcase;
}
