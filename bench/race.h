/* SPDX-License-Identifier: MIT */
/*
 * A race: several ways to do one job, measured in turn, round after round,
 * so that whatever else the machine does meets all of them alike.
 */
#ifndef KTLS_BENCH_RACE_H
#define KTLS_BENCH_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ROUNDS_MAX 101
#define WAYS_MAX 12

enum unit {
	UNIT_MB,      /* 10^6 bytes per CPU second: more is better */
	UNIT_RATE,    /* times per CPU second: more is better */
	UNIT_US,      /* microseconds of CPU: less is better */
	UNIT_BYTES    /* less is better */
};

enum role {
	ROLE_OURS,    /* what is judged */
	ROLE_PEER,    /* what it is compared with */
	ROLE_PART     /* what only goes into the limit */
};

/* The share says that ours is to be small beside the peer. */
enum compare {
	COMPARE_BETTER, /* how many times better ours is */
	COMPARE_SHARE   /* ours divided by the peer's */
};

struct spread {
	double median, min, max;
};

struct way {
	const char *name;
	enum role role;
	/*
	 * Do it `calls` times.  Returns the CPU seconds (UNIT_BYTES: the
	 * bytes) that went into it, negative: failed, and told why.
	 */
	double (*run)(struct way *w, long calls);
	/* In place of run: this round's value from that of other ways. */
	double (*derive)(const struct way *w, int round);
	/* Does it carry the right bytes?  Not measured. */
	int (*verify)(struct way *w);
	void (*close)(struct way *w);
	void *state;
	size_t bytes;          /* that one call carries */
	long calls;            /* of one round */
	bool joined;           /* its calls are: no limit of single ones */
	const char *provider;  /* of the AEAD, where it is known */
	double value[ROUNDS_MAX];
	struct spread spread;
};

struct race {
	const char *name;
	const char *version;   /* of TLS, or "" */
	const char *suite;     /* or "" */
	size_t size;           /* of a call or message, or 0 */
	enum unit unit;
	enum compare compare;
	long calls;            /* of a round, 0: as many as fill its time */
	int rounds;            /* 0: as many as were asked for */
	int ways;
	struct way way[WAYS_MAX];
};

struct settings {
	int rounds;
	double seconds;        /* CPU time of one way in one round */
	bool quick, list;
	const char *only;
	long connections;      /* of the memory measurement */
};

extern struct settings settings;

/* CPU seconds of the calling thread, system time included. */
double cpu_now(void);

/* What reading that clock twice costs. */
double cpu_overhead(void);

/* Median, least and greatest of n values, which stay as they are. */
struct spread spread_of(const double *value, int n);

/* Does --only want it?  With --list it is named, and not wanted. */
bool race_wanted(const struct race *r);

/* "send-file/TLSv1.3/AES-128-GCM/16 KiB" */
const char *race_title(const struct race *r, char *buf, size_t len);

/* Room for one more; never fails, WAYS_MAX is enough. */
struct way *race_add(struct race *r, const char *name, enum role role);
struct way *race_find(struct race *r, const char *name);

/*
 * Verify, warm up, and run all rounds; then compare each of ours with each
 * peer, print and keep the lines, and close the ways.
 * Returns 0, or -1: something failed to run.
 */
int race_run(struct race *r);

/* For races that could not be set up. */
int race_failed(struct race *r, const char *what);

/* Text of a size: "16 KiB". */
const char *size_text(size_t size, char *buf, size_t len);

#endif
