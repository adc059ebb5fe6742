/* SPDX-License-Identifier: MIT */
/* KTLS_MORE: what is held back, and that every call without it lets go. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "conn_more.h"

/* One record on the kernel's path, however many calls: this length. */
static void one_record_arrives(struct more *m)
{
	uint8_t buf[RIG_RECORD_MAX];
	size_t len = m->at - m->got;
	uint8_t type;

	if (m->rig.tx_kernel) {
		ck_assert_int_eq(rig_recv(&m->rig, &type, buf), (ssize_t)len);
		ck_assert_int_eq(type, KTLS_RECORD_DATA);
		ck_assert(rig_same(buf, len, m->got));
		m->got = m->at;
	}
	conn_more_arrives(m);
}

START_TEST(test_joined)
{
	struct more m;
	uint64_t before;
	int i;

	conn_more_start(&m, _i);
	for (i = 0; i < 5; i++) {
		before = conn_more_sealed(&m);
		conn_more_write(&m, 10, KTLS_MORE);
		conn_more_write(&m, 200, KTLS_MORE);
		conn_more_write(&m, 3000, KTLS_MORE);
		ck_assert_uint_eq(conn_more_sealed(&m), before);
		conn_more_write(&m, 1, 0);
		conn_more_on_its_way(&m);
		one_record_arrives(&m);
	}
	ck_assert_uint_eq(rig_info(&m.rig).tx.bytes, m.at);
	conn_more_close(&m);
}
END_TEST

START_TEST(test_vectors_joined)
{
	struct iovec iov[3] = { { more_text, 100 }, { more_text + 100, 0 },
				{ more_text + 100, 50 } };
	struct more m;

	conn_more_start(&m, _i);
	ck_assert_int_eq(ktls_writev(m.rig.k, iov, 3, KTLS_MORE), 150);
	m.at = 150;
	ck_assert_uint_eq(conn_more_sealed(&m), 0);
	/* none of these is a call without it */
	ck_assert_int_eq(ktls_writev(m.rig.k, iov, 0, KTLS_MORE), 0);
	ck_assert_int_eq(ktls_write(m.rig.k, "", 0, KTLS_MORE), 0);
	ck_assert_uint_eq(conn_more_sealed(&m), 0);
	conn_more_write(&m, 50, 0);
	conn_more_on_its_way(&m);
	one_record_arrives(&m);
	conn_more_close(&m);
}
END_TEST

/* A header, and a file behind it. */
START_TEST(test_header_and_file)
{
	struct more m;

	conn_more_start(&m, _i);
	conn_more_write(&m, 100, KTLS_MORE);
	conn_more_file(&m, 5000, 0);
	conn_more_on_its_way(&m);
	one_record_arrives(&m);
	conn_more_write(&m, 100, KTLS_MORE);
	conn_more_file(&m, 30000, 0);
	conn_more_on_its_way(&m);
	conn_more_arrives(&m);
	conn_more_close(&m);
}
END_TEST

START_TEST(test_unknown_flags)
{
	static const int flags[] = { 2, 2 | KTLS_MORE, -1, MSG_MORE };
	struct iovec iov = { more_text, 10 };
	off_t off = 0;
	struct more m;
	int i;

	conn_more_start(&m, _i);
	conn_more_write(&m, 10, KTLS_MORE);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(ktls_write(m.rig.k, more_text, 10, flags[i]),
				 -EINVAL);
		ck_assert_int_eq(ktls_write(m.rig.k, more_text, 0, flags[i]),
				 -EINVAL);
		ck_assert_int_eq(ktls_writev(m.rig.k, &iov, 1, flags[i]),
				 -EINVAL);
		ck_assert_int_eq(ktls_sendfile(m.rig.k, m.file, &off, 10,
					       flags[i]), -EINVAL);
		ck_assert_int_eq(ktls_sendfile(m.rig.k, m.file, NULL, 10,
					       flags[i]), -EINVAL);
	}
	ck_assert_int_eq(off, 0);
	ck_assert_uint_eq(conn_more_sealed(&m), 0);
	conn_more_write(&m, 10, 0);
	ck_assert_uint_eq(rig_info(&m.rig).tx.bytes, 20);
	one_record_arrives(&m);
	conn_more_close(&m);
}
END_TEST

/* What is held back, and where: in a record, in TCP, or both. */
static void hold_small(struct more *m)
{
	conn_more_write(m, 10, KTLS_MORE);
	conn_more_write(m, 50, KTLS_MORE);
}

static void hold_full(struct more *m)
{
	conn_more_write(m, 16384, KTLS_MORE);
}

static void hold_long(struct more *m)
{
	conn_more_write(m, 16384, KTLS_MORE);
	conn_more_write(m, 16484, KTLS_MORE);
}

static void hold_file(struct more *m)
{
	conn_more_file(m, 1000, KTLS_MORE);
}

static void hold_behind_file(struct more *m)
{
	conn_more_file(m, 1000, KTLS_MORE);
	conn_more_write(m, 10, KTLS_MORE);
}

static void hold_file_behind(struct more *m)
{
	conn_more_write(m, 10, KTLS_MORE);
	conn_more_file(m, 20000, KTLS_MORE);
	conn_more_file(m, 100, KTLS_MORE);
}

static void (*const holds[])(struct more *m) = {
	hold_small, hold_full, hold_long, hold_file, hold_behind_file,
	hold_file_behind
};
#define HOLDS ((int)(sizeof(holds) / sizeof(holds[0])))

