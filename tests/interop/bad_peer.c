/* SPDX-License-Identifier: MIT */
/*
 * bad_peer - the peer that the end-to-end tests are afraid of: it sends
 * garbage, halves and resets to a server on 127.0.0.1, or is a server that
 * cuts its answer off.  Exit status 0: the other side did the right thing.
 *
 *   bad_peer MODE PORT [PATH [FILE]]
 *   cc -std=c11 -D_GNU_SOURCE bad_peer.c -o bad_peer -lssl -lcrypto
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

struct peer {
	int fd;
	SSL *ssl;
	const char *path, *file;
};

/* How a stream ended. */
enum end { END_NOTIFY, END_BROKEN, END_NEVER };

/* Nothing here should take long; what hangs is found by this limit. */
static void limit(int fd)
{
	const struct timeval tv = { .tv_sec = 120, .tv_usec = 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int dial(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	const int small = 65536;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Little room: a large answer is still on its way for long. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	limit(fd);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("connect");
		exit(2);
	}
	return fd;
}

static void handshake(struct peer *p)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	const char *version = getenv("BAD_PEER_TLS");

	if (version && strcmp(version, "1.2") == 0)
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	p->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(p->ssl, p->fd);
	if (SSL_connect(p->ssl) != 1) {
		ERR_print_errors_fp(stderr);
		exit(2);
	}
}

static void get(struct peer *p, const char *more)
{
	char buf[1024];
	int len = snprintf(buf, sizeof(buf), "GET %s HTTP/1.1\r\n"
			   "Host: localhost\r\n%s\r\n", p->path, more);

	if (SSL_write(p->ssl, buf, len) != len)
		exit(2);
}

/* The server hangs up, whatever it says before. */
static int raw_end(int fd)
{
	char buf[4096];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n > 0);
	return n == 0 || errno != EAGAIN ? 0 : 1;
}

static enum end read_all(struct peer *p, long long limit_bytes,
			 long long *total)
{
	char buf[16384];
	int n;

	ERR_clear_error();
	while (*total < limit_bytes) {
		errno = 0;
		n = SSL_read(p->ssl, buf, sizeof(buf));
		if (n > 0) {
			*total += n;
			continue;
		}
		switch (SSL_get_error(p->ssl, n)) {
		case SSL_ERROR_ZERO_RETURN: return END_NOTIFY;
		case SSL_ERROR_WANT_READ: return END_NEVER;
		default: return END_BROKEN;
		}
	}
	return END_NEVER;
}

static int garbage(struct peer *p)
{
	static const char text[] = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";

	send(p->fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	return raw_end(p->fd);
}

static int silent(struct peer *p)
{
	return raw_end(p->fd);
}

/* A ClientHello that stops in the middle of its record. */
static int half_hello(struct peer *p)
{
	static const unsigned char start[] = { 22, 3, 1, 1, 0, 1, 0, 0, 252,
					       3, 3, 7, 7, 7, 7, 7, 7, 7 };

	send(p->fd, start, sizeof(start), MSG_NOSIGNAL);
	return raw_end(p->fd);
}

/* Looks like a record, but is under no key. */
static int false_record(struct peer *p)
{
	unsigned char record[5 + 64] = { 23, 3, 3, 0, 64 };
	long long total = 0;

	handshake(p);
	memset(record + 5, 0xa5, 64);
	send(p->fd, record, sizeof(record), MSG_NOSIGNAL);
	return read_all(p, 1 << 20, &total) == END_BROKEN ? 0 : 1;
}

static int no_record(struct peer *p)
{
	unsigned char noise[512];
	long long total = 0;

	handshake(p);
	memset(noise, 0xff, sizeof(noise));
	send(p->fd, noise, sizeof(noise), MSG_NOSIGNAL);
	return read_all(p, 1 << 20, &total) == END_BROKEN ? 0 : 1;
}

/* Three bytes of a header, or a header and some of its body, then silence. */
static int half_header(struct peer *p)
{
	static const unsigned char start[] = { 23, 3, 3 };

	handshake(p);
	send(p->fd, start, sizeof(start), MSG_NOSIGNAL);
	return raw_end(p->fd);
}

static int half_record(struct peer *p)
{
	static const unsigned char start[] = { 23, 3, 3, 1, 0, 1, 2, 3, 4 };

	handshake(p);
	send(p->fd, start, sizeof(start), MSG_NOSIGNAL);
	return raw_end(p->fd);
}

static int half_record_fin(struct peer *p)
{
	static const unsigned char start[] = { 23, 3, 3, 1, 0, 1, 2, 3, 4 };

	handshake(p);
	send(p->fd, start, sizeof(start), MSG_NOSIGNAL);
	shutdown(p->fd, SHUT_WR);
	return raw_end(p->fd);
}

static int half_request(struct peer *p)
{
	static const char start[] = "GET /f1 HTTP/1.1\r\nHost: loc";

	handshake(p);
	SSL_write(p->ssl, start, sizeof(start) - 1);
	return raw_end(p->fd);
}

static int http_garbage(struct peer *p)
{
	unsigned char noise[2048];
	long long total = 0;

	handshake(p);
	memset(noise, 0x01, sizeof(noise));
	SSL_write(p->ssl, noise, sizeof(noise));
	return read_all(p, 1 << 20, &total) == END_NOTIFY ? 0 : 1;
}

static int long_header(struct peer *p)
{
	char line[1024];
	long long total = 0;
	int i;

	handshake(p);
	memset(line, 'x', sizeof(line));
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	SSL_write(p->ssl, "GET / HTTP/1.1\r\n", 16);
	for (i = 0; i < 24; i++)
		if (SSL_write(p->ssl, line, sizeof(line)) <= 0)
			break;
	return read_all(p, 1 << 20, &total) == END_NOTIFY ? 0 : 1;
}

static int reset_in_transfer(struct peer *p)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	long long total = 0;

	handshake(p);
	get(p, "");
	read_all(p, 65536, &total);
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return total >= 65536 ? 0 : 1;
}

