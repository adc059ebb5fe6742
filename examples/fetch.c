/* SPDX-License-Identifier: MIT */
/*
 * fetch - downloads an https URL to a file.  The file appears only when the
 * whole body has arrived: a stream cut short is an error, never a short file.
 * Follows no redirects: any status but 200 is an error.
 *
 *   cc -std=c11 -D_GNU_SOURCE fetch.c -o fetch \
 *      $(pkg-config --cflags --libs ktls openssl) -lhttp_parser
 *   with BoringSSL: as echo_server.c
 *   ./fetch -v -o page.html https://example.org/
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <http_parser.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <ktls/ktls.h>

struct options {
	const char *url, *output, *cacert;
	bool insecure, verbose;
};

struct url {
	char host[256];
	char port[6];
	char path[2048]; /* with the query */
};

/* Where the body goes, and what is known of it. */
struct download {
	FILE *file;
	bool complete;
};

static int url_parse(struct url *u, const char *text)
{
	struct http_parser_url p;
	size_t len = strcspn(text, "#");
	size_t at, n;

	http_parser_url_init(&p);
	if (len >= sizeof(u->path) ||
	    http_parser_parse_url(text, len, 0, &p) != 0 ||
	    !(p.field_set & 1 << UF_HOST) || p.field_set & 1 << UF_USERINFO ||
	    p.field_data[UF_HOST].len >= sizeof(u->host) ||
	    strncasecmp(text, "https://", 8) != 0)
		return -EINVAL;
	n = p.field_data[UF_HOST].len;
	memcpy(u->host, text + p.field_data[UF_HOST].off, n);
	u->host[n] = '\0';
	snprintf(u->port, sizeof(u->port), "%u", p.port ? p.port : 443U);
	at = strlen("https://");
	at += strcspn(text + at, "/?#");
	snprintf(u->path, sizeof(u->path), "%s%.*s",
		 text[at] == '/' ? "" : "/", (int)(len - at), text + at);
	return 0;
}