/* All ways to let go after which there may be more. */
static void go_by_write(struct more *m)
{
	conn_more_write(m, 1, 0);
}

static void go_by_nothing(struct more *m)
{
	ck_assert_int_eq(ktls_write(m->rig.k, "", 0, 0), 0);
}

static void go_by_no_vector(struct more *m)
{
	ck_assert_int_eq(ktls_writev(m->rig.k, NULL, 0, 0), 0);
}

static void go_by_file(struct more *m)
{
	conn_more_file(m, 100, 0);
}

static void go_by_no_file(struct more *m)
{
	off_t off = 0;

	ck_assert_int_eq(ktls_sendfile(m->rig.k, m->file, &off, 0, 0), 0);
}

static void go_by_end_of_file(struct more *m)
{
	off_t off = CONN_MORE_FILE;

	ck_assert_int_eq(ktls_sendfile(m->rig.k, m->file, &off, 9, KTLS_MORE),
			 0);
}

/* It has more in mind, and nothing follows. */
static void go_by_bad_file(struct more *m)
{
	off_t off = 0;

	ck_assert_int_eq(ktls_sendfile(m->rig.k, -1, &off, 9, KTLS_MORE),
			 -EBADF);
}

static void go_by_pipe_for_file(struct more *m)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(ktls_sendfile(m->rig.k, fd[0], NULL, 9, 0),
			 -KTLS_ENOTFILE);
	close(fd[0]);
	close(fd[1]);
}

static void go_by_splice(struct more *m)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(write(fd[1], more_text + m->at, 77), 77);
	close(fd[1]);
	ck_assert_int_eq(ktls_splice_write(m->rig.k, fd[0], 1000), 77);
	close(fd[0]);
	m->at += 77;
}

static void go_by_alert(struct more *m)
{
	ck_assert_int_eq(ktls_alert(m->rig.k, 90), 0);
	conn_more_on_its_way(m);
	conn_more_arrives(m);
	conn_expect_alert(&m->rig, 1, 90);
}

static void go_by_update(struct more *m)
{
	if (!conn_more_can_update(m)) {
		go_by_nothing(m);
		return;
	}
	ck_assert_int_eq(ktls_update_keys(m->rig.k, 0), 0);
	conn_more_on_its_way(m);
	conn_more_arrives(m);
	conn_more_key_update(m);
}

static void (*const ways[])(struct more *m) = {
	go_by_write, go_by_nothing, go_by_no_vector, go_by_file, go_by_no_file,
	go_by_end_of_file, go_by_bad_file, go_by_pipe_for_file, go_by_splice,
	go_by_alert, go_by_update
};
#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

START_TEST(test_let_go)
{
	struct more m;
	int hold;
	int way;

	conn_more_start(&m, _i);
	for (way = 0; way < WAYS; way++) {
		for (hold = 0; hold < HOLDS; hold++) {
			holds[hold](&m);
			ways[way](&m);
			conn_more_on_its_way(&m);
			conn_more_arrives(&m);
		}
	}
	ck_assert_uint_eq(rig_info(&m.rig).tx.bytes, m.at);
	conn_more_close(&m);
}
END_TEST

/* No more than has to be there for shutdown to say that it is out. */
START_TEST(test_shutdown)
{
	struct more m;
	int hold;

	for (hold = 0; hold < HOLDS; hold++) {
		conn_more_start(&m, _i);
		holds[hold](&m);
		ck_assert_int_eq(rig_shutdown(&m.rig), 0);
		conn_more_on_its_way(&m);
		conn_more_arrives(&m);
		conn_expect_alert(&m.rig, 1, 0);
		conn_more_close(&m);
	}
}
END_TEST

static void expect_fin(struct more *m)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	ck_assert_int_eq(rig_recv(&m->rig, &type, buf), -1);
}

START_TEST(test_linger)
{
	struct more m;
	int hold;

	for (hold = 0; hold < HOLDS; hold++) {
		conn_more_start(&m, _i);
		holds[hold](&m);
		ck_assert_int_eq(ktls_linger(m.rig.k, 100, 0), -ETIMEDOUT);
		conn_more_arrives(&m);
		conn_expect_alert(&m.rig, 1, 0);
		expect_fin(&m);
		conn_more_close(&m);
	}
}
END_TEST

/* Writing is over, and nobody has said a last word. */
START_TEST(test_linger_after_their_alert)
{
	struct more m;
	char byte;
	int hold;

	for (hold = 0; hold < HOLDS; hold++) {
		conn_more_start(&m, _i);
		holds[hold](&m);
		rig_send_alert(&m.rig, 2, 80);
		ck_assert_int_eq(rig_read(&m.rig, &byte, 1), -KTLS_EALERT);
		ck_assert_int_eq(ktls_write(m.rig.k, "x", 1, KTLS_MORE),
				 -KTLS_EALERT);
		ck_assert_int_eq(ktls_linger(m.rig.k, 100, 0), -ETIMEDOUT);
		conn_more_arrives(&m);
		expect_fin(&m);
		conn_more_close(&m);
	}
}
END_TEST

TCase *conn_more_case(void)
{
	TCase *tcase = tcase_create("more");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_joined);
	conn_add(tcase, test_vectors_joined);
	conn_add(tcase, test_header_and_file);
	conn_add(tcase, test_unknown_flags);
	conn_add(tcase, test_let_go);
	conn_add(tcase, test_shutdown);
	conn_add(tcase, test_linger);
	conn_add(tcase, test_linger_after_their_alert);
	return tcase;
}
