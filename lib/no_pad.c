/* SPDX-License-Identifier: MIT */
/* Expecting no padding, and what the kernel says of that: see no_pad.h. */
#include "no_pad.h"

#include <errno.h>
#include <string.h>

#include "sys.h"
#include "uapi.h"

/*
 * Looks come when 256 KiB have been received, 512 KiB, 1 MiB and so on, later
 * every 64 MiB.  The first one only finds out where the count stands, so that
 * a hand-off reads no file, and neither does a connection that is short.
 */
#define FIRST_SHIFT 18
#define LAST_SHIFT 26

/* Of how many records one may be padded.  The kernel does not say how many
 * there were: as many as make these bytes if each is full, which errs towards
 * taking the option back, where records are short and it saves little. */
#define RECORDS_PER_MISS 8
#define RECORD_MAX 16384

#define TLS_STAT "/proc/net/tls_stat"
#define COUNTER "\nTlsRxNoPadViolation"

_Static_assert(sizeof(struct ktls__no_pad) <= 12, "each connection has one");

/* Modulo 2^32, which differences bear.  A line that is cut off is none. */
static int parse_count(const char *at, uint32_t *count)
{
	uint32_t n = 0;

	while (*at == ' ' || *at == '\t')
		at++;
	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint32_t)(*at - '0');
	*count = n;
	return *at == '\n' ? 0 : -EINVAL;
}

static int read_count(uint32_t *count)
{
	char text[2048] = "\n";
	ssize_t n = ktls__sys->read_file(TLS_STAT, text + 1, sizeof(text) - 2);
	const char *at;

	if (n < 0)
		return (int)n;
	text[1 + n] = '\0';
	at = strstr(text, COUNTER);
	if (at == NULL)
		return -ENOENT;
	return parse_count(at + sizeof(COUNTER) - 1, count);
}

static int set(int fd, unsigned on)
{
	return ktls__sys->setsockopt(fd, KTLS__SOL_TLS,
				     KTLS__TLS_RX_EXPECT_NO_PAD, &on,
				     sizeof(on));
}

static void take_back(int fd, struct ktls__no_pad *np)
{
	(void)set(fd, 0);
	np->in_force = false;
	np->left = 0;
}

static uint32_t distance(const struct ktls__no_pad *np)
{
	return (uint32_t)1 << np->shift;
}

static bool too_many(uint32_t misses, uint64_t bytes)
{
	return misses > bytes / RECORD_MAX / RECORDS_PER_MISS;
}

/*
 * `past`: bytes beyond the place where the look was due.  What cannot be
 * watched (no /proc in this sandbox, no descriptor free) is not kept: that
 * costs a copy, while a peer that pads would cost a decryption, unseen and
 * for as long as it likes.
 */
static void look(int fd, struct ktls__no_pad *np, uint64_t past)
{
	uint32_t count;

	if (read_count(&count) < 0 ||
	    (np->counted &&
	     too_many(count - np->count, past + distance(np)))) {
		take_back(fd, np);
		return;
	}
	if (np->counted && np->shift < LAST_SHIFT)
		np->shift++;
	np->count = count;
	np->counted = true;
	np->left = distance(np);
}

void ktls__no_pad_begin(int fd, struct ktls__no_pad *np)
{
	np->in_force = set(fd, 1) == 0;
	np->counted = false;
	np->shift = FIRST_SHIFT;
	np->left = np->in_force ? distance(np) : 0;
}

void ktls__no_pad_received(int fd, struct ktls__no_pad *np, size_t bytes)
{
	if (bytes < np->left)
		np->left -= (uint32_t)bytes;
	else if (np->in_force)
		look(fd, np, bytes - np->left);
}

bool ktls__no_pad_in_force(const struct ktls__no_pad *np)
{
	return np->in_force;
}
