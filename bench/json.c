/* SPDX-License-Identifier: MIT */
/* The result for programs. */
#include <stdlib.h>

#include "conn.h"
#include "line.h"

void json_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; s && *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		if ((unsigned char)*s >= 0x20)
			fputc(*s, f);
	}
	fputc('"', f);
}

static void member(FILE *f, const char *name, const char *value)
{
	fprintf(f, "\"%s\": ", name);
	json_string(f, value);
	fputs(", ", f);
}

static void values(FILE *f, const struct spread *s, const double *v, int n)
{
	int i;

	fprintf(f, "\"median\": %.6g, \"min\": %.6g, \"max\": %.6g, "
		"\"values\": [", s->median, s->min, s->max);
	for (i = 0; i < n; i++)
		fprintf(f, "%s%.6g", i ? ", " : "", v[i]);
	fputc(']', f);
}

static void line(FILE *f, const struct line *l)
{
	member(f, "name", l->name);
	member(f, "way", l->ours.name);
	member(f, "version", l->version);
	member(f, "suite", l->suite);
	fprintf(f, "\"size\": %zu, ", l->size);
	member(f, "unit", unit_name(l->unit));
	if (l->ours.provider)
		member(f, "provider", l->ours.provider);
	values(f, &l->ours.spread, l->ours.value, l->rounds);
	fputs(",\n   ", f);
	member(f, "peer", l->peer.name);
	fputs("\"peer_value\": {", f);
	values(f, &l->peer.spread, l->peer.value, l->rounds);
	fprintf(f, "},\n   \"compare\": \"%s\", \"ratio\": {",
		l->compare == COMPARE_SHARE ? "share" : "times better");
	values(f, &l->spread, l->ratio, l->rounds);
	fputc('}', f);
	if (l->limit > 0)
		fprintf(f, ", \"limit_ratio\": %.6g", l->limit);
	if (l->verdict == VERDICT_NONE)
		fputs(", \"goal\": null, \"verdict\": null", f);
	else
		fprintf(f, ", \"goal\": %.6g, \"verdict\": \"%s\"", l->goal,
			verdict_name(l->verdict));
}

static void part(FILE *f, const struct part *p)
{
	member(f, "name", p->name);
	member(f, "way", p->way);
	member(f, "version", p->version);
	member(f, "suite", p->suite);
	fprintf(f, "\"size\": %zu, ", p->size);
	member(f, "unit", unit_name(p->unit));
	values(f, &p->spread, p->value, p->rounds);
}

static void command(FILE *f, int argc, char **argv)
{
	const char *said = getenv("KTLS_BENCH_COMMAND");
	int i;

	fputs(" \"command\": [", f);
	if (said)
		json_string(f, said);
	for (i = 0; i < argc && !said; i++) {
		fputs(i ? ", " : "", f);
		json_string(f, argv[i]);
	}
	fputs("],\n", f);
}

/* The last line is a brace alone: bench/run.sh puts more before it. */
int json_write(const char *path, int argc, char **argv)
{
	FILE *f = fopen(path, "w");
	int i, bad;

	if (!f)
		return -1;
	fputs("{\n", f);
	command(f, argc, argv);
	fprintf(f, " \"rounds\": %d, \"seconds_per_round\": %g, "
		"\"quick\": %s, \"failed\": %d,\n", settings.rounds,
		settings.seconds, settings.quick ? "true" : "false",
		failed_count());
	machine_json(f);
	fputs(" \"lines\": [", f);
	for (i = 0; i < line_count(); i++) {
		fputs(i ? ",\n  {" : "\n  {", f);
		line(f, line_at(i));
		fputc('}', f);
	}
	fputs("],\n \"parts\": [", f);
	for (i = 0; i < part_count(); i++) {
		fputs(i ? ",\n  {" : "\n  {", f);
		part(f, part_at(i));
		fputc('}', f);
	}
	fputs("]\n}\n", f);
	bad = ferror(f);
	return fclose(f) != 0 || bad ? -1 : 0;
}