static int tcp_connect(const struct url *u)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *ai;
	int err, fd = -1;

	err = getaddrinfo(u->host, u->port, &hints, &list);
	if (err != 0) {
		fprintf(stderr, "%s: %s\n", u->host, gai_strerror(err));
		return -1;
	}
	for (ai = list; ai && fd < 0; ai = ai->ai_next) {
		fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
			fprintf(stderr, "%s: %s\n", u->host, strerror(errno));
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

static SSL_CTX *client_ctx(const struct options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ok;

	if (!ctx)
		return NULL;
	SSL_CTX_set_verify(ctx, o->insecure ? SSL_VERIFY_NONE :
					      SSL_VERIFY_PEER, NULL);
	ok = o->cacert ? SSL_CTX_load_verify_locations(ctx, o->cacert, NULL) :
			 SSL_CTX_set_default_verify_paths(ctx);
	if (ok == 1 &&
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    ktls_prepare(ctx, 0) == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* Whom the certificate must name; an address is not sent as SNI. */
static int set_peer(SSL *ssl, const char *host)
{
	struct in6_addr addr;

	if (inet_pton(AF_INET, host, &addr) == 1 ||
	    inet_pton(AF_INET6, host, &addr) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	return SSL_set_tlsext_host_name(ssl, host) == 1 &&
	       SSL_set1_host(ssl, host) == 1;
}

static void print_handshake_error(SSL *ssl)
{
	long verify = SSL_get_verify_result(ssl);

	if (verify != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
		fprintf(stderr, "certificate: %s\n",
			X509_verify_cert_error_string(verify));
	ERR_print_errors_fp(stderr);
}

/* The SSL lives for the handshake only; it is given away, which both TLS
 * libraries allow. */
static struct ktls *tls_connect(SSL_CTX *ctx, int fd, const char *host)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	SSL *ssl = SSL_new(ctx);
	struct ktls *k = NULL;
	int err;

	opts.flags = KTLS_TAKE_SSL;

	ERR_clear_error();
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || !set_peer(ssl, host) ||
	    SSL_connect(ssl) != 1) {
		if (ssl)
			print_handshake_error(ssl);
	} else {
		err = ktls_handoff(&k, ssl, &opts);
		if (err < 0)
			fprintf(stderr, "hand-off: %s\n", ktls_strerror(err));
	}
	if (!k)
		SSL_free(ssl);
	return k;
}

static void print_direction(const char *name, const struct ktls_direction *d)
{
	fprintf(stderr, " %s %s", name, ktls_path_name(d->path));
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
	fprintf(stderr, "%s %s",
		info.version == KTLS_TLS_1_3 ? "TLSv1.3" : "TLSv1.2",
		suite ? suite : "another suite");
	print_direction("tx", &info.tx);
	print_direction("rx", &info.rx);
	fputc('\n', stderr);
}

static int on_headers(http_parser *p)
{
	if (p->status_code == 200 || p->status_code / 100 == 1)
		return 0;
	fprintf(stderr, "the server answered %u\n", p->status_code);
	return -1;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct download *d = p->data;

	return fwrite(at, 1, len, d->file) == len ? 0 : -1;
}

static int on_complete(http_parser *p)
{
	struct download *d = p->data;

	/* 100 Continue and its like come before the answer proper. */
	d->complete = p->status_code / 100 != 1;
	if (d->complete)
		http_parser_pause(p, 1);
	return 0;
}

static int send_request(struct ktls *k, const struct url *u)
{
	char buf[2560];
	const char *fmt = strchr(u->host, ':') ? "[%s]:%s" : "%s:%s";
	char host[sizeof(u->host) + sizeof(u->port) + 4];
	size_t len, at;
	ssize_t n;

	snprintf(host, sizeof(host), fmt, u->host, u->port);
	len = (size_t)snprintf(buf, sizeof(buf), "GET %s HTTP/1.1\r\n"
			       "Host: %s\r\nAccept: */*\r\n"
			       "Connection: close\r\n\r\n", u->path, host);
	for (at = 0; at < len; at += (size_t)n) {
		n = ktls_write(k, buf + at, len - at, 0);
		if (n < 0 && n != -EINTR)
			return (int)n;
		if (n < 0)
			n = 0;
	}
	return 0;
}

/*
 * Read until the parser has seen the whole answer.  A body without a length
 * ends with close_notify (0 to the parser); -KTLS_ETRUNCATED never does.
 */
static int receive(struct ktls *k, struct download *d)
{
	static const http_parser_settings settings = {
		.on_headers_complete = on_headers,
		.on_body = on_body,
		.on_message_complete = on_complete,
	};
	static char buf[65536];
	http_parser parser;
	enum http_errno e;
	ssize_t n;

	http_parser_init(&parser, HTTP_RESPONSE);
	parser.data = d;
	do {
		n = ktls_read(k, buf, sizeof(buf));
		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		http_parser_execute(&parser, &settings, buf, (size_t)n);
		e = HTTP_PARSER_ERRNO(&parser);
		if (e != HPE_OK && !d->complete) {
			fprintf(stderr, "answer: %s\n",
				http_errno_description(e));
			return -EPROTO;
		}
	} while (n != 0 && !d->complete);
	return d->complete ? 0 : -EPROTO;
}

static int transfer(const struct options *o, const struct url *u, FILE *file)
{
	struct download d = { .file = file, .complete = false };
	SSL_CTX *ctx = client_ctx(o);
	struct ktls *k = NULL;
	int err = -EIO, fd = ctx ? tcp_connect(u) : -1;

	if (fd >= 0)
		k = tls_connect(ctx, fd, u->host);
	if (k) {
		if (o->verbose)
			print_paths(k);
		err = send_request(k, u);
		if (err == 0)
			err = receive(k, &d);
		if (err == 0)
			ktls_shutdown(k);
		else
			fprintf(stderr, "%s: %s\n", o->url,
				ktls_strerror(err));
	}
	ktls_free(k);
	if (fd >= 0)
		close(fd);
	SSL_CTX_free(ctx);
	return err;
}

/* Into a file beside the target, which takes its name at the very end. */
static int download(const struct options *o, const struct url *u)
{
	char *part;
	FILE *file;
	int err;

	if (asprintf(&part, "%s.part", o->output) < 0)
		return -ENOMEM;
	file = fopen(part, "wb");
	if (!file) {
		perror(part);
		free(part);
		return -EIO;
	}
	err = transfer(o, u, file);
	if (fclose(file) != 0 && err == 0) {
		perror(part);
		err = -EIO;
	}
	if (err == 0 && rename(part, o->output) < 0) {
		perror(o->output);
		err = -EIO;
	}
	if (err < 0)
		unlink(part);
	free(part);
	return err;
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "cacert", required_argument, NULL, 'c' },
		{ "insecure", no_argument, NULL, 'k' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:v", longopts, NULL)) != -1) {
		switch (c) {
		case 'o': o->output = optarg; break;
		case 'c': o->cacert = optarg; break;
		case 'k': o->insecure = true; break;
		case 'v': o->verbose = true; break;
		default: return -1;
		}
	}
	if (optind != argc - 1 || !o->output)
		return -1;
	o->url = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct url u;

	if (parse(&o, argc, argv) < 0) {
		fprintf(stderr, "usage: %s [-v] [--insecure | --cacert FILE]"
			" -o FILE https://HOST[:PORT]/PATH\n", argv[0]);
		return 2;
	}
	if (url_parse(&u, o.url) < 0) {
		fprintf(stderr, "%s: not an https URL\n", o.url);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	return download(&o, &u) < 0 ? 1 : 0;
}
