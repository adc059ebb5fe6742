/* SPDX-License-Identifier: MIT */
/*
 * A record at fault that a call meets which sends: where the kernel has RX it
 * waits in the socket for whoever comes first, and some of it is told once.
 * Every call has the name for it that a read has, and the peer its alert.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conn.h"
#include "rig.h"

enum fault { OVERSIZE, VERSION, SHORT, FORGED, FAULTS };

static const struct {
	uint8_t header[5];
	int err;
	uint8_t alert;
} faults[FAULTS] = {
	[OVERSIZE] = { { 23, 3, 3, 0xff, 0xff }, -KTLS_EOVERSIZE, 22 },
	[VERSION] = { { 23, 3, 2, 0, 60 }, -KTLS_EPROTOCOL, 10 },
	[SHORT] = { { 23, 3, 3, 0, 3 }, -KTLS_EBADRECORD, 20 },
	[FORGED] = { { 0 }, -KTLS_EBADRECORD, 20 }
};

/* On the library path the SSL has words of its own. */
static int is_ours(const struct rig *rig)
{
	return rig->rx_path != KTLS_PATH_LIBRARY;
}

static void wait_for_input(const struct rig *rig)
{
	struct pollfd p = { rig->fd, POLLIN, 0 };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

static void send_fault(struct rig *rig, enum fault fault)
{
	uint8_t bad[64] = { 0 };
	size_t len = sizeof(bad);

	memcpy(bad, faults[fault].header, sizeof(faults[fault].header));
	if (fault == FORGED) {
		len = rig_seal(rig, bad, KTLS_RECORD_DATA, "secret", 6);
		bad[len - 1] ^= 1;
	}
	rig_send_bytes(rig, bad, len);
}

static int write_file(struct rig *rig)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	off_t off = 0;
	ssize_t n;

	ck_assert_int_eq(write(file, "file", 4), 4);
	n = ktls_sendfile(rig->k, file, &off, 4, 0);
	ck_assert_int_eq(off, n > 0 ? n : 0);
	close(file);
	return (int)n;
}

static int write_pipe(struct rig *rig)
{
	int fd[2];
	ssize_t n;

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(write(fd[1], "pipe", 4), 4);
	n = ktls_splice_write(rig->k, fd[0], 4);
	close(fd[0]);
	close(fd[1]);
	return (int)n;
}

static int write_plain(struct rig *rig)
{
	return (int)ktls_write(rig->k, "plain", 5, 0);
}

static int write_more(struct rig *rig)
{
	ssize_t n = ktls_write(rig->k, "more", 4, KTLS_MORE);

	return (int)(n < 0 ? n : ktls_write(rig->k, "", 0, 0));
}

static int warn(struct rig *rig)
{
	return ktls_alert(rig->k, 90);
}

/* Or a write, where keys cannot change. */
static int update(struct rig *rig)
{
	int err = ktls_update_keys(rig->k, 0);

	return err == -KTLS_EKEYUPDATE || err == -EOPNOTSUPP ?
		       write_plain(rig) : err;
}

static int end(struct rig *rig)
{
	return rig_shutdown(rig);
}

static int (*const calls[])(struct rig *rig) = {
	write_plain, write_more, write_file, write_pipe, warn, update,
	end
};
#define CALLS ((int)(sizeof(calls) / sizeof(calls[0])))

/* Latched, in both directions, and the same each time. */
static void is_over(struct rig *rig, int (*call)(struct rig *rig), int err)
{
	char buf[64];
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(rig_read(rig, buf, sizeof(buf)), err);
	ck_assert_int_eq(rig_info(rig).rx.error, err);
	if (!is_ours(rig))
		return;
	for (i = 0; i < 2 && call != end; i++)
		ck_assert_int_eq(ktls_write(rig->k, "x", 1, 0), err);
	if (call != end || rig->rx_kernel)
		ck_assert_int_eq(rig_info(rig).tx.error, err);
}

