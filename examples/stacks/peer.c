/* SPDX-License-Identifier: MIT */
/*
 * peer - what the programs of this folder do with a connection, whichever
 * stack made its handshake.  All I/O behind stack_take_over() is libktls'.
 *
 *   gnutls_keys server [--port P] --cert FILE --key FILE [--file FILE]
 *   gnutls_keys client --port P --ca FILE [--host NAME] [--send FILE]
 *
 *   --file FILE   a server's: answer a request by HTTP with that file
 *   --send FILE   a client's: send it; what comes goes to standard output
 *                 (without these two all that comes is sent back)
 *   --bytes N     end after having received N bytes (when the peer ends)
 *   --first N     N bytes go in both directions before keys are taken over
 *   --read-ahead  read all there is from the socket, not record by record
 *   --suites S    what to offer: GnuTLS: a priority string; Mbed TLS: a suite's
 *                 name; wolfSSL: a list of suites
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "stack.h"

struct options {
	struct settings set;
	const char *port, *file, *send;
	size_t bytes, first;
	int read_ahead;
};

/* One connection of ours, and how far it is. */
struct peer {
	const struct options *o;
	struct ktls *k;
	int in_fd;             /* of --send or --file, or -1 */
	off_t offset;          /* how much of it is sent */
	size_t received;
};

ssize_t input_read(struct input *in, void *buf, size_t len)
{
	ssize_t n;

	if (in->begin == in->end && !in->read_ahead)
		return recv(in->fd, buf, len, 0);
	if (in->begin == in->end) {
		n = recv(in->fd, in->buf, sizeof(in->buf), 0);
		if (n <= 0)
			return n;
		in->begin = 0;
		in->end = (size_t)n;
	}
	if (len > in->end - in->begin)
		len = in->end - in->begin;
	memcpy(buf, in->buf + in->begin, len);
	in->begin += len;
	return (ssize_t)len;
}

int check_record_limit(size_t max)
{
	if (max >= RECORD_MAX)
		return 0;
	fprintf(stderr, "records of up to %zu bytes were agreed on, ours have "
		"up to %d: not taken over\n", max, RECORD_MAX);
	return -EOPNOTSUPP;
}

static void print_direction(const char *name, const struct ktls_direction *d)
{
	fprintf(stderr, "%s %s", name, ktls_path_name(d->path));
	if (d->path != KTLS_PATH_KERNEL)
		fprintf(stderr, " (%s)", ktls_reason_name(d->reason));
}

static void print_paths(struct ktls *k)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	const char *suite;

	if (ktls_info(k, &info) < 0)
		return;
	suite = ktls_suite_name(info.suite);
	fprintf(stderr, "%s %s: ", info.version == KTLS_TLS_1_3 ? "TLSv1.3" :
		"TLSv1.2", suite ? suite : "another suite");
	print_direction("tx", &info.tx);
	print_direction(", rx", &info.rx);
	fputc('\n', stderr);
}

static void print_updates(struct ktls *k)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	if (ktls_info(k, &info) == 0)
		fprintf(stderr, "key updates: %llu sent, %llu received; "
			"tickets: %llu\n",
			(unsigned long long)info.key_updates_sent,
			(unsigned long long)info.key_updates_received,
			(unsigned long long)info.tickets);
}

