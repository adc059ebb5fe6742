/* SPDX-License-Identifier: MIT */
/*
 * file_server - serves the files below one folder over HTTPS.
 *
 * The way of a request, and the reading order of the files:
 *   main.c      options, SSL_CTX, what the kernel offers, workers, signals
 *   worker.c    a listening socket, an epoll loop, time-outs
 *   conn.c      handshake -> hand-off to libktls -> requests -> close_notify
 *   http.c      bytes -> struct request
 *   response.c  struct request -> struct response
 *   files.c     a path -> a descriptor beneath the root
 *   listing.c   a folder -> an index page
 *   options.c, cert.c   the command line; a certificate of one's own
 *
 *   cc -std=c11 -D_GNU_SOURCE *.c -o file_server \
 *      $(pkg-config --cflags --libs ktls openssl) -lhttp_parser -lpthread
 *   with BoringSSL: as echo_server.c
 */
#ifndef FILE_SERVER_H
#define FILE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <http_parser.h>
#include <openssl/ssl.h>

#include <ktls/ktls.h>

struct options {
	const char *root, *address, *port, *cert, *key;
	unsigned workers;
	unsigned connections; /* most of them at a time, per worker */
	unsigned timeout;     /* seconds without progress */
	enum ktls_choice tx, rx;
	bool verbose;
};

/* What all workers share; constant once they run. */
struct server {
	struct options opts;
	SSL_CTX *ctx;
	int root_fd;
	int stop_fd; /* becomes readable when it is time to go */
};

/* options.c: 0: go on; 1: all was said, end well; -1: usage. */
int options_parse(struct options *o, int argc, char **argv);

/* cert.c: a new key and certificate for this run; 0 or -1. */
int cert_self_signed(SSL_CTX *ctx);

/* http.c */
#define URL_MAX 2048
#define HEADERS_MAX 16384 /* bytes of one request's head */

struct request {
	http_parser parser;
	char url[URL_MAX];
	size_t url_len;
	char field[24], value[128]; /* the header line being read */
	size_t field_len, value_len;
	bool in_value;

	char range[128], since[64];
	bool has_host, has_if_range;
	unsigned error; /* the status to refuse it with, 0: none */
	bool started;
	bool complete;
	bool keep_alive;
};

void request_init(struct request *q);
/* Take what belongs to this request; returns the bytes used. */
size_t request_feed(struct request *q, const char *data, size_t len);

/* response.c */
struct response {
	unsigned status;
	char *text; /* head, and the body when it is no file */
	size_t text_len, text_sent;
	int file; /* -1: none */
	off_t offset;
	uint64_t left;
	bool keep_alive;
};

/* 0, or -1 without memory. */
int response_make(struct response *r, const struct server *s,
		  const struct request *q);
void response_free(struct response *r);

/* files.c */
/* The folder that nothing is served from outside of; -errno. */
int files_open_root(const char *root);
/* A file or folder beneath `dir`, never through a link that leaves it. */
int files_open(int dir, const char *path, struct stat *st);
/* URL path -> file name without leading slashes; 0 or an HTTP status. */
unsigned files_decode(char *out, size_t out_len, const char *url, size_t len);
const char *files_type(const char *path);

/* listing.c */
/* The page for the folder `fd`; NULL: no memory.  free() it. */
char *listing_page(int fd, const char *path);
/* A path in a form that is safe in a URL; free() it. */
char *listing_url(const char *path);

/* conn.c */
struct conn {
	LIST_ENTRY(conn) link;
	const struct server *server;
	unsigned long id;
	int fd;
	int (*step)(struct conn *c); /* the state */
	SSL *ssl;                    /* until the hand-off */
	struct ktls *k;              /* after it */
	uint32_t ssl_events;
	uint32_t armed;    /* worker.c: what epoll waits for */
	time_t deadline;   /* CLOCK_MONOTONIC, seconds */
	struct request request;
	struct response response;
	char in[16384];
	size_t in_at, in_len;
};

/* What a turn of a connection ends with. */
enum {
	CONN_GO,    /* only between steps */
	CONN_WAIT,  /* for conn_events() */
	CONN_YIELD, /* there is more to do, after the others */
	CONN_DONE   /* free it */
};

struct conn *conn_new(const struct server *s, int fd);
void conn_free(struct conn *c);
int conn_run(struct conn *c, uint32_t events);
uint32_t conn_events(const struct conn *c);
/* The deadline has passed. */
int conn_expire(struct conn *c);

/* worker.c */
struct worker;
/* `port` 0 becomes the real one, for the workers after the first. */
struct worker *worker_new(const struct server *s, struct sockaddr *addr,
			  socklen_t len);
void *worker_run(void *worker);
void worker_free(struct worker *w);

time_t monotonic_seconds(void);

#endif
