/* SPDX-License-Identifier: MIT */
/*
 * Bytes to struct request, with the http_parser library doing the parsing.
 * One request at a time: the parser pauses behind each, and what follows it
 * waits for its turn.
 */
#include <string.h>
#include <strings.h>

#include "file_server.h"

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct request *q = p->data;

	if (len > sizeof(q->url) - q->url_len) {
		q->error = 414;
		return -1;
	}
	memcpy(q->url + q->url_len, at, len);
	q->url_len += len;
	return 0;
}

/* A value that is cut off means nothing: it is treated as absent. */
static void keep(char *out, size_t out_len, const struct request *q)
{
	size_t len = q->value_len < out_len ? q->value_len : 0;

	memcpy(out, q->value, len);
	out[len] = '\0';
}

static bool field_is(const struct request *q, const char *name)
{
	return q->field_len == strlen(name) &&
	       strncasecmp(q->field, name, q->field_len) == 0;
}

static void header_done(struct request *q)
{
	if (field_is(q, "host"))
		q->has_host = true;
	else if (field_is(q, "if-range"))
		q->has_if_range = true;
	else if (field_is(q, "range"))
		keep(q->range, sizeof(q->range), q);
	else if (field_is(q, "if-modified-since"))
		keep(q->since, sizeof(q->since), q);
	q->field_len = 0;
	q->value_len = 0;
	q->in_value = false;
}

/* The length counts on past the buffer, so that cut ones can be told. */
static void append(char *buf, size_t buf_len, size_t *len, const char *at,
		   size_t n)
{
	if (*len <= buf_len && n <= buf_len - *len)
		memcpy(buf + *len, at, n);
	*len += n;
}

static int on_header_field(http_parser *p, const char *at, size_t len)
{
	struct request *q = p->data;

	if (q->in_value)
		header_done(q);
	append(q->field, sizeof(q->field), &q->field_len, at, len);
	return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t len)
{
	struct request *q = p->data;

	q->in_value = true;
	append(q->value, sizeof(q->value), &q->value_len, at, len);
	return 0;
}

/* Returns 1, which skips a body: the connection ends after the answer. */
static int on_headers_complete(http_parser *p)
{
	struct request *q = p->data;
	bool body = (p->flags & F_CHUNKED) ||
		    ((p->flags & F_CONTENTLENGTH) && p->content_length > 0);

	header_done(q);
	q->keep_alive = http_should_keep_alive(p) && !body;
	if (p->http_major != 1)
		q->error = 505;
	else if (p->http_minor > 0 && !q->has_host)
		q->error = 400;
	else if (p->method != HTTP_GET && p->method != HTTP_HEAD)
		q->error = 405;
	else if (body)
		q->error = 413;
	return body ? 1 : 0;
}

static int on_complete(http_parser *p)
{
	struct request *q = p->data;

	q->complete = true;
	http_parser_pause(p, 1);
	return 0;
}

void request_init(struct request *q)
{
	memset(q, 0, sizeof(*q));
	http_parser_init(&q->parser, HTTP_REQUEST);
	q->parser.data = q;
}

static void refuse(struct request *q, enum http_errno e)
{
	if (q->error == 0)
		q->error = e == HPE_HEADER_OVERFLOW ? 431 : 400;
	q->complete = true;
	q->keep_alive = false;
}

size_t request_feed(struct request *q, const char *data, size_t len)
{
	static const http_parser_settings settings = {
		.on_url = on_url,
		.on_header_field = on_header_field,
		.on_header_value = on_header_value,
		.on_headers_complete = on_headers_complete,
		.on_message_complete = on_complete,
	};
	enum http_errno e;
	size_t n;

	q->started = true;
	n = http_parser_execute(&q->parser, &settings, data, len);
	e = HTTP_PARSER_ERRNO(&q->parser);
	if (e != HPE_OK && e != HPE_PAUSED)
		refuse(q, e);
	return n;
}
