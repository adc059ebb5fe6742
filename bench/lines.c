/* SPDX-License-Identifier: MIT */
/* The lines of the result, kept and shown as they come. */
#include <stdlib.h>
#include <string.h>

#include "line.h"

#define LINES_MAX 512

static struct line *kept[LINES_MAX];
static struct part *parts[LINES_MAX];
static int lines, part_lines, failed;

int line_count(void)
{
	return lines;
}

const struct line *line_at(int i)
{
	return kept[i];
}

int part_count(void)
{
	return part_lines;
}

const struct part *part_at(int i)
{
	return parts[i];
}

int failed_count(void)
{
	return failed;
}

const char *unit_name(enum unit u)
{
	switch (u) {
	case UNIT_MB: return "MB/cpu-s";
	case UNIT_RATE: return "1/cpu-s";
	case UNIT_US: return "us";
	case UNIT_BYTES: break;
	}
	return "bytes";
}

static double ratio(const struct line *l, int round)
{
	double ours = l->ours.value[round], peer = l->peer.value[round];
	bool more = l->unit == UNIT_MB || l->unit == UNIT_RATE;

	return more || l->compare == COMPARE_SHARE ? ours / peer :
						     peer / ours;
}

/* The ratio that nothing could exceed on this machine. */
static double limit_beside(struct race *r, const struct way *peer)
{
	const struct way *limit = race_find(r, "limit");
	double most[ROUNDS_MAX];
	int i;

	if (!limit || limit == peer)
		return 0;
	for (i = 0; i < r->rounds; i++)
		most[i] = limit->value[i] / peer->value[i];
	return spread_of(most, r->rounds).median;
}

static struct line *make_line(struct race *r, const struct way *ours,
			      const struct way *peer)
{
	struct line *l = calloc(1, sizeof(*l));
	int i;

	if (!l || lines == LINES_MAX)
		abort();
	l->name = r->name;
	l->version = r->version;
	l->suite = r->suite;
	l->size = r->size;
	l->unit = r->unit;
	l->compare = r->compare;
	l->rounds = r->rounds;
	l->ours = *ours;
	l->peer = *peer;
	for (i = 0; i < r->rounds; i++)
		l->ratio[i] = ratio(l, i);
	l->spread = spread_of(l->ratio, r->rounds);
	if (!ours->joined)
		l->limit = limit_beside(r, peer);
	goal_judge(l);
	kept[lines++] = l;
	return l;
}

static void print_head(const struct race *r)
{
	char title[128];

	printf("\n%s [%s]\n", race_title(r, title, sizeof(title)),
	       unit_name(r->unit));
	printf("  %-22s %9s %-17s  %-20s %9s %6s %-13s %5s\n", "", "median",
	       "(range)", "against", "median", "ratio", "(range)", "goal");
}

static void print_line(const struct line *l)
{
	const struct spread *o = &l->ours.spread, *q = &l->peer.spread;
	int digits = o->median < 1000 && l->unit == UNIT_US ? 2 : 0;
	char range[48], ratios[48], goal[16] = "";

	snprintf(range, sizeof(range), "(%.*f-%.*f)", digits, o->min, digits,
		 o->max);
	snprintf(ratios, sizeof(ratios), "(%.2f-%.2f)", l->spread.min,
		 l->spread.max);
	if (l->verdict != VERDICT_NONE)
		snprintf(goal, sizeof(goal), "%.2f", l->goal);
	printf("  %-22s %9.*f %-17s  %-20s %9.*f %6.3f %-13s %5s %s\n",
	       l->ours.name, digits, o->median, range, l->peer.name, digits,
	       q->median, l->spread.median, ratios, goal,
	       verdict_name(l->verdict));
}

static void keep_part(const struct race *r, const struct way *w)
{
	struct part *p = calloc(1, sizeof(*p));

	if (!p || part_lines == LINES_MAX)
		abort();
	p->name = r->name;
	p->version = r->version;
	p->suite = r->suite;
	p->size = r->size;
	p->unit = r->unit;
	p->rounds = r->rounds;
	p->way = w->name;
	memcpy(p->value, w->value, sizeof(p->value));
	p->spread = w->spread;
	parts[part_lines++] = p;
	printf("  %-22s %9.0f (%.0f-%.0f)\n", w->name, w->spread.median,
	       w->spread.min, w->spread.max);
}

static bool are_compared(const struct way *ours, const struct way *peer)
{
	return ours->role == ROLE_OURS && peer->role == ROLE_PEER &&
	       !(ours->joined && strcmp(peer->name, "limit") == 0);
}

void lines_of(struct race *r)
{
	struct way *ours, *other, *end = r->way + r->ways;

	print_head(r);
	for (ours = r->way; ours < end; ours++)
		for (other = r->way; other < end; other++)
			if (are_compared(ours, other))
				print_line(make_line(r, ours, other));
	for (other = r->way; other < end; other++)
		if (other->role == ROLE_PART)
			keep_part(r, other);
	fflush(stdout);
}

void line_failed(const struct race *r, const char *what)
{
	char title[128];

	failed++;
	printf("\n%s: FAILED to run: %s\n",
	       race_title(r, title, sizeof(title)), what);
	fflush(stdout);
}