/* Behind what was sealed by then; nothing follows it. */
static void is_told(struct rig *rig, int (*call)(struct rig *rig),
		    uint8_t alert)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type = 0;
	ssize_t n;

	do
		n = rig_recv(rig, &type, buf);
	while (n >= 0 && (type == KTLS_RECORD_DATA ||
			  (type == KTLS_RECORD_ALERT && buf[1] == 90)));
	/* Under the new key, which the peer does not have here. */
	if (call == update && type == KTLS_RECORD_HANDSHAKE)
		return;
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(type, KTLS_RECORD_ALERT);
	/* The last word can have been ours already. */
	if (call == end && buf[1] == 0)
		return;
	ck_assert_int_eq(buf[0], 2);
	ck_assert_int_eq(buf[1], alert);
	ck_assert_int_eq(rig_info(rig).alert_sent, alert);
}

static void check(struct rig *rig, int (*call)(struct rig *rig),
		  enum fault fault, int met)
{
	const int err = faults[fault].err;
	const int n = call(rig);

	/* What nobody has met is no fault of the call's; and what is sealed
	 * before it is sent is taken all the same. */
	if (n < 0 || (met && rig->tx_kernel))
		ck_assert_int_eq(n, err);
	is_over(rig, call, err);
	if (is_ours(rig))
		is_told(rig, call, faults[fault].alert);
}

/* On an SSL it depends on the SSL: see conn_record.c. */
static int is_known(const struct rig *rig, enum fault fault)
{
	return is_ours(rig) || fault != SHORT;
}

/* The kernel has found it before anybody reads. */
static void sent_first(int variant, enum fault fault)
{
	struct rig rig;
	int i;

	for (i = 0; i < CALLS; i++) {
		rig_start(&rig, variant);
		if (is_known(&rig, fault)) {
			send_fault(&rig, fault);
			wait_for_input(&rig);
			check(&rig, calls[i], fault,
			      rig.rx_kernel && fault != FORGED);
		}
		rig_close(&rig);
	}
}

/* Reading has come to it, or to the record before it: one of the calls, by
 * turns. */
static void read_up_to(int variant, enum fault fault, size_t room)
{
	const int i = (variant + (int)fault) % CALLS;
	char buf[64];
	struct rig rig;

	rig_start(&rig, variant);
	if (is_known(&rig, fault)) {
		rig_send(&rig, KTLS_RECORD_DATA, "good", 4);
		send_fault(&rig, fault);
		wait_for_input(&rig);
		ck_assert_int_eq(rig_read(&rig, buf, room), 4);
		check(&rig, calls[i], fault, 0);
	}
	rig_close(&rig);
}

START_TEST(test_sent_first)
{
	int fault;

	for (fault = 0; fault < FAULTS; fault++)
		sent_first(_i, (enum fault)fault);
}
END_TEST

START_TEST(test_read_first)
{
	int fault;

	for (fault = 0; fault < FAULTS; fault++)
		read_up_to(_i, (enum fault)fault, 64);
}
END_TEST

START_TEST(test_read_full)
{
	int fault;

	for (fault = 0; fault < FAULTS; fault++)
		read_up_to(_i, (enum fault)fault, 4);
}
END_TEST

/* The two threads of a connection: who meets it first is chance, and neither
 * is left without a word. */
static void *read_to_end(void *arg)
{
	static _Thread_local char buf[64];
	struct rig *rig = arg;
	ssize_t n;

	do
		n = rig_read(rig, buf, sizeof(buf));
	while (n > 0);
	return (void *)(intptr_t)n;
}

START_TEST(test_two_threads)
{
	pthread_t reader;
	struct rig rig;
	void *end_of;
	int fault;
	int i;
	int n;

	for (fault = 0; fault < SHORT; fault++) {
		rig_start(&rig, _i);
		ck_assert_int_eq(pthread_create(&reader, NULL, read_to_end,
						&rig), 0);
		send_fault(&rig, (enum fault)fault);
		/* Not so much that the peer would have to read it. */
		for (n = 1, i = 0; i < 50 && n > 0; i++)
			n = write_plain(&rig);
		/* Who sleeps in the kernel is woken by the peer's end. */
		rig_fin(&rig);
		pthread_join(reader, &end_of);
		ck_assert_int_eq((intptr_t)end_of, faults[fault].err);
		if (n < 0 && is_ours(&rig))
			ck_assert_int_eq(n, faults[fault].err);
		rig_close(&rig);
	}
}
END_TEST

TCase *conn_fault_case(void)
{
	TCase *tcase = tcase_create("faults");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_sent_first);
	conn_add(tcase, test_read_first);
	conn_add(tcase, test_read_full);
	conn_add(tcase, test_two_threads);
	return tcase;
}
