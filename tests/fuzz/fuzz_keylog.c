/* SPDX-License-Identifier: MIT */
/*
 * Any text as a line of the key log: what is taken for a secret must be one,
 * and what is not must leave nothing behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/keylog.h"
#include "target.h"

#define LABEL_CLIENT "CLIENT_TRAFFIC_SECRET_0 "
#define LABEL_SERVER "SERVER_TRAFFIC_SECRET_0 "
#define LABEL_LEN (sizeof(LABEL_CLIENT) - 1)

static unsigned long taken;

/* The same line, written back from what was understood of it. */
static int is_same(const char *line, const struct ktls__keylog *log)
{
	const char *hex = line + LABEL_LEN + 65;
	size_t i;
	unsigned v;

	if (strncmp(line, log->server ? LABEL_SERVER : LABEL_CLIENT,
		    LABEL_LEN) != 0 || hex[-1] != ' ')
		return 0;
	for (i = 0; i < log->len; i++)
		if (sscanf(hex + 2 * i, "%2x", &v) != 1 ||
		    v != log->secret[i])
			return 0;
	return 1;
}

static int is_zero(const void *p, size_t len)
{
	const uint8_t *b = p;

	while (len--)
		if (*b++)
			return 0;
	return 1;
}

static void check(const char *line)
{
	struct ktls__keylog log;
	int ret;

	memset(&log, 0xff, sizeof(log));
	ret = ktls__keylog_parse(&log, line);
	if (ret == 0) {
		if (!is_zero(&log, sizeof(log)))
			abort();
		return;
	}
	if (ret != 1 || (log.len != 32 && log.len != 48) ||
	    !is_same(line, &log))
		abort();
	taken++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1);

	if (!line)
		return 0;
	memcpy(line, data, len);
	line[len] = 0;
	check(line);
	free(line);
	return 0;
}

static size_t put_hex(struct stream_random *r, uint8_t *out, size_t n)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	size_t i;

	for (i = 0; i < 2 * n; i++)
		out[i] = (uint8_t)digits[stream_below(r, 22)];
	return 2 * n;
}

size_t target_make(struct stream_random *r, uint8_t *out, size_t room)
{
	static const char *const labels[] = {
		LABEL_CLIENT, LABEL_SERVER, "CLIENT_RANDOM ",
		"SERVER_TRAFFIC_SECRET_N ", "EXPORTER_SECRET ", ""
	};
	const char *label = labels[stream_below(r, 6)];
	size_t len = strlen(label);

	(void)room;
	memcpy(out, label, len);
	len += put_hex(r, out + len, stream_one_in(r, 8) ?
					     stream_below(r, 64) : 32);
	out[len++] = ' ';
	return len + put_hex(r, out + len, stream_one_in(r, 4) ?
						   stream_below(r, 64) :
						   stream_one_in(r, 2) ? 32 :
									 48);
}

unsigned long target_hits(const char **name)
{
	*name = "taken for secrets";
	return taken;
}
