/* SPDX-License-Identifier: MIT */
/* The stream of bytes behind the tests of KTLS_MORE, at both of its ends. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "conn_more.h"
#include "tests/tls_calls.h"

/* Seconds in which whatever was sent has come. */
#define PATIENCE 5

uint8_t more_text[CONN_MORE_FILE];

void conn_more_limited(struct more *m, struct rig_config config,
		       uint64_t key_records)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct ktls_conn_info info;
	struct rig *rig = &m->rig;
	int on = 1;

	m->at = m->got = 0;
	m->file = memfd_create("stream", MFD_CLOEXEC);
	rig_fill(more_text, sizeof(more_text), 0);
	ck_assert_int_eq(write(m->file, more_text, CONN_MORE_FILE),
			 CONN_MORE_FILE);
	rig_open(rig, &config);
	setsockopt(rig->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(rig->peer_fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	if (key_records == 0) {
		rig_handoff(rig);
		return;
	}
	opts.flags = tls_take();
	opts.tx = config.tx;
	opts.rx = config.rx;
	opts.key_records = key_records;
	ck_assert_int_eq(rig_take_over(rig, &opts), 0);
	tls_let_go(rig->ssl, opts.flags);
	rig->ssl = NULL;
	info = rig_info(rig);
	rig->tx_path = info.tx.path;
	rig->tx_kernel = info.tx.path == KTLS_PATH_KERNEL;
	rig->rx_kernel = info.rx.path == KTLS_PATH_KERNEL;
}

void conn_more_start(struct more *m, int i)
{
	conn_more_limited(m, rig_variant(i), 0);
}

void conn_more_close(struct more *m)
{
	rig_close(&m->rig);
	close(m->file);
}

void conn_more_write(struct more *m, size_t len, int flags)
{
	ck_assert_uint_le(m->at + len, sizeof(more_text));
	ck_assert_int_eq(ktls_write(m->rig.k, more_text + m->at, len, flags),
			 (ssize_t)len);
	m->at += len;
}

void conn_more_file(struct more *m, size_t len, int flags)
{
	off_t off = (off_t)m->at;

	ck_assert_int_eq(ktls_sendfile(m->rig.k, m->file, &off, len, flags),
			 (ssize_t)len);
	m->at += len;
	ck_assert_int_eq(off, (off_t)m->at);
}

void conn_more_on_its_way(struct more *m)
{
	int unsent = -1;

	ck_assert_int_eq(ioctl(m->rig.fd, SIOCOUTQNSD, &unsent), 0);
	ck_assert_int_eq(unsent, 0);
}

void conn_more_arrives(struct more *m)
{
	conn_bytes_arrive(&m->rig, m->at - m->got, m->got);
	m->got = m->at;
}

uint64_t conn_more_sealed(struct more *m)
{
	return m->rig.tx_kernel ? rig_info(&m->rig).tx.records : 0;
}

int conn_more_can_update(const struct more *m)
{
	return m->rig.config.version == KTLS_TLS_1_3 &&
	       (!m->rig.tx_kernel || rig_rekey());
}

void conn_more_next_key(struct more *m)
{
	struct rig *rig = &m->rig;
	uint8_t *secret = rig->secret[rig->config.server ? 1 : 0];
	uint16_t suite = rig->peer_rx.suite;

	ck_assert_int_eq(ktls_secret_next(suite, secret, rig->secret_len), 0);
	ck_assert_int_eq(ktls_keys_tls13(&rig->peer_rx, suite, secret,
					 rig->secret_len), 0);
}

void conn_more_key_update(struct more *m)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	ck_assert_int_eq(rig_recv(&m->rig, &type, buf), 5);
	ck_assert_int_eq(type, KTLS_RECORD_HANDSHAKE);
	ck_assert_int_eq(buf[0], 24);
	conn_more_next_key(m);
}
