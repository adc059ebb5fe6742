/* SPDX-License-Identifier: MIT */
/* A sequence of calls out of a seed, before any connection is there. */
#include <stdio.h>
#include <string.h>

#include "parity.h"

static const char *const names[PARITY_OPS] = {
	[OP_WRITE] = "write", [OP_SENDFILE] = "sendfile",
	[OP_RESIZE] = "file gets size", [OP_SPLICE_WRITE] = "splice_write",
	[OP_UPDATE] = "update_keys", [OP_ALERT] = "alert",
	[OP_BAD_CALL] = "bad arguments", [OP_READ] = "read",
	[OP_SPLICE_READ] = "splice_read", [OP_READ_DRY] = "read all",
	[OP_ARRIVES] = "what was taken arrives", [OP_PEER_DATA] = "peer sends",
	[OP_PEER_EMPTY] = "peer sends an empty record",
	[OP_PEER_HALF] = "peer sends half a record of",
	[OP_PEER_UPDATE] = "peer updates keys", [OP_SHUTDOWN] = "shutdown",
	[OP_FATAL] = "fatal alert", [OP_LINGER] = "linger",
	[OP_ABANDON] = "write until full", [OP_PEER_CLOSE] = "peer closes",
	[OP_PEER_FIN] = "peer's FIN", [OP_PEER_RESET] = "peer resets",
	[OP_PEER_FATAL] = "peer's fatal alert",
	[OP_PEER_FORGE] = "peer sends a forged record",
	[OP_READ_END] = "read the end", [OP_ERROR] = "error"
};

static const char *const sources[PARITY_SOURCES] = {
	"file", "empty file", "pipe", "socket", "directory",
	"closed descriptor", "write-only descriptor"
};

static const char *const peers[PARITY_PEERS] = { "raw", "SSL", "ktls" };

static struct stream_random rng;

static size_t below(size_t n)
{
	return stream_below(&rng, n);
}

/* Lengths with the edges of a record, mostly small ones. */
static size_t some_len(void)
{
	switch (below(10)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return 16383 + below(3);
	case 3:
		return below(PARITY_LEN_MAX + 1);
	case 4:
		return below(20000);
	default:
		return 1 + below(500);
	}
}

static off_t some_off(off_t size)
{
	switch (below(8)) {
	case 0:
		return size;
	case 1:
		return size + (off_t)below(5000);
	case 2:
		return size - 1;
	case 3:
		return 0;
	case 4:
		return size > 16385 ? size - 16384 : 0;
	default:
		return (off_t)below((size_t)size + 1);
	}
}

static off_t file_size;
static int warnings;

static void draw_sendfile(struct parity_step *s)
{
	s->source = below(8) ? SOURCE_FILE :
			       (enum parity_source)below(PARITY_SOURCES);
	s->null_offset = below(3) == 0;
	s->off = some_off(file_size);
	if (s->off < 0)
		s->off = 0;
	if (below(6) == 0)
		s->len = (size_t)file_size + below(50000);
	/* What cannot be read is looked at after what has no bytes. */
	if (s->source == SOURCE_WRITE_ONLY) {
		s->off = (off_t)below(4000);
		s->len = 1 + below(1000);
	} else if (!s->null_offset && below(20) == 0) {
		s->off = -1 - (off_t)below(9);
	}
	if (s->source == SOURCE_FILE && below(5) == 0) {
		s->change_at = 1 + (int)below(3);
		s->change_to = (off_t)below(PARITY_FILE_MAX + 1);
	}
}

static void draw_common(struct parity_step *s, enum parity_op op)
{
	memset(s, 0, sizeof(*s));
	s->op = op;
	s->draw = stream_next(&rng);
	s->len = some_len();
	s->from = below(PARITY_FILE_AT - PARITY_LEN_MAX);
	s->cuts = below(2) ? 0 : 1 + (int)below(PARITY_CUTS);
}

static void draw_step(struct parity_step *s, enum parity_op op)
{
	draw_common(s, op);
	switch (op) {
	case OP_WRITE:
		s->more = below(3) == 0;
		break;
	case OP_SENDFILE:
		s->more = below(3) == 0;
		draw_sendfile(s);
		break;
	case OP_RESIZE:
		s->change_to = (off_t)below(PARITY_FILE_MAX + 1);
		file_size = s->change_to;
		break;
	case OP_UPDATE:
		s->flags = below(2) ? KTLS_UPDATE_REQUESTED : 0;
		break;
	case OP_ALERT:
		s->flags = PARITY_WARNING;
		break;
	case OP_FATAL:
		s->flags = 40;
		break;
	case OP_READ_DRY:
	case OP_READ_END:
		s->len += 256;
		s->len -= s->len > PARITY_LEN_MAX ? 256 : 0;
		break;
	case OP_READ:
	case OP_SPLICE_READ:
		s->len += s->len == 0;
		break;
	case OP_SPLICE_WRITE:
		s->len = s->len > 65536 ? 65536 : s->len;
		break;
	case OP_PEER_DATA:
	case OP_PEER_HALF:
		s->len = 1 + s->len % 20000;
		break;
	default:
		break;
	}
}

static void add(struct parity_script *s, enum parity_op op)
{
	/* An SSL bears four warnings in a row, and close_notify is one. */
	if (op == OP_ALERT && warnings++ == 3)
		op = OP_WRITE;
	if (s->n < PARITY_STEPS)
		draw_step(&s->steps[s->n++], op);
}

