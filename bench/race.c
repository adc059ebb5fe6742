/* SPDX-License-Identifier: MIT */
/* Rounds, and what they come to. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "line.h"
#include "race.h"

double cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double cpu_overhead(void)
{
	static double known;
	double began, took, least = 1;
	int i;

	for (i = 0; known <= 0 && i < 10000; i++) {
		began = cpu_now();
		took = cpu_now() - began;
		if (took < least)
			least = took;
	}
	if (known <= 0)
		known = least;
	return known;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(const double *value, int n)
{
	double sorted[ROUNDS_MAX];
	struct spread s;

	memcpy(sorted, value, (size_t)n * sizeof(*value));
	qsort(sorted, (size_t)n, sizeof(*sorted), ascending);
	s.min = sorted[0];
	s.max = sorted[n - 1];
	s.median = n % 2 ? sorted[n / 2] :
			   (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
	return s;
}

const char *size_text(size_t size, char *buf, size_t len)
{
	if (size >= (1 << 20) && size % (1 << 20) == 0)
		snprintf(buf, len, "%zu MiB", size >> 20);
	else if (size >= 1024 && size % 1024 == 0)
		snprintf(buf, len, "%zu KiB", size >> 10);
	else
		snprintf(buf, len, "%zu B", size);
	return buf;
}

const char *race_title(const struct race *r, char *buf, size_t len)
{
	char size[32];

	snprintf(buf, len, "%s%s%s%s%s%s%s", r->name, *r->version ? "/" : "",
		 r->version, *r->suite ? "/" : "", r->suite,
		 r->size ? "/" : "",
		 r->size ? size_text(r->size, size, sizeof(size)) : "");
	return buf;
}

bool race_wanted(const struct race *r)
{
	char title[128], pattern[256];

	race_title(r, title, sizeof(title));
	if (settings.only) {
		snprintf(pattern, sizeof(pattern), "*%s*", settings.only);
		if (fnmatch(pattern, title, FNM_CASEFOLD) != 0)
			return false;
	}
	if (settings.list)
		puts(title);
	return !settings.list;
}

struct way *race_add(struct race *r, const char *name, enum role role)
{
	struct way *w = &r->way[r->ways];

	if (r->ways == WAYS_MAX)
		abort();
	r->ways++;
	memset(w, 0, sizeof(*w));
	w->name = name;
	w->role = role;
	w->bytes = r->size;
	return w;
}

struct way *race_find(struct race *r, const char *name)
{
	int i;

	for (i = 0; i < r->ways; i++)
		if (strcmp(r->way[i].name, name) == 0)
			return &r->way[i];
	return NULL;
}

static double value_of(const struct race *r, const struct way *w, double took)
{
	switch (r->unit) {
	case UNIT_MB: return (double)w->calls * (double)w->bytes / 1e6 / took;
	case UNIT_RATE: return (double)w->calls / took;
	case UNIT_US: return took * 1e6 / (double)w->calls;
	case UNIT_BYTES: break;
	}
	return took / (double)w->calls;
}

/* As many calls as fill a round; this warms up too. */
static int calibrate(const struct race *r, struct way *w)
{
	double took, enough = settings.seconds / 4;

	w->calls = r->calls ? r->calls : 1;
	while (w->run && !r->calls) {
		took = w->run(w, w->calls);
		if (took < 0)
			return -1;
		if (took >= enough) {
			w->calls = (long)((double)w->calls *
					  settings.seconds / took);
			w->calls += w->calls == 0;
			break;
		}
		if (took < enough / 16)
			took = enough / 16;
		w->calls = (long)((double)w->calls * enough / took) + 1;
	}
	return 0;
}

static int told(const struct race *r, const struct way *w)
{
	line_failed(r, w->name);
	return -1;
}

static int prepare(struct race *r)
{
	struct way *w;

	for (w = r->way; w < r->way + r->ways; w++)
		if ((w->verify && w->verify(w) < 0) || calibrate(r, w) < 0)
			return told(r, w);
	return 0;
}

static int one_round(struct race *r, int round)
{
	struct way *w;
	double took;
	int i;

	/* each is the first at some time, and none always follows another */
	for (i = 0; i < r->ways; i++) {
		w = &r->way[(i + round) % r->ways];
		if (!w->run)
			continue;
		took = w->run(w, w->calls);
		if (took < 0)
			return told(r, w);
		w->value[round] = value_of(r, w, took);
	}
	for (w = r->way; w < r->way + r->ways; w++)
		if (w->derive)
			w->value[round] = w->derive(w, round);
	return 0;
}

/* Its first round is run twice: that which only warms up is overwritten. */
static int all_rounds(struct race *r)
{
	int round;

	if (!r->calls && one_round(r, 0) < 0)
		return -1;
	for (round = 0; round < r->rounds; round++)
		if (one_round(r, round) < 0)
			return -1;
	return 0;
}

int race_run(struct race *r)
{
	struct way *w;
	int err;

	if (r->rounds == 0)
		r->rounds = settings.rounds;
	err = prepare(r);
	if (err == 0)
		err = all_rounds(r);
	for (w = r->way; w < r->way + r->ways; w++) {
		if (err == 0)
			w->spread = spread_of(w->value, r->rounds);
		if (w->close)
			w->close(w);
	}
	if (err == 0)
		lines_of(r);
	return err;
}

int race_failed(struct race *r, const char *what)
{
	struct way *w;

	for (w = r->way; w < r->way + r->ways; w++)
		if (w->close)
			w->close(w);
	line_failed(r, what);
	return -1;
}
