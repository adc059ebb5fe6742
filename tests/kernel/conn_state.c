/* SPDX-License-Identifier: MIT */
/* What a connection says of itself, and what hand-offs refuse. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "rig.h"
#include "tests/tls_calls.h"

START_TEST(test_info)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	char buf[8];
	struct rig rig;

	rig_start(&rig, _i);
	ck_assert_int_eq(ktls_info(rig.k, &info), 0);
	ck_assert_int_eq(info.version, rig.config.version);
	ck_assert_int_eq(info.suite, rig.peer_tx.suite);
	ck_assert_int_eq(info.server, rig.config.server);
	ck_assert_int_eq(info.alert_received, -1);
	ck_assert_int_eq(info.alert_sent, -1);
	ck_assert_int_eq(info.ssl_held, rig.tx_path == KTLS_PATH_LIBRARY ||
					rig.rx_path == KTLS_PATH_LIBRARY);
	ck_assert_uint_eq(info.tx.bytes, 0);
	ck_assert_uint_eq(info.rx.bytes, 0);
	ck_assert_uint_eq(info.tickets, 0);
	rig_send(&rig, KTLS_RECORD_DATA, "five!", 5);
	ck_assert_int_eq(rig_read_all(&rig, buf, 5), 5);
	ck_assert_int_eq(rig_write_all(&rig, "six...", 6), 6);
	info = rig_info(&rig);
	ck_assert_uint_eq(info.rx.bytes, 5);
	ck_assert_uint_eq(info.tx.bytes, 6);
	ck_assert_uint_eq(info.rx.records, rig.rx_path != KTLS_PATH_LIBRARY);
	ck_assert_uint_eq(info.rx.key_records, info.rx.records);
	ck_assert_uint_eq(info.tx.records, rig.tx_path != KTLS_PATH_LIBRARY);
	ck_assert_uint_eq(info.tx.key_records, info.tx.records);
	rig_close(&rig);
}
END_TEST

/* The paths themselves are looked at by every hand-off of the rig. */
START_TEST(test_info_reason)
{
	struct rig rig;
	struct ktls_conn_info info;

	rig_start(&rig, _i);
	info = rig_info(&rig);
	ck_assert_int_eq(info.tx.reason, rig.tx_kernel ? KTLS_REASON_NONE :
							 KTLS_REASON_POLICY);
	ck_assert_int_eq(info.rx.reason, rig.rx_kernel ? KTLS_REASON_NONE :
							 KTLS_REASON_POLICY);
	/* loopback has no NIC: unknown where one may not ask */
	if (!rig.tx_kernel)
		ck_assert_int_eq(info.tx.device, KTLS_DEVICE_UNKNOWN);
	else
		ck_assert_int_ne(info.tx.device, KTLS_DEVICE_NIC);
	rig_close(&rig);
}
END_TEST

START_TEST(test_info_size)
{
	struct ktls_conn_info info;
	struct rig rig;

	rig_start(&rig, _i);
	memset(&info, 0x55, sizeof(info));
	info.size = 0;
	ck_assert_int_eq(ktls_info(rig.k, &info), -EINVAL);
	ck_assert_int_eq(info.version, 0x5555);
	info.size = offsetof(struct ktls_conn_info, tx);
	ck_assert_int_eq(ktls_info(rig.k, &info), 0);
	ck_assert_int_eq(info.version, rig.config.version);
	ck_assert_int_eq(info.tx.error, 0x55555555);
	ck_assert_uint_eq(info.tickets, 0x5555555555555555);
	rig_close(&rig);
}
END_TEST

/* Whoever may go on is told so, whoever may not is not. */
START_TEST(test_events)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	ck_assert_int_eq(ktls_events(rig.k), POLLIN);
	ck_assert_int_eq(ktls_fd(rig.k), rig.fd);
	rig_fin(&rig);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), -KTLS_ETRUNCATED);
	ck_assert_int_eq(ktls_events(rig.k) & POLLIN, 0);
	rig_close(&rig);
}
END_TEST

/* The defaults, of which NULL does for all where no flag is needed. */
static int hand_off(struct ktls **k, SSL *ssl)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;

	opts.flags = tls_take();
	return ktls_handoff(k, ssl, opts.flags ? &opts : NULL);
}

START_TEST(test_handoff_arguments)
{
	struct rig_config config = rig_variant(_i);
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct ktls *k = (struct ktls *)&opts;
	struct rig rig;

	rig_open(&rig, &config);
	ck_assert_int_eq(ktls_handoff(&k, NULL, NULL), -EINVAL);
	ck_assert_ptr_null(k);
	opts.size = 0;
	ck_assert_int_eq(ktls_handoff(&k, rig.ssl, &opts), -EINVAL);
	opts.size = sizeof(opts);
	opts.flags = 0x1000;
	ck_assert_int_eq(ktls_handoff(&k, rig.ssl, &opts), -EINVAL);
	opts.flags = tls_take();
	opts.tx = (enum ktls_choice)17;
	ck_assert_int_eq(ktls_handoff(&k, rig.ssl, &opts), -EINVAL);
	ck_assert_ptr_null(k);
	/* ssl works as before */
	rig_handoff(&rig);
	ck_assert_int_eq(rig_write_all(&rig, "x", 1), 1);
	rig_close(&rig);
}
END_TEST