/* The file loses its second half while it is sent: the answer must break. */
static int shrink(struct peer *p)
{
	long long total = 0;
	enum end end;

	handshake(p);
	get(p, "Connection: close\r\n");
	read_all(p, 65536, &total);
	if (truncate(p->file, 65536) < 0)
		return 2;
	end = read_all(p, 1LL << 40, &total);
	printf("%lld bytes came\n", total);
	return end == END_BROKEN ? 0 : 1;
}

/* FIN right behind the request, and no close_notify: still answered. */
static int half_close(struct peer *p)
{
	long long total = 0;
	enum end end;

	handshake(p);
	get(p, "Connection: close\r\n");
	shutdown(p->fd, SHUT_WR);
	end = read_all(p, 1LL << 40, &total);
	printf("%lld bytes came\n", total);
	return end == END_NOTIFY && total > 1048576 ? 0 : 1;
}

/* A record for each byte of the request. */
static int dribble(struct peer *p)
{
	static const char text[] = "GET /f1 HTTP/1.1\r\nHost: localhost\r\n"
				   "Connection: close\r\n\r\n";
	long long total = 0;
	size_t i;

	handshake(p);
	for (i = 0; i < sizeof(text) - 1; i++)
		SSL_write(p->ssl, text + i, 1);
	return read_all(p, 1 << 20, &total) == END_NOTIFY && total > 100 ?
		0 : 1;
}

static const struct mode {
	const char *name;
	int (*run)(struct peer *p);
} modes[] = {
	{ "garbage", garbage },
	{ "silent", silent },
	{ "half-hello", half_hello },
	{ "false-record", false_record },
	{ "no-record", no_record },
	{ "half-header", half_header },
	{ "half-record", half_record },
	{ "half-record-fin", half_record_fin },
	{ "half-request", half_request },
	{ "http-garbage", http_garbage },
	{ "long-header", long_header },
	{ "reset", reset_in_transfer },
	{ "shrink", shrink },
	{ "half-close", half_close },
	{ "dribble", dribble },
};

/*
 * The server of mode "cut": an answer without a length, then FIN without
 * close_notify.  `path` and `file` are its certificate and key.
 */
static int cut(const char *cert, const char *key)
{
	static const char text[] = "HTTP/1.0 200 OK\r\n\r\nonly the half of it";
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int fd, listener = socket(AF_INET, SOCK_STREAM, 0);
	char buf[4096];
	SSL *ssl;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    bind(listener, (struct sockaddr *)&addr, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
		return 2;
	printf("listening on 127.0.0.1:%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	limit(fd);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, buf, sizeof(buf)) > 0)
		SSL_write(ssl, text, sizeof(text) - 1);
	shutdown(fd, SHUT_WR);
	raw_end(fd);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	close(listener);
	return 0;
}

int main(int argc, char **argv)
{
	struct peer p = { .fd = -1, .path = "/" };
	int status = 2;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && strcmp(argv[1], "cut") == 0)
		return cut(argv[2], argv[3]);
	if (argc < 3)
		return 2;
	if (argc > 3)
		p.path = argv[3];
	if (argc > 4)
		p.file = argv[4];
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, argv[1]) != 0)
			continue;
		p.fd = dial(atoi(argv[2]));
		status = modes[i].run(&p);
		SSL_free(p.ssl);
		close(p.fd);
	}
	return status;
}
