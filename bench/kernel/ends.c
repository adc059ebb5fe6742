/* SPDX-License-Identifier: MIT */
/* Two ends of a connection over loopback, in the states that are compared. */
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>

#include "../../tests/kernel/certs.h"
#include "kbench.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TLS_RX_EXPECT_NO_PAD
#define TLS_RX_EXPECT_NO_PAD 4
#endif

static struct certs certs;

int ends_init(void)
{
	return certs_make(&certs, "P-256");
}

/*
 * Some hosts default to a congestion control that paces.  The buffers have
 * room for a whole burst, sent or not yet read: a smaller window would have
 * the reader pay for what its updates make the peer's TCP send.
 */
static int set_options(int fd)
{
	int room = 8 * (int)BUF_SIZE;
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room,
		       sizeof(room)) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
}

static int connect_to(int listener, int fds[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fds[1] < 0 || set_options(listener) < 0 ||
	    set_options(fds[1]) < 0 ||
	    bind(listener, (struct sockaddr *)&addr, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
	    connect(fds[1], (struct sockaddr *)&addr, len) < 0)
		return -1;
	fds[0] = accept(listener, NULL, NULL);
	return fds[0] < 0 ? -1 : 0;
}

int ends_connect(int fds[2])
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = listener < 0 ? -1 : connect_to(listener, fds);

	if (listener >= 0)
		close(listener);
	return err;
}

/* ---------------------------------------------------- kernel TLS by hand */

int ends_install(int fd, const struct cell *cell, int dir)
{
	struct ktls_keys keys = { .version = cell->version, .seq = 1 };

	keys.suite = cell->version == KTLS_TLS_1_3 ? cell->suite->id_1_3 :
						     cell->suite->id_1_2;
	memset(keys.key, 1, sizeof(keys.key));
	memset(keys.iv, 2, sizeof(keys.iv));
	if (ktls_sock_attach(fd) < 0)
		return -1;
	return ktls_sock_install(fd, dir, &keys);
}

static int is_bare(const struct cell *cell)
{
	return cell->setup == PLAIN || cell->setup == RAW ||
	       cell->setup == RAW_NO_PAD;
}

/* The handshake was made for what it does to TCP: its windows and buffers are
 * then the same in all cells. */
static const char *strip(struct end *end, const struct cell *cell, int dir)
{
	int on = 1;

	SSL_free(end->ssl);
	end->ssl = NULL;
	if (cell->setup == PLAIN)
		return NULL;
	if (ends_install(end->fd, cell, dir) < 0)
		return "the kernel does not take the keys";
	if (dir == KTLS_RX && cell->setup == RAW_NO_PAD &&
	    setsockopt(end->fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &on,
		       sizeof(on)) < 0)
		return "the kernel has no TLS_RX_EXPECT_NO_PAD";
	return NULL;
}

/* ---------------------------------------------------------------- an SSL */

static SSL_CTX *make_ctx(const struct cell *cell, int server, int prepare)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() :
					    TLS_client_method());
	int ok = ctx != NULL &&
		 SSL_CTX_set_min_proto_version(ctx, cell->version) == 1 &&
		 SSL_CTX_set_max_proto_version(ctx, cell->version) == 1 &&
		 SSL_CTX_set_ciphersuites(ctx, cell->suite->name_1_3) == 1 &&
		 SSL_CTX_set_cipher_list(ctx, cell->suite->name_1_2) == 1 &&
		 (!server || certs_use(&certs, ctx) == 0) &&
		 (!prepare || ktls_prepare(ctx, KTLS_ATTACH_LATE) == 0);

	if (ok)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

SSL *ends_ssl(int fd, const struct cell *cell, int server, int prepare)
{
	SSL_CTX *ctx = make_ctx(cell, server, prepare);
	SSL *ssl = ctx == NULL ? NULL : SSL_new(ctx);

	SSL_CTX_free(ctx);
	if (ssl == NULL)
		return NULL;
	if (cell->setup == SSL_KERNEL && server)
		SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	/* Where bytes are counted nothing else is to be sent. */
	if (SSL_set_fd(ssl, fd) == 1 && SSL_set_num_tickets(ssl, 0) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static const char *shake_hands(struct end *end, const struct cell *cell,
			       int server, int prepare)
{
	end->ssl = ends_ssl(end->fd, cell, server, prepare);
	if (end->ssl == NULL || SSL_do_handshake(end->ssl) != 1)
		return "the handshake failed";
	return NULL;
}

static const char *check_bio(const struct end *end, const struct cell *cell)
{
	int on = cell->dir == KTLS_TX ?
			 BIO_get_ktls_send(SSL_get_wbio(end->ssl)) :
			 BIO_get_ktls_recv(SSL_get_rbio(end->ssl));

	if (on == (cell->setup == SSL_KERNEL))
		return NULL;
	return on ? "OpenSSL uses kernel TLS" :
		    "OpenSSL does not use kernel TLS here";
}

/* ----------------------------------------------------------- a hand-off */

static int is_on(struct ktls *k, int dir, enum ktls_path path)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	if (ktls_info(k, &info) < 0)
		return 0;
	return (dir == KTLS_TX ? info.tx.path : info.rx.path) == path;
}

static const char *hand_off(struct end *end, int dir, int user, unsigned flags)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;

	opts.tx = user ? KTLS_USERSPACE : KTLS_KERNEL;
	opts.rx = opts.tx;
	opts.flags = flags;
	if (ktls_handoff(&end->ktls, end->ssl, &opts) < 0)
		return "the hand-off failed";
	SSL_free(end->ssl);
	end->ssl = NULL;
	if (!is_on(end->ktls, dir, user ? KTLS_PATH_USERSPACE :
					  KTLS_PATH_KERNEL))
		return "the hand-off took another path";
	return NULL;
}

const char *ends_setup(struct end *end, const struct cell *cell)
{
	int handed = cell->setup == HANDED || cell->setup == HANDED_USER ||
		     cell->setup == HANDED_NO_PAD;
	const char *why = shake_hands(end, cell, 1, handed);

	if (why != NULL)
		return why;
	if (is_bare(cell))
		return strip(end, cell, cell->dir);
	if (!handed)
		return check_bio(end, cell);
	return hand_off(end, cell->dir, cell->setup == HANDED_USER,
			cell->setup == HANDED_NO_PAD ? KTLS_EXPECT_NO_PAD : 0);
}

/* A peer that sends has the kernel encrypt, whoever reads. */
const char *ends_setup_peer(struct end *end, const struct cell *cell)
{
	int sends = cell->dir == KTLS_RX;
	const char *why = shake_hands(end, cell, 0, sends && !is_bare(cell));

	if (why != NULL || !sends)
		return why;
	return is_bare(cell) ? strip(end, cell, KTLS_TX) :
			       hand_off(end, KTLS_TX, 0, 0);
}

const char *ends_check(struct end *end, const struct cell *cell)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	if (cell->setup != HANDED_NO_PAD)
		return NULL;
	if (ktls_info(end->ktls, &info) < 0 || !info.rx.expect_no_pad)
		return "KTLS_EXPECT_NO_PAD is not in force";
	return NULL;
}

void ends_close(struct end *end)
{
	ktls_free(end->ktls);
	SSL_free(end->ssl);
	if (end->fd >= 0)
		close(end->fd);
	end->ktls = NULL;
	end->ssl = NULL;
	end->fd = -1;
}
