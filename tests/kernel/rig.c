/* SPDX-License-Identifier: MIT */
/* Both ends of one connection in this process, up to and past a hand-off. */
#include "rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "certs.h"
#include "tests/tls_calls.h"

/* Version, role and suite go round together: each AEAD and role is there. */
static const struct rig_config kinds[] = {
	{ .version = KTLS_TLS_1_3, .server = 1,
	  .suite = "TLS_AES_128_GCM_SHA256" },
	{ .version = KTLS_TLS_1_3, .server = 0,
	  .suite = "TLS_CHACHA20_POLY1305_SHA256" },
	{ .version = KTLS_TLS_1_2, .server = 1,
	  .suite = "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ .version = KTLS_TLS_1_2, .server = 0,
	  .suite = "ECDHE-ECDSA-AES128-GCM-SHA256" }
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

/* What one kernel or option has lies side by side. */
static const enum ktls_choice paths[][2] = {
	{ KTLS_LIBRARY, KTLS_LIBRARY },
	{ KTLS_USERSPACE, KTLS_USERSPACE },
	{ KTLS_USERSPACE, KTLS_LIBRARY },
	{ KTLS_LIBRARY, KTLS_USERSPACE },
	{ KTLS_KERNEL, KTLS_KERNEL },
	{ KTLS_KERNEL, KTLS_LIBRARY },
	{ KTLS_LIBRARY, KTLS_KERNEL },
	{ KTLS_KERNEL, KTLS_USERSPACE },
	{ KTLS_USERSPACE, KTLS_KERNEL }
};
#define PATHS ((int)(sizeof(paths) / sizeof(paths[0])))
#define OUR_PATHS 4 /* without a kernel's */

/* Those that need no SSL: with a kernel's, and the one without. */
static const int keys_paths[] = { 4, 7, 8, 1 };
#define KEYS_PATHS 3

static struct certs certs;
static struct ktls_features features = { .size = sizeof(features) };
static int use_kernel;
static int first_path;
static int n_paths;

int rig_setup(int library_only)
{
	if (ktls_probe(&features) < 0 || certs_make(&certs, "P-256") < 0)
		return -1;
	use_kernel = !library_only && features.ulp == 0;
	/* Without the kernel's they run faster where there is none. */
	first_path = use_kernel ? OUR_PATHS : 0;
	n_paths = use_kernel ? PATHS - OUR_PATHS : OUR_PATHS;
	if (rig_keys()) {
		first_path = use_kernel ? 0 : KEYS_PATHS;
		n_paths = use_kernel ? KEYS_PATHS : 1;
	}
	return 0;
}

void rig_only(enum ktls_choice choice)
{
	if (choice == KTLS_KERNEL) {
		n_paths = 1;
		return;
	}
	use_kernel = 0;
	first_path = choice == KTLS_USERSPACE;
	n_paths = choice == KTLS_USERSPACE ? OUR_PATHS - 1 : 1;
	if (rig_keys()) {
		first_path = KEYS_PATHS;
		n_paths = choice == KTLS_USERSPACE;
	}
}

enum ktls_choice rig_argument(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--library") == 0)
		return KTLS_LIBRARY;
	if (argc > 1 && strcmp(argv[1], "--userspace") == 0)
		return KTLS_USERSPACE;
	if (argc > 1 && strcmp(argv[1], "--kernel") == 0)
		return KTLS_KERNEL;
	return KTLS_AUTO;
}

void rig_teardown(void)
{
	certs_free(&certs);
}

int rig_kernel(void)
{
	return use_kernel;
}

int rig_rekey(void)
{
	return features.rekey;
}

int rig_variants(void)
{
	return 2 * KINDS * n_paths;
}

struct rig_config rig_variant(int i)
{
	struct rig_config config = kinds[i / 2 % KINDS];
	int path = first_path + i / 2 / KINDS;

	if (rig_keys())
		path = keys_paths[path];

	config.nonblock = i & 1;
	config.tx = paths[path][0];
	config.rx = paths[path][1];
	return config;
}

static const char *choice_name(enum ktls_choice choice)
{
	if (choice == KTLS_KERNEL)
		return "kernel";
	return choice == KTLS_USERSPACE ? "userspace" : "library";
}

const char *rig_variant_name(int i)
{
	static char name[80];
	struct rig_config config = rig_variant(i);

	snprintf(name, sizeof(name), "tx %s, rx %s, TLS 1.%d, %s, %s",
		 choice_name(config.tx), choice_name(config.rx),
		 (config.version & 0xff) - 1,
		 config.server ? "server" : "client",
		 config.nonblock ? "nonblocking" : "blocking");
	return name;
}

void rig_tcp_pair(int fd[2], int rcvbuf)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (rcvbuf)
		ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_RCVBUF,
					    &rcvbuf, sizeof(rcvbuf)), 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (void *)&addr, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (void *)&addr, &len), 0);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd[0], (void *)&addr, len), 0);
	fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd[1], 0);
	close(listener);
}

