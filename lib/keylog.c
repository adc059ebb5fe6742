/* SPDX-License-Identifier: MIT */
/*
 * Reads the key log line that OpenSSL and BoringSSL give for each TLS 1.3
 * application traffic secret:  LABEL SP client_random-hex SP secret-hex.
 */
#include <string.h>

#include "keylog.h"
#include "wipe.h"

#define CLIENT_LABEL "CLIENT_TRAFFIC_SECRET_0 "
#define SERVER_LABEL "SERVER_TRAFFIC_SECRET_0 "
#define RANDOM_HEX 64

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Length of the run of hex digits at s. */
static size_t hex_run(const char *s)
{
	size_t n = 0;

	while (hex_value(s[n]) >= 0)
		n++;
	return n;
}

static const char *skip_label(const char *line, int *server)
{
	size_t len = sizeof(CLIENT_LABEL) - 1;

	*server = strncmp(line, SERVER_LABEL, len) == 0;
	if (*server || strncmp(line, CLIENT_LABEL, len) == 0)
		return line + len;
	return NULL;
}

static const char *find_secret(const char *line, int *server)
{
	const char *p = skip_label(line, server);

	if (p == NULL || hex_run(p) != RANDOM_HEX || p[RANDOM_HEX] != ' ')
		return NULL;
	return p + RANDOM_HEX + 1;
}

int ktls__keylog_parse(struct ktls__keylog *out, const char *line)
{
	const char *p;
	size_t digits;
	size_t i;

	memset(out, 0, sizeof(*out));
	p = find_secret(line, &out->server);
	if (p == NULL)
		goto none;
	digits = hex_run(p);
	if ((digits != 64 && digits != 96) ||
	    (p[digits] != '\0' && p[digits] != '\n' && p[digits] != '\r'))
		goto none;
	for (i = 0; i < digits / 2; i++)
		out->secret[i] = (uint8_t)(hex_value(p[2 * i]) << 4 |
					   hex_value(p[2 * i + 1]));
	out->len = digits / 2;
	return 1;
none:
	ktls__wipe(out, sizeof(*out));
	return 0;
}
