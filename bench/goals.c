/* SPDX-License-Identifier: MIT */
/* The numbers to reach: medians of paired ratios. */
#include <string.h>

#include <openssl/crypto.h>

#include "line.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define ANY ((size_t)-1)

/* A median that misses its goal by more than this falls short. */
#define TOLERANCE 0.10

/*
 * The second number holds where AES-GCM is faster than that of OpenSSL 3.0,
 * which has none for VAES: from 3.5 on, or by another provider.
 */
static const struct goal {
	const char *name, *ours, *peer, *suite;
	size_t least, most;
	double openssl_3_0, faster;
} goals[] = {
	{ "send-file", "libktls", "SSL_write", "AES-128-GCM",
	  256 * KIB, ANY, 1.75, 2.2 },
	{ "send-file", "libktls", "SSL_write corked", "AES-128-GCM",
	  256 * KIB, ANY, 1.30, 1.4 },
	{ "send-file", "libktls", "SSL_write", "AES-128-GCM",
	  64 * KIB, 64 * KIB, 1.50, 1.7 },
	{ "send-file", "libktls", "SSL_write", "AES-128-GCM",
	  16 * KIB, 16 * KIB, 1.05, 1.08 },
	{ "send-file", "libktls MORE", "SSL_write", "AES-128-GCM",
	  16 * KIB, 16 * KIB, 1.45, 1.65 },
	{ "send-memory", "libktls", "SSL_write", "AES-128-GCM",
	  16 * KIB, 16 * KIB, 1.05, 1.08 },
	{ "send-memory", "libktls MORE", "SSL_write", "AES-128-GCM",
	  16 * KIB, 16 * KIB, 1.45, 1.65 },
	{ "send-memory", "libktls", "SSL_write", "AES-128-GCM",
	  MIB, MIB, 1.80, 2.5 },
	{ "send-file", "libktls", "SSL_write", "AES-256-GCM",
	  256 * KIB, ANY, 1.70, 2.0 },
	{ "send-file", "libktls", "SSL_write", "ChaCha20-Poly1305",
	  256 * KIB, ANY, 1.60, 1.6 },
	{ "receive", "libktls", "SSL_read", "AES-128-GCM",
	  256 * KIB, ANY, 1.55, 2.0 },
	{ "receive", "libktls", "SSL_read ahead", "AES-128-GCM",
	  256 * KIB, ANY, 1.40, 1.7 },
	{ "round-trip", "libktls", "SSL_read, SSL_write", "AES-128-GCM",
	  64, KIB, 1.27, 1.28 },
	{ "send-file", "libktls", "limit", "", 256 * KIB, ANY, 0.95, 0.92 },
	{ "send-memory", "libktls", "limit", "", 256 * KIB, ANY, 0.95, 0.92 },
	{ "receive", "libktls", "limit", "", 256 * KIB, ANY, 0.95, 0.92 },
	{ "hand-off", "ktls_handoff", "server's handshake", "AES-128-GCM",
	  0, 0, 0.04, 0.04 },
};

static bool is_faster(const struct line *l)
{
	const char *provider = l->ours.provider;

	if (provider && strcmp(provider, "libcrypto") != 0)
		return true;
	return OPENSSL_version_major() > 3 || OPENSSL_version_minor() >= 5;
}

/* TLS 1.2 is measured, and nothing was promised for it. */
static bool is_for(const struct goal *g, const struct line *l)
{
	return strcmp(l->version, "TLSv1.3") == 0 &&
	       strcmp(g->name, l->name) == 0 &&
	       strcmp(g->ours, l->ours.name) == 0 &&
	       strcmp(g->peer, l->peer.name) == 0 &&
	       (!*g->suite || strcmp(g->suite, l->suite) == 0) &&
	       l->size >= g->least && l->size <= g->most;
}

static enum verdict judge(const struct line *l)
{
	double found = l->spread.median;

	if (l->compare == COMPARE_SHARE) {
		if (found <= l->goal)
			return VERDICT_REACHED;
		return found <= l->goal * (1 + TOLERANCE) ? VERDICT_BELOW :
							    VERDICT_SHORT;
	}
	if (found >= l->goal)
		return VERDICT_REACHED;
	return found >= l->goal * (1 - TOLERANCE) ? VERDICT_BELOW :
						    VERDICT_SHORT;
}

void goal_judge(struct line *l)
{
	size_t i;

	l->goal = 0;
	l->verdict = VERDICT_NONE;
	for (i = 0; i < sizeof(goals) / sizeof(goals[0]); i++) {
		if (!is_for(&goals[i], l))
			continue;
		l->goal = is_faster(l) ? goals[i].faster :
					 goals[i].openssl_3_0;
		l->verdict = judge(l);
	}
}

const char *verdict_name(enum verdict v)
{
	switch (v) {
	case VERDICT_REACHED: return "reached";
	case VERDICT_BELOW: return "below goal, within 10 %";
	case VERDICT_SHORT: return "SHORT";
	case VERDICT_NONE: break;
	}
	return "";
}

static int print_all(enum verdict v)
{
	const struct line *l;
	char size[32];
	int i, n = 0;

	for (i = 0; i < line_count(); i++) {
		l = line_at(i);
		if (l->verdict != v)
			continue;
		printf("  %s: %s %s %s%s%s, %s against %s: %.3f, goal %.2f",
		       verdict_name(v), l->name, l->version, l->suite,
		       l->size ? " " : "",
		       l->size ? size_text(l->size, size, sizeof(size)) : "",
		       l->ours.name, l->peer.name, l->spread.median, l->goal);
		if (l->limit > 0)
			printf(" (this machine's limit: %.2f)", l->limit);
		putchar('\n');
		n++;
	}
	return n;
}

int goals_summary(void)
{
	int i, all = 0, reached = 0, fall_short;

	for (i = 0; i < line_count(); i++) {
		all += line_at(i)->verdict != VERDICT_NONE;
		reached += line_at(i)->verdict == VERDICT_REACHED;
	}
	printf("\nGoals: %d of %d reached\n", reached, all);
	fall_short = print_all(VERDICT_SHORT);
	print_all(VERDICT_BELOW);
	return fall_short;
}
