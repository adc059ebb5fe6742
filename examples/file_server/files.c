/* SPDX-License-Identifier: MIT */
/*
 * Paths to descriptors.  The kernel itself keeps every lookup beneath the
 * root (openat2, Linux 5.6): no "..", no absolute link, no link out of it.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file_server.h"

/* Values of the kernel's ABI, for headers older than 5.6. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define BENEATH 0x08       /* RESOLVE_BENEATH */
#define NO_MAGICLINKS 0x02 /* RESOLVE_NO_MAGICLINKS */

struct how { /* struct open_how */
	uint64_t flags, mode, resolve;
};

/* O_NONBLOCK: a FIFO must not hang the worker. */
static int open_beneath(int dir, const char *path)
{
	struct how how = { O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0,
			   BENEATH | NO_MAGICLINKS };
	long fd;
	int tries;

	/* EAGAIN: a rename elsewhere disturbed the lookup of a "..". */
	for (tries = 0; tries < 8; tries++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

int files_open_root(const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int probe;

	if (fd < 0)
		return -errno;
	probe = open_beneath(fd, ".");
	if (probe < 0) {
		close(fd);
		return probe;
	}
	close(probe);
	return fd;
}

int files_open(int dir, const char *path, struct stat *st)
{
	int err, fd = open_beneath(dir, *path ? path : ".");

	if (fd < 0)
		return fd;
	err = fstat(fd, st) < 0 ? -errno : 0;
	if (err == 0 && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		err = -EACCES;
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = memchr(digits, tolower((unsigned char)c), 16);

	return at ? (int)(at - digits) : -1;
}

unsigned files_decode(char *out, size_t out_len, const char *url, size_t len)
{
	struct http_parser_url u;
	const char *at, *end;
	size_t n = 0;
	int c;

	http_parser_url_init(&u);
	if (http_parser_parse_url(url, len, 0, &u) != 0 ||
	    !(u.field_set & 1 << UF_PATH))
		return 400;
	at = url + u.field_data[UF_PATH].off;
	end = at + u.field_data[UF_PATH].len;
	for (; at < end; at++) {
		c = (unsigned char)*at;
		if (c == '%') {
			if (end - at < 3 || hex(at[1]) < 0 || hex(at[2]) < 0)
				return 400;
			c = hex(at[1]) << 4 | hex(at[2]);
			at += 2;
		}
		if (c == '\0')
			return 400;
		if (c == '/' && n == 0)
			continue;
		if (n + 1 >= out_len)
			return 414;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return 0;
}

static const struct type {
	const char *ending, *type;
} types[] = {
	{ "html", "text/html; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "md", "text/plain; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "xml", "application/xml" },
	{ "pdf", "application/pdf" },
	{ "zip", "application/zip" },
	{ "gz", "application/gzip" },
	{ "wasm", "application/wasm" },
	{ "png", "image/png" },
	{ "jpg", "image/jpeg" },
	{ "jpeg", "image/jpeg" },
	{ "gif", "image/gif" },
	{ "webp", "image/webp" },
	{ "svg", "image/svg+xml" },
	{ "ico", "image/x-icon" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "webm", "video/webm" },
	{ "woff2", "font/woff2" },
};

const char *files_type(const char *path)
{
	const char *dot = strrchr(path, '.');
	size_t i;

	for (i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot + 1, types[i].ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}