static SSL_CTX *new_context(const struct rig_config *config, int server)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() :
					    TLS_client_method());
	int set;

	ck_assert_ptr_nonnull(ctx);
	SSL_CTX_set_min_proto_version(ctx, config->version);
	SSL_CTX_set_max_proto_version(ctx, config->version);
	if (config->version == KTLS_TLS_1_3)
		set = tls_set_suites(ctx, config->suite);
	else
		set = SSL_CTX_set_cipher_list(ctx, config->suite);
	ck_assert_int_eq(set, 1);
	tls_offer_late_auth(ctx, !server && config->late_auth);
	if (!server && !config->late_auth)
		return ctx;
	ck_assert_int_eq(certs_use(&certs, ctx), 0);
	SSL_CTX_set_num_tickets(ctx, (size_t)config->tickets);
	return ctx;
}

static SSL *new_ssl(struct rig *rig, SSL_CTX *ctx, int fd, int server)
{
	SSL *ssl = SSL_new(ctx);

	ck_assert_ptr_nonnull(ssl);
	SSL_set_app_data(ssl, rig);
	ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

static void set_nonblock(int fd, int on)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_RDWR | (on ? O_NONBLOCK : 0)),
			 0);
}

static int step(SSL *ssl)
{
	int ret = SSL_do_handshake(ssl);
	int err = SSL_get_error(ssl, ret);

	ck_assert(ret == 1 || err == SSL_ERROR_WANT_READ ||
		  err == SSL_ERROR_WANT_WRITE);
	return ret == 1;
}

static void handshake(struct rig *rig)
{
	int ours = 0;
	int peers = 0;

	set_nonblock(rig->fd, 1);
	set_nonblock(rig->peer_fd, 1);
	while (!ours || !peers) {
		ours = ours || step(rig->ssl);
		peers = peers || step(rig->peer);
	}
	set_nonblock(rig->fd, rig->config.nonblock);
	set_nonblock(rig->peer_fd, 0);
}

void rig_open(struct rig *rig, const struct rig_config *config)
{
	int fd[2];

	memset(rig, 0, sizeof(*rig));
	rig->config = *config;
	rig_tcp_pair(fd, config->rcvbuf);
	rig->fd = fd[0];
	rig->peer_fd = fd[1];
	rig->ctx = new_context(config, config->server);
	rig->peer_ctx = new_context(config, !config->server);
	if (rig_keys())
		rig_keys_context(rig->ctx);
	else
		ck_assert_int_eq(ktls_prepare(rig->ctx, config->prepare), 0);
	SSL_CTX_set_keylog_callback(rig->peer_ctx, rig_keylog);
	rig->ssl = new_ssl(rig, rig->ctx, fd[0], config->server);
	rig->peer = new_ssl(rig, rig->peer_ctx, fd[1], !config->server);
	if (rig_keys())
		rig_keys_watch(rig);
	handshake(rig);
	rig_derive(rig);
}

/* Nothing here may pass because it ran elsewhere. */
static void check_path(enum ktls_choice choice, enum ktls_path path)
{
	if (choice == KTLS_LIBRARY)
		ck_assert_int_eq(path, KTLS_PATH_LIBRARY);
	else if (choice == KTLS_KERNEL && use_kernel)
		ck_assert_int_eq(path, KTLS_PATH_KERNEL);
	else if (choice != KTLS_AUTO)
		ck_assert_int_eq(path, KTLS_PATH_USERSPACE);
}

void rig_handoff(struct rig *rig)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct pollfd pfd = { rig->fd, POLLIN, 0 };
	struct ktls_conn_info info;
	int err;

	opts.tx = rig->config.tx;
	opts.rx = rig->config.rx;
	opts.flags = rig->config.flags | tls_take();
	while ((err = rig_take_over(rig, &opts)) == -EAGAIN)
		poll(&pfd, 1, -1);
	ck_assert_int_eq(err, 0);
	tls_let_go(rig->ssl, opts.flags);
	rig->ssl = NULL;
	info = rig_info(rig);
	rig->tx_path = info.tx.path;
	rig->rx_path = info.rx.path;
	rig->tx_kernel = info.tx.path == KTLS_PATH_KERNEL;
	rig->rx_kernel = info.rx.path == KTLS_PATH_KERNEL;
	check_path(opts.tx, info.tx.path);
	check_path(opts.rx, info.rx.path);
}

int rig_is_boring(const struct rig *rig)
{
	return rig->rx_path == KTLS_PATH_LIBRARY && !tls_has(TLS_AS_OPENSSL);
}

void rig_start(struct rig *rig, int i)
{
	struct rig_config config = rig_variant(i);

	rig_open(rig, &config);
	rig_handoff(rig);
}

void rig_close(struct rig *rig)
{
	ktls_free(rig->k);
	SSL_free(rig->ssl);
	SSL_free(rig->peer);
	SSL_CTX_free(rig->ctx);
	SSL_CTX_free(rig->peer_ctx);
	if (rig->fd >= 0)
		close(rig->fd);
	if (rig->peer_fd >= 0)
		close(rig->peer_fd);
	ktls_keys_wipe(&rig->peer_tx);
	ktls_keys_wipe(&rig->peer_rx);
	memset(rig, 0, sizeof(*rig));
	rig->fd = -1;
	rig->peer_fd = -1;
}