static void add_body(struct parity_script *s)
{
	static const enum parity_op ops[] = {
		OP_WRITE, OP_WRITE, OP_WRITE, OP_WRITE, OP_SENDFILE,
		OP_SENDFILE, OP_SENDFILE, OP_SENDFILE, OP_SPLICE_WRITE,
		OP_RESIZE, OP_UPDATE, OP_ALERT, OP_BAD_CALL, OP_READ, OP_READ,
		OP_SPLICE_READ, OP_READ_DRY, OP_ARRIVES, OP_ARRIVES,
		OP_PEER_DATA, OP_PEER_DATA, OP_PEER_DATA, OP_PEER_DATA,
		OP_PEER_EMPTY, OP_PEER_HALF, OP_PEER_UPDATE, OP_PEER_UPDATE,
		OP_ERROR
	};

	for (size_t i = 3 + below(8); i > 0; i--)
		add(s, ops[below(sizeof(ops) / sizeof(ops[0]))]);
}

/* Some calls when something has ended: they fail, or still work. */
static void add_after(struct parity_script *s)
{
	static const enum parity_op ops[] = {
		OP_WRITE, OP_WRITE, OP_SENDFILE, OP_SENDFILE, OP_SPLICE_WRITE,
		OP_UPDATE, OP_ALERT, OP_READ, OP_READ_END, OP_READ_END,
		OP_SPLICE_READ, OP_ERROR, OP_SHUTDOWN
	};

	for (size_t i = below(5); i > 0; i--)
		add(s, ops[below(sizeof(ops) / sizeof(ops[0]))]);
}

static void add_peers_end(struct parity_script *s)
{
	static const enum parity_op ops[] = {
		OP_PEER_CLOSE, OP_PEER_CLOSE, OP_PEER_FIN, OP_PEER_RESET,
		OP_PEER_FATAL, OP_PEER_FORGE
	};

	add(s, ops[below(sizeof(ops) / sizeof(ops[0]))]);
	add_after(s);
	add(s, OP_READ_END);
	add_after(s);
}

static void add_our_end(struct parity_script *s)
{
	if (below(3) == 0)
		add(s, OP_ABANDON);
	add(s, below(4) ? OP_SHUTDOWN : OP_FATAL);
	add_after(s);
}

static void add_end(struct parity_script *s)
{
	switch (below(6)) {
	case 0:
		return;
	case 1:
		add_our_end(s);
		break;
	case 2:
		add_peers_end(s);
		break;
	case 3:
		add_our_end(s);
		add(s, OP_PEER_DATA);
		add_peers_end(s);
		break;
	case 4:
		add_peers_end(s);
		add_our_end(s);
		break;
	default:
		break;
	}
	if (below(2))
		add(s, OP_LINGER);
}

void parity_script(struct parity_script *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	stream_seed(&rng, seed, 0);
	s->seed = seed;
	s->version = below(2) ? KTLS_TLS_1_3 : KTLS_TLS_1_2;
	s->suite = (int)below(3);
	s->server = (int)below(2);
	s->nonblock = (int)below(2);
	s->tight = s->nonblock && below(3) == 0;
	s->disturb = s->nonblock && below(4) == 0 ? 2 + (unsigned)below(9) : 0;
	s->peer = (enum parity_peer_kind)below(PARITY_PEERS);
	s->peer_path = below(2) ? KTLS_USERSPACE : KTLS_LIBRARY;
	file_size = PARITY_FILE_MAX / 2;
	warnings = 0;
	add_body(s);
	add_end(s);
}

static void print_step(const struct parity_step *s)
{
	printf("%s", names[s->op]);
	if (s->op == OP_SENDFILE) {
		printf(" %zu of the %s at %lld%s", s->len, sources[s->source],
		       (long long)s->off,
		       s->null_offset ? " (its position)" : "");
		if (s->change_at)
			printf(", which at read %d gets size %lld",
			       s->change_at, (long long)s->change_to);
	} else if (s->op == OP_RESIZE) {
		printf(" %lld", (long long)s->change_to);
	} else if (s->op == OP_BAD_CALL) {
		printf(" %d", (int)(s->draw % 8));
	} else if (s->op == OP_UPDATE || s->op == OP_ALERT) {
		printf(" %u", s->flags);
	} else {
		printf(" %zu%s", s->len, s->cuts ? " in pieces" : "");
	}
	printf("%s\n", s->more ? ", more" : "");
}

void parity_script_print(const struct parity_script *s, int last)
{
	int i;

	printf("  TLS 1.%d, suite %d, %s, %s%s, peer %s", (s->version & 15) - 1,
	       s->suite, s->server ? "server" : "client",
	       s->nonblock ? "non-blocking" : "blocking",
	       s->tight ? ", little room" : "", peers[s->peer]);
	if (s->peer == PEER_KTLS)
		printf(" (%s)", ktls_path_name((enum ktls_path)s->peer_path));
	if (s->disturb)
		printf(", one call in %u disturbed", s->disturb);
	printf("\n");
	for (i = 0; i < s->n && i <= last; i++) {
		printf("  %2d: ", i);
		print_step(&s->steps[i]);
	}
}