static int write_all(struct ktls *k, const char *buf, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = ktls_write(k, buf, len, 0);
		if (n < 0 && n != -EINTR)
			return (int)n;
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* From p->offset to the end of the file. */
static int send_file(struct peer *p)
{
	ssize_t n;

	do
		n = ktls_sendfile(p->k, p->in_fd, &p->offset, 1 << 30, 0);
	while (n > 0 || n == -EINTR);
	return (int)n;
}

/* A blank line ends the request, whatever it was; close_notify the answer. */
static int answer(struct peer *p)
{
	static const char head[] = "HTTP/1.0 200 OK\r\n\r\n";
	char request[4096];
	size_t len = 0;
	ssize_t n;
	int err;

	do {
		n = ktls_read(p->k, request + len, sizeof(request) - 1 - len);
		if (n <= 0 && n != -EINTR)
			return n < 0 ? (int)n : -EPROTO;
		len += n > 0 ? (size_t)n : 0;
		request[len] = '\0';
	} while (!strstr(request, "\r\n\r\n") && len < sizeof(request) - 1);
	err = write_all(p->k, head, sizeof(head) - 1);
	return err < 0 ? err : send_file(p);
}

static int deliver(struct peer *p, const char *buf, size_t len)
{
	p->received += len;
	if (p->in_fd < 0)
		return write_all(p->k, buf, len);
	return fwrite(buf, 1, len, stdout) == len ? 0 : -EIO;
}

/* Until the peer's close_notify, or all that is wanted. */
static int receive(struct peer *p)
{
	char buf[RECORD_MAX];
	ssize_t n = 1;
	int err = 0;

	while (err == 0 && n != 0 &&
	       !(p->o->bytes && p->received >= p->o->bytes)) {
		n = ktls_read(p->k, buf, sizeof(buf));
		if (n > 0)
			err = deliver(p, buf, (size_t)n);
		else if (n < 0 && n != -EINTR)
			err = (int)n;
	}
	return err;
}

/* Closing with unread data in the socket would reset the connection: so wait
 * a little for the peer to close, too. */
static int go_on(struct peer *p)
{
	int err = 0;

	if (p->o->file)
		err = answer(p);
	else if (p->o->send)
		err = send_file(p);
	if (err == 0 && !p->o->file)
		err = receive(p);
	if (err == 0)
		do
			err = ktls_shutdown(p->k);
		while (err == -EINTR);
	print_updates(p->k);
	while (ktls_linger(p->k, 1 << 20, 5000) == -EINTR)
		;
	return err;
}

/* Both directions have moved on when the keys are taken over. */
static int first_exchange(struct peer *p, struct stack *s)
{
	char buf[RECORD_MAX];
	size_t want = p->o->first;
	ssize_t n = 0;

	if (p->o->send) {
		n = pread(p->in_fd, buf, want, 0);
		if (n < 0 || stack_write(s, buf, (size_t)n) < 0)
			return -EIO;
		p->offset = n;
	}
	while (p->received < want) {
		n = stack_read(s, buf, want - p->received);
		if (n <= 0)
			return -EIO;
		p->received += (size_t)n;
		if (p->in_fd < 0 && stack_write(s, buf, (size_t)n) < 0)
			return -EIO;
		if (p->in_fd >= 0 &&
		    fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return -EIO;
	}
	return 0;
}

/* The stack's session lives until its keys are ours. */
static int connection(const struct options *o, int fd)
{
	struct peer p = { .o = o, .in_fd = -1 };
	struct input in = { .fd = fd, .read_ahead = o->read_ahead };
	const char *path = o->file ? o->file : o->send;
	struct stack *s = NULL;
	int err;

	if (path) {
		p.in_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (p.in_fd < 0)
			return -errno;
	}
	err = stack_handshake(&s, &o->set, &in);
	if (err == 0)
		err = first_exchange(&p, s);
	if (err == 0)
		err = stack_take_over(&p.k, s);
	stack_free(s);
	if (err == 0) {
		print_paths(p.k);
		err = go_on(&p);
	}
	ktls_free(p.k);
	if (p.in_fd >= 0)
		close(p.in_fd);
	return err;
}

static int tcp_accept(const char *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	const int on = 1;
	int fd = -1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (listener < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (struct sockaddr *)&addr, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) < 0) {
		perror("listen");
	} else {
		fprintf(stderr, "listening on 0.0.0.0:%u\n",
			ntohs(addr.sin_port));
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	if (listener >= 0)
		close(listener);
	return fd;
}

static int tcp_connect(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *ai;
	int err, fd = -1;

	err = getaddrinfo(host, port, &hints, &list);
	if (err != 0) {
		fprintf(stderr, "%s: %s\n", host, gai_strerror(err));
		return -1;
	}
	for (ai = list; ai && fd < 0; ai = ai->ai_next) {
		fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
			perror(host);
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

static const struct option long_options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "host", required_argument, NULL, 'h' },
	{ "cert", required_argument, NULL, 'c' },
	{ "key", required_argument, NULL, 'k' },
	{ "ca", required_argument, NULL, 'a' },
	{ "file", required_argument, NULL, 'f' },
	{ "send", required_argument, NULL, 's' },
	{ "bytes", required_argument, NULL, 'b' },
	{ "first", required_argument, NULL, '1' },
	{ "read-ahead", no_argument, NULL, 'r' },
	{ "suites", required_argument, NULL, 'u' },
	{ NULL, 0, NULL, 0 }
};

static int parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (c) {
		case 'p': o->port = optarg; break;
		case 'h': o->set.host = optarg; break;
		case 'c': o->set.cert = optarg; break;
		case 'k': o->set.key = optarg; break;
		case 'a': o->set.ca = optarg; break;
		case 'f': o->file = optarg; break;
		case 's': o->send = optarg; break;
		case 'b': o->bytes = strtoull(optarg, NULL, 10); break;
		case '1': o->first = strtoull(optarg, NULL, 10); break;
		case 'r': o->read_ahead = 1; break;
		case 'u': o->set.suites = optarg; break;
		default: return -1;
		}
	if (optind + 1 != argc || o->first > RECORD_MAX)
		return -1;
	o->set.server = strcmp(argv[optind], "server") == 0;
	if (o->set.server)
		return o->set.cert && o->set.key && !o->send ? 0 : -1;
	return strcmp(argv[optind], "client") == 0 && o->set.ca && !o->file ?
	       0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = { .set.host = "localhost", .port = "0" };
	/* A silent peer must not keep us for ever. */
	const struct timeval limit = { .tv_sec = 30, .tv_usec = 0 };
	const int on = 1;
	int fd, err;

	if (parse(&o, argc, argv) < 0) {
		fprintf(stderr, "usage: %s server --cert FILE --key FILE | "
			"client --port P --ca FILE [...]\n", argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* the stacks', not libktls' */
	fd = o.set.server ? tcp_accept(o.port) :
			    tcp_connect(o.set.host, o.port);
	if (fd < 0)
		return 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	err = connection(&o, fd);
	if (err < 0)
		fprintf(stderr, "connection: %s\n", ktls_strerror(err));
	close(fd);
	if (fflush(stdout) != 0 && err == 0)
		err = -EIO;
	return err < 0 ? 1 : 0;
}