START_TEST(test_closed_before)
{
	struct rig_config config = rig_variant(_i);
	struct ktls *k = NULL;
	struct rig rig;

	rig_open(&rig, &config);
	SSL_shutdown(rig.ssl);
	ck_assert_int_eq(hand_off(&k, rig.ssl), -KTLS_ECLOSED);
	ck_assert_ptr_null(k);
	rig_close(&rig);
}
END_TEST

START_TEST(test_not_ready)
{
	struct rig_config config = rig_variant(_i);
	struct ktls *k = NULL;
	struct rig rig;
	SSL *fresh;

	rig_open(&rig, &config);
	fresh = SSL_new(rig.ctx);
	ck_assert_int_eq(SSL_set_fd(fresh, rig.fd), 1);
	if (config.server)
		SSL_set_accept_state(fresh);
	else
		SSL_set_connect_state(fresh);
	ck_assert_int_eq(hand_off(&k, fresh), -KTLS_ENOTREADY);
	ck_assert_ptr_null(k);
	SSL_free(fresh);
	rig_close(&rig);
}
END_TEST

/*
 * A write that the SSL has begun.  Where a direction may leave the SSL, the
 * caller finishes it first; else it goes on with the same bytes.
 */
static void finish_write(struct rig *rig, const uint8_t *buf, size_t len)
{
	struct pollfd pfd = { rig->fd, POLLOUT, 0 };
	int n;

	while ((n = SSL_write(rig->ssl, buf, (int)len)) < 0)
		poll(&pfd, 1, -1);
	ck_assert_int_eq(n, (int)len);
	rig_handoff(rig);
}

static void begin_write(struct rig *rig, const struct rig_config *config,
			const uint8_t *buf, size_t len)
{
	int size = 8192;

	rig_open(rig, config);
	setsockopt(rig->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ck_assert_int_lt(SSL_write(rig->ssl, buf, (int)len), 0);
}

static void ends_well(struct rig *rig, struct rig_reader *reader,
		      const uint8_t *buf, size_t len)
{
	ck_assert_int_eq(rig_write_all(rig, "end", 3), 3);
	ck_assert_int_eq(rig_shutdown(rig), 0);
	rig_reader_join(reader);
	ck_assert_uint_eq(reader->len, len + 3);
	ck_assert_mem_eq(reader->data, buf, len);
	ck_assert_mem_eq(reader->data + len, "end", 3);
	rig_reader_free(reader);
	rig_close(rig);
}

START_TEST(test_pending_write)
{
	static uint8_t buf[1 << 20];
	struct rig_config config = rig_variant(_i);
	struct rig_reader reader;
	struct rig rig;

	if (!config.nonblock)
		return;
	rig_fill(buf, sizeof(buf), 0);
	begin_write(&rig, &config, buf, sizeof(buf));
	if (config.tx != KTLS_LIBRARY || config.rx != KTLS_LIBRARY) {
		ck_assert_int_eq(hand_off(&rig.k, rig.ssl),
				 -KTLS_EPENDING);
		ck_assert_ptr_null(rig.k);
		rig_reader_start(&reader, &rig, sizeof(buf) + 3);
		finish_write(&rig, buf, sizeof(buf));
	} else {
		rig_handoff(&rig);
		rig_reader_start(&reader, &rig, sizeof(buf) + 3);
		ck_assert_int_eq(rig_write_all(&rig, buf, sizeof(buf)),
				 sizeof(buf));
	}
	ends_well(&rig, &reader, buf, sizeof(buf));
}
END_TEST

/* Or the caller cannot wait, and stays with the SSL. */
START_TEST(test_pending_no_wait)
{
	static uint8_t buf[1 << 20];
	struct rig_config config = rig_variant(_i);
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct rig_reader reader;
	struct rig rig;

	if (!config.nonblock)
		return;
	rig_fill(buf, sizeof(buf), 0);
	begin_write(&rig, &config, buf, sizeof(buf));
	opts.tx = config.tx;
	opts.rx = config.rx;
	opts.flags = KTLS_NO_WAIT | tls_take();
	ck_assert_int_eq(ktls_handoff(&rig.k, rig.ssl, &opts), 0);
	rig.ssl = tls_kept(rig.ssl, opts.flags);
	if (config.tx != KTLS_LIBRARY)
		ck_assert_int_eq(rig_info(&rig).tx.reason,
				 KTLS_REASON_PENDING_WRITE);
	ck_assert_int_eq(rig_info(&rig).tx.path, KTLS_PATH_LIBRARY);
	rig_reader_start(&reader, &rig, sizeof(buf) + 3);
	ck_assert_int_eq(rig_write_all(&rig, buf, sizeof(buf)), sizeof(buf));
	ends_well(&rig, &reader, buf, sizeof(buf));
}
END_TEST

TCase *conn_state_case(void)
{
	TCase *tcase = tcase_create("state");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_info);
	conn_add(tcase, test_info_reason);
	conn_add(tcase, test_info_size);
	conn_add(tcase, test_events);
	conn_add_ssl(tcase, test_handoff_arguments);
	conn_add_ssl(tcase, test_closed_before);
	conn_add_ssl(tcase, test_not_ready);
	conn_add_ssl(tcase, test_pending_write);
	conn_add_ssl(tcase, test_pending_no_wait);
	return tcase;
}
