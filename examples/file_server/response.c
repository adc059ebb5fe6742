/* SPDX-License-Identifier: MIT */
/*
 * struct request to struct response: which file, which part of it, and the
 * head that announces it.
 *
 * If-Range is honoured the cautious way: a request that carries it gets the
 * whole file.  Of several ranges in one request none is served, but the
 * whole file, as RFC 9110 section 14.2 allows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file_server.h"

#define DATE_LEN 30

/* One answer in the making. */
struct draft {
	struct response *r;
	const struct request *q;
	const char *type;
	const char *body;     /* when it is no file */
	uint64_t length;      /* of the body, also where none is sent */
	char extra[3 * URL_MAX + 128]; /* more header lines */
};

static void http_date(char out[DATE_LEN], time_t t)
{
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&t, &tm))
		strftime(out, DATE_LEN, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static int finish(struct draft *d, unsigned status)
{
	struct response *r = d->r;
	bool body = d->q->parser.method != HTTP_HEAD && status != 304;
	char date[DATE_LEN], length[48] = "";
	int n;

	http_date(date, time(NULL));
	if (status != 304)
		snprintf(length, sizeof(length), "Content-Length: %llu\r\n",
			 (unsigned long long)d->length);
	r->status = status;
	n = asprintf(&r->text,
		     "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\n%s%s"
		     "X-Content-Type-Options: nosniff\r\n"
		     "Connection: %s\r\n\r\n%s", status,
		     http_status_str((enum http_status)status), date, d->type,
		     length, d->extra, r->keep_alive ? "keep-alive" : "close",
		     body && d->body ? d->body : "");
	if (n < 0)
		r->text = NULL;
	else
		r->text_len = (size_t)n;
	if (!body && r->file >= 0) {
		close(r->file);
		r->file = -1;
	}
	r->left = r->file >= 0 ? d->length : 0;
	return n < 0 ? -1 : 0;
}

static int finish_error(struct draft *d, unsigned status)
{
	char body[64];

	snprintf(body, sizeof(body), "%u %s\n", status,
		 http_status_str((enum http_status)status));
	if (d->r->file >= 0)
		close(d->r->file);
	d->r->file = -1;
	d->type = "text/plain";
	d->body = body;
	d->length = strlen(body);
	if (status == 405)
		strcpy(d->extra, "Allow: GET, HEAD\r\n");
	return finish(d, status);
}

/* EXDEV: the lookup would have left the root. */
static unsigned status_of(int err)
{
	switch (-err) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG: return 404;
	case EXDEV:
	case ELOOP:
	case ENXIO:
	case EPERM:
	case EACCES: return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN: return 503;
	default: return 500;
	}
}

/* A number of at most 18 digits, or -1; *s moves behind it. */
static int64_t number(const char **s)
{
	int64_t n = 0;
	int digits;

	for (digits = 0; **s >= '0' && **s <= '9'; digits++, (*s)++) {
		if (digits == 18)
			return -1;
		n = n * 10 + (**s - '0');
	}
	return digits ? n : -1;
}

/* 0: no single range; 206: *first and *last are set; 416: beyond the end. */
static unsigned range_of(const struct request *q, int64_t size, int64_t *first,
			 int64_t *last)
{
	const char *s = q->range;

	if (strncmp(s, "bytes=", 6) != 0 || q->has_if_range ||
	    q->parser.method != HTTP_GET)
		return 0;
	s += 6;
	*first = number(&s);
	if (*s++ != '-')
		return 0;
	*last = number(&s);
	if (*s != '\0' || (*first < 0 && *last < 0) ||
	    (*first >= 0 && *last >= 0 && *last < *first))
		return 0;
	if (*first < 0) {
		if (*last == 0 || size == 0)
			return 416;
		*first = *last < size ? size - *last : 0;
		*last = -1;
	}
	if (*first >= size)
		return 416;
	if (*last < 0 || *last >= size)
		*last = size - 1;
	return 206;
}

static bool unmodified(const struct request *q, time_t mtime)
{
	struct tm tm = { 0 };
	const char *end = strptime(q->since, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	return end && *end == '\0' && mtime <= timegm(&tm);
}

static int answer_file(struct draft *d, const char *path, const struct stat *st)
{
	int64_t first = 0, last = st->st_size - 1;
	long long size = (long long)st->st_size;
	char date[DATE_LEN];
	unsigned status;

	http_date(date, st->st_mtime);
	snprintf(d->extra, sizeof(d->extra),
		 "Last-Modified: %s\r\nAccept-Ranges: bytes\r\n", date);
	d->type = files_type(path);
	d->length = (uint64_t)size;
	if (unmodified(d->q, st->st_mtime))
		return finish(d, 304);
	status = range_of(d->q, st->st_size, &first, &last);
	if (status == 416) {
		snprintf(d->extra, sizeof(d->extra),
			 "Content-Range: bytes */%lld\r\n", size);
		return finish_error(d, 416);
	}
	if (status == 206) {
		snprintf(d->extra + strlen(d->extra), 96,
			 "Content-Range: bytes %lld-%lld/%lld\r\n",
			 (long long)first, (long long)last, size);
		d->length = (uint64_t)(last - first + 1);
		d->r->offset = first;
	}
	return finish(d, status == 206 ? 206 : 200);
}

/* Relative links of the page need the slash at the end. */
static int answer_redirect(struct draft *d, const char *path)
{
	char *url = listing_url(path);

	if (!url)
		return -1;
	snprintf(d->extra, sizeof(d->extra), "Location: /%s/\r\n", url);
	free(url);
	return finish_error(d, 301);
}

static int answer_folder(struct draft *d, const char *path)
{
	size_t len = strlen(path);
	struct stat st;
	char *page;
	int err, fd;

	if (len > 0 && path[len - 1] != '/')
		return answer_redirect(d, path);
	fd = files_open(d->r->file, "index.html", &st);
	if (fd >= 0 && S_ISREG(st.st_mode)) {
		close(d->r->file);
		d->r->file = fd;
		return answer_file(d, "index.html", &st);
	}
	page = listing_page(d->r->file, path);
	if (fd >= 0)
		close(fd);
	close(d->r->file);
	d->r->file = -1;
	if (!page)
		return -1;
	d->type = "text/html; charset=utf-8";
	d->body = page;
	d->length = strlen(page);
	err = finish(d, 200);
	free(page);
	return err;
}

int response_make(struct response *r, const struct server *s,
		  const struct request *q)
{
	struct draft d = { .r = r, .q = q };
	char path[URL_MAX];
	struct stat st;
	unsigned status = q->error;

	*r = (struct response){ .file = -1, .keep_alive = q->keep_alive };
	if (status == 0)
		status = files_decode(path, sizeof(path), q->url, q->url_len);
	if (status != 0)
		return finish_error(&d, status);
	r->file = files_open(s->root_fd, path, &st);
	if (r->file < 0)
		return finish_error(&d, status_of(r->file));
	if (S_ISDIR(st.st_mode))
		return answer_folder(&d, path);
	return answer_file(&d, path, &st);
}

void response_free(struct response *r)
{
	free(r->text);
	r->text = NULL;
	if (r->file >= 0)
		close(r->file);
	r->file = -1;
}
