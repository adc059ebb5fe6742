/* SPDX-License-Identifier: MIT */
/* What this library has to refuse, and what a kernel without TLS makes it
 * refuse: by a named error, and the socket is what it was. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "none.h"

/* A refused open on a socket that then is plain. */
static void refuse(const struct ends *e, const struct ktls_session *session,
		   const struct ktls_opts *opts, int err)
{
	struct ktls *k = (struct ktls *)(uintptr_t)e;

	expect_int(ktls_open(&k, e->fd, session, opts), err);
	expect(k == NULL);
	expect_plain(e);
}

static void wrong_lengths(const struct cell *c)
{
	static const size_t lengths[] = { 0, 1, 15, 17, 31, 33, SIZE_MAX };
	struct ktls_session good, bad;
	struct ends e;

	ends_tcp(&e, c);
	good = session_of(&e, c, false);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		bad = good;
		bad.tx.key_len = lengths[i];
		refuse(&e, &bad, NULL, -EINVAL);
		bad = good;
		bad.rx.iv_len = lengths[i];
		refuse(&e, &bad, NULL, -EINVAL);
	}
	bad = good;
	bad.tx.key_len = 48 - good.tx.key_len;
	refuse(&e, &bad, NULL, -EINVAL);
	bad = good;
	bad.rx.iv_len = 4;
	if (!has_salt(c))
		refuse(&e, &bad, NULL, -EINVAL);
	bad = good;
	bad.rx.key = NULL;
	refuse(&e, &bad, NULL, -EINVAL);
	bad = good;
	bad.tx.iv = NULL;
	refuse(&e, &bad, NULL, -EINVAL);
	ends_close(&e);
}

static void wrong_session(const struct cell *c)
{
	struct ktls_session good, bad;
	struct ends e;

	ends_tcp(&e, c);
	good = session_of(&e, c, false);
	refuse(&e, NULL, NULL, -EINVAL);
	expect_int(ktls_open(NULL, e.fd, &good, NULL), -EINVAL);
	bad = good;
	bad.size = 0;
	refuse(&e, &bad, NULL, -EINVAL);
	bad = good;
	bad.version = 0x0302;
	refuse(&e, &bad, NULL, -KTLS_EVERSION);
	bad = good;
	bad.version ^= KTLS_TLS_1_2 ^ KTLS_TLS_1_3;
	refuse(&e, &bad, NULL, -KTLS_ESUITE);
	bad = good;
	bad.suite = 0x1304;
	refuse(&e, &bad, NULL, -KTLS_ESUITE);
	bad = good;
	bad.tx.seq = UINT64_MAX;
	refuse(&e, &bad, NULL, -EOVERFLOW);
	bad = good;
	bad.rx.seq = UINT64_MAX;
	refuse(&e, &bad, NULL, -EOVERFLOW);
	ends_close(&e);
}

static void wrong_options(const struct cell *c)
{
	static const unsigned flags[] = { KTLS_KEEP_SSL, KTLS_TAKE_SSL,
					  1U << 31 };
	const struct ktls_opts good = KTLS_OPTS_INIT;
	struct ktls_session session;
	struct ktls_opts bad;
	struct ends e;

	ends_tcp(&e, c);
	session = session_of(&e, c, false);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		bad = good;
		bad.flags = flags[i];
		refuse(&e, &session, &bad, -EINVAL);
	}
	bad = good;
	bad.tx = KTLS_LIBRARY;
	refuse(&e, &session, &bad, -EINVAL);
	bad = good;
	bad.size = 1;
	refuse(&e, &session, &bad, -EINVAL);
	ends_close(&e);
}

/* Whatever asks for a cipher or a hash of ours. */
static void needs_cryptography(const struct cell *c)
{
	static const uint8_t secret[48];
	const struct ktls_opts none = KTLS_OPTS_INIT;
	struct ktls_opts opts = none;
	struct ktls_session session;
	struct ends e;

	ends_tcp(&e, c);
	session = session_of(&e, c, false);
	opts.tx = KTLS_USERSPACE;
	refuse(&e, &session, &opts, -EOPNOTSUPP);
	opts = none;
	opts.rx = KTLS_USERSPACE;
	refuse(&e, &session, &opts, -EOPNOTSUPP);
	setenv("KTLS_PATH", "rx=userspace", 1);
	refuse(&e, &session, NULL, -EOPNOTSUPP);
	unsetenv("KTLS_PATH");
	session.ciphertext = secret;
	session.ciphertext_len = 1;
	refuse(&e, &session, NULL, -EOPNOTSUPP);
	if (c->version == KTLS_TLS_1_3) {
		session = session_of(&e, c, false);
		session.rx.secret = secret;
		session.rx.secret_len = c->suite == 0x1302 ? 48 : 32;
		refuse(&e, &session, NULL, -EOPNOTSUPP);
	}
	ends_close(&e);
}

static void refuse_fd(const struct cell *c, int fd, int err)
{
	struct ends e = { .fd = -1 };
	struct ktls_session session;
	struct ktls *k = (struct ktls *)&e;

	session = session_of(&e, c, false);
	expect_int(ktls_open(&k, fd, &session, NULL), err);
	expect(k == NULL);
}

