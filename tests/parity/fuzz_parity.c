/* SPDX-License-Identifier: MIT */
/*
 * Parity fuzz test: generated sequences of calls, each played on every pair
 * of paths, and compared with one model and with each other.
 *
 *   fuzz_parity [--iterations N] [--seed S] [--jobs N] [--pair INDEX]
 *               [--kernel fake|real|none] [--no-rekey] [--trace]
 *
 * Iteration i is made of seed S + i alone: one that failed is repeated by
 * --seed (what it printed) --iterations 1.  --jobs: processes that share the
 * work, by default one for each processor.
 * Exit status: 0; 1: an iteration failed; 2: bad usage; 77: --kernel real,
 * and this kernel has no TLS.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parity.h"
#include "tests/fuzz/fake_kernel.h"

#define FAILURES_SHOWN 10
#define STUCK_SECONDS 60
#define JOBS_MAX 64

enum { KERNEL_NONE, KERNEL_FAKE, KERNEL_REAL };

struct parity_options parity_options = { .iterations = 1000, .rekey = 1,
					 .kernel = KERNEL_FAKE, .only = -1,
					 .features.size =
						 sizeof(struct ktls_features) };
static struct parity_script script;

struct tally {
	unsigned long ran;
	unsigned long failed;
	uint64_t seed;       /* the last one */
};

static void print_command(void)
{
	printf("  repeat: fuzz_parity --seed %" PRIu64 " --iterations 1%s%s\n",
	       script.seed,
	       parity_options.kernel == KERNEL_REAL ? " --kernel real" :
	       parity_options.kernel == KERNEL_NONE ? " --kernel none" : "",
	       parity_options.rekey || parity_options.kernel == KERNEL_REAL ?
		       "" : " --no-rekey");
	fflush(stdout);
}

/* A call that should have returned did not. */
static void stuck(int signal)
{
	(void)signal;
	printf("fuzz_parity: seed %" PRIu64 " is stuck\n", script.seed);
	parity_script_print(&script, PARITY_STEPS);
	print_command();
	_exit(1);
}

static void broken_pipe(int signal)
{
	(void)signal;
	parity_signals++;
}

static void work(unsigned job, struct tally *t)
{
	unsigned long i;

	for (i = job; i < parity_options.iterations &&
		      t->failed < FAILURES_SHOWN; i += parity_options.jobs) {
		alarm(STUCK_SECONDS);
		parity_script(&script, parity_options.seed + i);
		t->seed = script.seed;
		t->ran++;
		if (parity_play(&script)) {
			t->failed++;
			print_command();
		}
	}
	alarm(0);
}

static int parse_kernel(const char *name)
{
	static const char *const names[] = { "none", "fake", "real" };
	int i;

	for (i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0) {
			parity_options.kernel = i;
			return 0;
		}
	return -1;
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "iterations", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "pair", required_argument, NULL, 'p' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "no-rekey", no_argument, &parity_options.rekey, 0 },
		{ "trace", no_argument, &parity_options.trace, 1 },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			parity_options.iterations = strtoul(optarg, NULL, 0);
		else if (c == 's')
			parity_options.seed = strtoull(optarg, NULL, 0);
		else if (c == 'j')
			parity_options.jobs = (unsigned)atoi(optarg);
		else if (c == 'p')
			parity_options.only = strtol(optarg, NULL, 0);
		else if (c == 'k' && parse_kernel(optarg))
			return -1;
		else if (c == '?')
			return -1;
	}
	if (parity_options.jobs > JOBS_MAX)
		return -1;
	return optind == argc ? 0 : -1;
}

/* 0, or an exit status. */
static int start(void)
{
	struct fake_options fake = { parity_options.kernel != KERNEL_FAKE,
				     parity_options.rekey, 40000 };
	struct stream_random r;
	size_t i;

	fake_kernel_start(&fake);
	signal(SIGALRM, stuck);
	signal(SIGPIPE, broken_pipe);
	if (ktls_probe(&parity_options.features)) {
		printf("fuzz_parity: the probe failed\n");
		return 1;
	}
	if (parity_options.kernel == KERNEL_REAL &&
	    parity_options.features.ulp) {
		printf("fuzz_parity: no kernel TLS: %s\n",
		       ktls_strerror(parity_options.features.ulp));
		return 77;
	}
	if (parity_options.kernel == KERNEL_NONE)
		memset(&parity_options.features, 0,
		       sizeof(parity_options.features));
	else
		parity_options.rekey = parity_options.features.rekey;
	stream_seed(&r, 1, 1);
	for (i = 0; i < PARITY_PATTERN; i++)
		parity_pattern[i] = (uint8_t)stream_next(&r);
	return 0;
}

/* One process's share, with sockets and files of its own. */
static int job(unsigned number, struct tally *t)
{
	if (parity_contexts_open() || parity_listeners() ||
	    parity_files_open()) {
		printf("fuzz_parity: no sockets, files or contexts\n");
		return 1;
	}
	work(number, t);
	parity_files_close();
	parity_contexts_close();
	return t->failed != 0;
}

static int jobs(struct tally *tallies)
{
	pid_t pids[JOBS_MAX];
	unsigned i;
	int failed = 0;
	int status;

	if (parity_options.jobs == 1)
		return job(0, tallies);
	fflush(stdout);
	for (i = 0; i < parity_options.jobs; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			exit(job(i, &tallies[i]));
	}
	for (i = 0; i < parity_options.jobs; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			failed = 1;
		if (WIFSIGNALED(status))
			printf("fuzz_parity: seed %" PRIu64 ": signal %d\n",
			       tallies[i].seed, WTERMSIG(status));
		/* A signal, or a sequence that hung. */
		if (status != 0 && tallies[i].failed == 0)
			tallies[i].failed = 1;
	}
	return failed;
}

int main(int argc, char **argv)
{
	struct tally sum = { 0, 0, 0 };
	struct tally *tallies;
	unsigned i;
	int err;

	if (getrandom(&parity_options.seed, 4, 0) != 4 || parse(argc, argv))
		return 2;
	if (parity_options.jobs == 0)
		parity_options.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (parity_options.iterations < parity_options.jobs)
		parity_options.jobs = 1;
	err = start();
	if (err)
		return err;
	tallies = mmap(NULL, sizeof(*tallies) * JOBS_MAX,
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	if (tallies == MAP_FAILED)
		return 1;
	printf("fuzz_parity: seed %" PRIu64 ", %u jobs%s\n",
	       parity_options.seed, parity_options.jobs,
	       parity_options.rekey ? "" : ", no rekey");
	err = jobs(tallies);
	for (i = 0; i < parity_options.jobs; i++) {
		sum.ran += tallies[i].ran;
		sum.failed += tallies[i].failed;
	}
	printf("fuzz_parity: seed %" PRIu64 ": %lu iterations, %lu failed\n",
	       parity_options.seed, sum.ran, sum.failed);
	return err || sum.failed;
}
