/* SPDX-License-Identifier: MIT */
/* The benchmark: see README.md beside it, and run.sh, which builds it. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "jobs.h"
#include "line.h"

#define ROUNDS 9
#define SECONDS 0.1
#define QUICK_ROUNDS 9
#define QUICK_SECONDS 0.03

struct settings settings;

static const char *json_path;
static int strict;

static void usage(FILE *f)
{
	fputs("usage: bench [OPTION]...\n"
	      "  --json FILE     write everything there too\n"
	      "  --quick         fewer sizes, shorter rounds\n"
	      "  --only PATTERN  those races whose title holds it"
	      " (* and ? work)\n"
	      "  --rounds N      paired rounds (9)\n"
	      "  --seconds S     CPU time of one way in one round\n"
	      "  --strict 1      a goal that falls short is a failure\n"
	      "  --list          name the races\n", f);
}

static int number(const char *text, int least, int most, int *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < least || n > most)
		return -1;
	*out = (int)n;
	return 0;
}

static int set(int option, const char *text)
{
	switch (option) {
	case 'j': json_path = text; return 0;
	case 'q': settings.quick = true; return 0;
	case 'l': settings.list = true; return 0;
	case 'o': settings.only = text; return 0;
	case 'r': return number(text, 1, ROUNDS_MAX, &settings.rounds);
	case 's': settings.seconds = atof(text);
		  return settings.seconds > 0 ? 0 : -1;
	case 't': return number(text, 0, 1, &strict);
	case 'h': usage(stdout); exit(0);
	default: return -1;
	}
}

static int parse(int argc, char **argv)
{
	static const struct option all[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "quick", no_argument, NULL, 'q' },
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "strict", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", all, NULL)) != -1)
		if (set(c, optarg) < 0)
			return -1;
	if (!settings.rounds)
		settings.rounds = settings.quick ? QUICK_ROUNDS : ROUNDS;
	if (settings.seconds <= 0)
		settings.seconds = settings.quick ? QUICK_SECONDS : SECONDS;
	settings.connections = settings.quick ? 300 : 1000;
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	static int (*const jobs[])(void) = {
		/* first, while the heap is young */
		bench_memory, bench_handoff, bench_connections,
		bench_round_trips, bench_send, bench_receive
	};
	int fall_short;
	size_t i;

	if (parse(argc, argv) < 0) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	/* the path is ours to choose, and named in the result */
	unsetenv("KTLS_PATH");
	machine_learn();
	if (!settings.list)
		machine_print();
	pin_measured();
	for (i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		jobs[i]();
	if (settings.list)
		return 0;
	fall_short = goals_summary();
	if (failed_count() > 0)
		printf("%d races FAILED to run\n", failed_count());
	if (json_path && json_write(json_path, argc, argv) < 0) {
		perror(json_path);
		return 1;
	}
	return failed_count() > 0 || (strict && fall_short > 0);
}
