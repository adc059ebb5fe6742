/* SPDX-License-Identifier: MIT */
/*
 * Fuzz test of ktls_open(): random sessions, with a peer that seals its own
 * records; its stream is cut into plaintext, ciphertext and what the socket
 * brings, and no byte may be lost, doubled or wrong.  An iteration is played
 * on each path, with the same results.
 *
 *   fuzz_open [--iterations N] [--seed S] [--only INDEX] [--no-rekey]
 *
 * Exit status: 0; 1: an iteration failed, or some end was never met; 2: bad
 * usage.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "open_run.h"

#define FAILURES_SHOWN 10
#define STUCK_SECONDS 60
#define WAYS 4

static const enum ktls_choice ways[WAYS][2] = {
	{ KTLS_USERSPACE, KTLS_USERSPACE },
	{ KTLS_KERNEL, KTLS_KERNEL },
	{ KTLS_KERNEL, KTLS_USERSPACE },
	{ KTLS_USERSPACE, KTLS_KERNEL }
};

static struct {
	unsigned long iterations;
	uint64_t seed;
	long only; /* -1: all */
	int rekey;
} options = { 1000, 0, -1, 1 };

static unsigned long current;
static int done;

/* What was met, to be sure that it was. */
static struct {
	unsigned long plays;
	unsigned long refused;
	unsigned long ends[OPEN_ENDS];
	unsigned long tickets;
	unsigned long updates;
} met;

static void print_command(void)
{
	printf("  repeat: fuzz_open --seed %" PRIu64 " --only %lu%s\n",
	       options.seed, current, options.rekey ? "" : " --no-rekey");
	fflush(stdout);
}

static void stuck(int signal)
{
	(void)signal;
	printf("fuzz_open: iteration %lu is stuck\n", current);
	print_command();
	_exit(1);
}

/* A peer that cannot go on ends the process. */
static void on_exit_early(void)
{
	if (!done)
		print_command();
}

static int complain(int way, const char *why)
{
	printf("fuzz_open: iteration %lu, tx %s, rx %s: %s\n", current,
	       ways[way][0] == KTLS_KERNEL ? "kernel" : "userspace",
	       ways[way][1] == KTLS_KERNEL ? "kernel" : "userspace", why);
	print_command();
	return 1;
}

static int differs(int way, const struct open_result *first,
		   const struct open_result *r)
{
	printf("fuzz_open: opened %d/%d, end %d/%d, alert %d/%d, updates "
	       "%d/%d, alerts %d/%d, tickets %d/%d, bytes %d/%d\n",
	       first->opened, r->opened, (int)first->end, (int)r->end,
	       (int)first->alert, (int)r->alert, (int)first->updates,
	       (int)r->updates, (int)first->alerts, (int)r->alerts,
	       (int)first->tickets, (int)r->tickets, (int)first->come,
	       (int)r->come);
	return complain(way, "not as in userspace");
}

static void count(const struct open_run *r)
{
	met.plays++;
	met.refused += r->result.opened < 0;
	met.ends[r->plan.end]++;
	met.tickets += r->result.tickets;
	met.updates += r->result.updates;
}

static int iterate(unsigned long index)
{
	static struct open_run r;
	struct open_result first;
	int way;

	current = index;
	for (way = 0; way < WAYS; way++) {
		memset(&r, 0, sizeof(r));
		stream_seed(&r.random, options.seed, index);
		open_plan(&r, options.rekey);
		/* A kernel that cannot change keys ends with a KeyUpdate. */
		if (r.plan.updates && !options.rekey && way > 0)
			break;
		alarm(STUCK_SECONDS);
		if (open_play(&r, ways[way][0], ways[way][1]) < 0)
			return complain(way, r.why);
		count(&r);
		if (way == 0)
			first = r.result;
		if (memcmp(&first, &r.result, sizeof(first)) != 0)
			return differs(way, &first, &r.result);
	}
	return 0;
}

static unsigned long iterations(void)
{
	unsigned long failed = 0;
	unsigned long i;

	if (options.only >= 0)
		return (unsigned long)iterate((unsigned long)options.only);
	for (i = 0; i < options.iterations && failed < FAILURES_SHOWN; i++)
		failed += (unsigned long)iterate(i);
	options.iterations = i;
	return failed;
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "iterations", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' },
		{ "no-rekey", no_argument, &options.rekey, 0 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			options.iterations = strtoul(optarg, NULL, 0);
		else if (c == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (c == 'o')
			options.only = strtol(optarg, NULL, 0);
		else if (c != 0)
			return -1;
	}
	return optind == argc ? 0 : -1;
}

static int report(void)
{
	int never = met.refused == 0 || met.tickets == 0 || met.updates == 0;
	int i;

	for (i = 0; i < OPEN_ENDS; i++)
		never |= met.ends[i] == 0;
	printf("fuzz_open: %lu plays, %lu refused, %lu tickets, %lu "
	       "KeyUpdates\n", met.plays, met.refused, met.tickets,
	       met.updates);
	if (never && options.iterations >= 200 && options.only < 0) {
		printf("fuzz_open: something never happened\n");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long failed;
	int never;

	if (getrandom(&options.seed, 4, 0) != 4 || parse(argc, argv))
		return 2;
	keyed_start(options.rekey ? KEYED_REKEY : KEYED_FIXED);
	signal(SIGALRM, stuck);
	atexit(on_exit_early);
	printf("fuzz_open: seed %" PRIu64 "%s\n", options.seed,
	       options.rekey ? "" : ", no rekey");
	failed = iterations();
	never = report();
	printf("fuzz_open: %lu iterations, %lu failed\n",
	       options.only >= 0 ? 1 : options.iterations, failed);
	done = 1;
	return failed || never;
}
