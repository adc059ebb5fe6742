/* SPDX-License-Identifier: MIT */
/* A line of the result: one of ours beside one peer, and the goal for it. */
#ifndef KTLS_BENCH_LINE_H
#define KTLS_BENCH_LINE_H

#include <stdio.h>

#include "race.h"

enum verdict {
	VERDICT_NONE,    /* there is no goal */
	VERDICT_REACHED,
	VERDICT_BELOW,   /* by less than 10 % */
	VERDICT_SHORT
};

struct line {
	const char *name, *version, *suite;
	size_t size;
	enum unit unit;
	enum compare compare;
	int rounds;
	struct way ours, peer; /* copies: names and values only */
	double ratio[ROUNDS_MAX];
	struct spread spread;
	/* what the limit would come to beside this peer, or 0 */
	double limit;
	double goal;           /* 0: none */
	enum verdict verdict;
};

/* A figure that went into a limit. */
struct part {
	const char *name, *version, *suite, *way;
	size_t size;
	enum unit unit;
	int rounds;
	double value[ROUNDS_MAX];
	struct spread spread;
};

/* Keep and print what a race has shown. */
void lines_of(struct race *r);
void line_failed(const struct race *r, const char *what);

int line_count(void);
const struct line *line_at(int i);
int part_count(void);
const struct part *part_at(int i);
int failed_count(void);

/* Sets goal and verdict. */
void goal_judge(struct line *l);
const char *verdict_name(enum verdict v);
const char *unit_name(enum unit u);

/* The number of goals that fall short; prints which, if any. */
int goals_summary(void);

/* ------------------------------------------------ the machine and the file */

/* Before anything is pinned. */
void machine_learn(void);
void machine_print(void);
void machine_json(FILE *f);
/* Returns 0, or -1: the file could not be written. */
int json_write(const char *path, int argc, char **argv);
void json_string(FILE *f, const char *s);

#endif