static void wrong_descriptors(const struct cell *c)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int fds[2];

	refuse_fd(c, -1, -EBADF);
	expect_int(pipe(fds), 0);
	refuse_fd(c, fds[0], -ENOTSOCK);
	close(fds[0]);
	close(fds[1]);
	refuse_fd(c, fds[0], -EBADF);
	expect_int(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	refuse_fd(c, fds[0], -EOPNOTSUPP);
	close(fds[0]);
	close(fds[1]);
	refuse_fd(c, udp, -EOPNOTSUPP);
	refuse_fd(c, tcp, -ENOTCONN);
	expect_int(bind(tcp, (struct sockaddr *)&addr, sizeof(addr)), 0);
	expect_int(listen(tcp, 1), 0);
	refuse_fd(c, tcp, -ENOTCONN);
	close(tcp);
	close(udp);
}

/* No pointer is looked at: there is nothing that knows what is behind. */
static void no_tls_library(const struct cell *c)
{
	struct ssl_ctx_st *ctx = (struct ssl_ctx_st *)(uintptr_t)c;
	struct ssl_st *ssl = (struct ssl_st *)(uintptr_t)c;
	struct ktls *k = (struct ktls *)(uintptr_t)c;

	expect_int(ktls_prepare(ctx, 0), -EOPNOTSUPP);
	expect_int(ktls_set_msg_callback(ctx, NULL, NULL), -EOPNOTSUPP);
	expect_int(ktls_handoff(&k, ssl, NULL), -EOPNOTSUPP);
	expect(k == NULL);
	expect_int(ktls_handoff(NULL, ssl, NULL), -EINVAL);
}

static bool is_zero(const void *buf, size_t len)
{
	const uint8_t *at = buf;

	while (len > 0 && *at == 0)
		at++, len--;
	return len == 0;
}

static void no_key_schedule(const struct cell *c)
{
	uint8_t secret[48] = { 1, 2, 3 };
	const size_t len = c->suite == 0x1302 ? 48 : 32;
	struct ktls_keys a, b;

	memset(&a, 0xff, sizeof(a));
	memset(&b, 0xff, sizeof(b));
	if (c->version == KTLS_TLS_1_3) {
		expect_int(ktls_keys_tls13(&a, c->suite, secret, len),
			   -EOPNOTSUPP);
		expect_int(ktls_secret_next(c->suite, secret, len),
			   -EOPNOTSUPP);
		expect(secret[0] == 1 && secret[2] == 3 && secret[3] == 0);
		expect_int(ktls_keys_tls13(&b, c->suite, secret, 1), -EINVAL);
		expect_int(ktls_keys_tls13(&b, 0xc02f, secret, len),
			   -KTLS_ESUITE);
	} else {
		expect_int(ktls_keys_tls12(&a, &b, c->suite, secret, secret,
					   secret),
			   -EOPNOTSUPP);
	}
	expect(is_zero(&a, sizeof(a)) && is_zero(&b, sizeof(b)));
}

/* Pure functions need none of it. */
static void what_is_left(const struct cell *c)
{
	uint8_t info[KTLS_CRYPTO_INFO_MAX];
	struct ends e;

	ends_tcp(&e, c);
	expect_int(ktls_crypto_info(info, sizeof(info), &e.out),
		   c->key_len == 16 ? 40 : 56);
	expect(ktls_suite_name(c->suite) != NULL);
	expect(strcmp(ktls_strerror(-KTLS_EKEYUPDATE),
		      ktls_strerror(-EOPNOTSUPP)) != 0);
	ktls_keys_wipe(&e.out);
	expect(is_zero(&e.out, sizeof(e.out)));
	ends_close(&e);
}

const struct test refused_tests[] = {
	{ "wrong lengths", wrong_lengths },
	{ "wrong sessions", wrong_session },
	{ "wrong options", wrong_options },
	{ "what needs cryptography", needs_cryptography },
	{ "wrong descriptors", wrong_descriptors },
	{ "no TLS library", no_tls_library },
	{ "no key schedule", no_key_schedule },
	{ "functions that need nothing", what_is_left },
	{ NULL, NULL },
};

/* Neither is there another path. */
static void kernel_has_no_tls(const struct cell *c)
{
	const struct ktls_opts none = KTLS_OPTS_INIT;
	struct ktls_opts opts = none;
	struct ktls_session session;
	struct ends e;

	ends_tcp(&e, c);
	session = session_of(&e, c, false);
	refuse(&e, &session, NULL, -ENOENT);
	opts.tx = KTLS_KERNEL;
	opts.rx = KTLS_KERNEL;
	refuse(&e, &session, &opts, -ENOENT);
	expect_int(ktls_sock_attach(e.fd), -ENOENT);
	expect_int(ktls_sock_install(e.fd, KTLS_TX, &e.out), -ENOPROTOOPT);
	expect_int(ktls_sock_send(e.fd, KTLS_RECORD_DATA, "x", 1, 0),
		   -KTLS_EUNPROVEN);
	expect_plain(&e);
	ends_close(&e);
}

const struct test absent_tests[] = {
	{ "no TLS in this kernel", kernel_has_no_tls },
	{ NULL, NULL },
};
