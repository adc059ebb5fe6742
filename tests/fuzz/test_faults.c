/* SPDX-License-Identifier: MIT */
/*
 * Every state that a call may stop in: each script of fault_script.c is
 * played without a fault, its system calls are counted, and it is played
 * again with each of them failing, in every way that it can.
 *
 *   test_faults [--all] [--only TEXT] [--kind NAME [--then NAME] --at INDEX]
 *
 * A line per script; --only takes those whose line has TEXT in it, --kind and
 * --at repeat one run.  --all takes every mixture of role, version, path and
 * blocking, and every call for every fault; otherwise some are left out.
 * Exit status 0: nothing failed.
 */
#include <dirent.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "fault.h"

#define CASES 512
#define SHOWN 4

/* What one script has come to; shared with its process. */
struct result {
	char name[120];
	long calls;
	unsigned long runs;
	unsigned long failed;
	struct fault_plan plan; /* that of now */
	char why[SHOWN][400];
};

static const char *only = "";
static int one_run;
static int everything;
static struct fault_plan one_plan = { 0, { FAULT_NONE, FAULT_NONE } };

static struct fault_case cases[CASES];
static struct result *results;
static size_t case_count;

static const struct fault_plan no_fault = { -1, { FAULT_NONE, FAULT_NONE } };

/* Two in a row, the second where the library may be least ready for it. */
static const enum fault_kind pairs[][2] = {
	{ FAULT_AGAIN, FAULT_AGAIN },
	{ FAULT_HALF, FAULT_AGAIN },
	{ FAULT_BYTE, FAULT_INTR },
	{ FAULT_AGAIN, FAULT_RESET },
	{ FAULT_INTR, FAULT_NOMEM },
	{ FAULT_BYTE, FAULT_RESET },
	{ FAULT_NOMEM, FAULT_NOMEM },
	{ FAULT_NOMEM, FAULT_RESET },
};

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void describe(char *to, size_t len, const struct fault_plan *plan,
		     const char *why, const char *step)
{
	const struct fault_seen *seen = &fault_run.seen[0];
	const char *call = "";

	if (plan->at >= 0 && plan->at < FAULT_LOG)
		call = fault_call_name(seen[plan->at].call);
	snprintf(to, len, "--kind %s --then %s --at %ld (%s), in %s: %s",
		 fault_kind_name(plan->kind[0]),
		 fault_kind_name(plan->kind[1]), plan->at, call, step, why);
}

static void play(const struct fault_case *c, struct result *r,
		 const struct fault_plan *plan)
{
	r->plan = *plan;
	r->runs++;
	fault_play(c, plan);
	if (!fault_run.failed)
		return;
	if (r->failed < SHOWN)
		describe(r->why[r->failed], sizeof(r->why[0]), plan,
			 fault_run.why, fault_step_name(fault_run.at));
	r->failed++;
}

static struct fault_seen seen[FAULT_LOG];

/* These leave no call out: each is another state to go on from. */
static long stride(int kind)
{
	return everything || kind == FAULT_AGAIN || kind == FAULT_NOMEM ||
	       kind == FAULT_RESET ? 1 : 3;
}

static void each_call(const struct fault_case *c, struct result *r)
{
	struct fault_plan plan = no_fault;
	long step;
	int kind;

	for (kind = FAULT_AGAIN; kind < FAULT_KINDS; kind++) {
		plan.kind[0] = (enum fault_kind)kind;
		step = stride(kind);
		for (plan.at = kind % step; plan.at < r->calls; plan.at += step)
			if (fault_applies(plan.kind[0], &seen[plan.at]))
				play(c, r, &plan);
	}
}

/* Not each pair at each call, but each call with two pairs. */
static void each_pair(const struct fault_case *c, struct result *r)
{
	const size_t n = sizeof(pairs) / sizeof(*pairs);
	const long step = everything ? 1 : 4;
	struct fault_plan plan;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(plan.kind, pairs[i], sizeof(plan.kind));
		for (plan.at = (long)i % step; plan.at < r->calls;
		     plan.at += step)
			if (fault_applies(plan.kind[0], &seen[plan.at]))
				play(c, r, &plan);
	}
}

static void start(const struct fault_case *c)
{
	const struct fake_options options = { 0, c->path->rekey, 1 << 20 };
	struct ktls_features features = { .size = sizeof(features) };

	fake_kernel_start(&options);
	ktls_probe(&features);
	fault_table_start();
	fault_contexts_open(c);
}

/* In a process of its own: what the probe finds is known for good. */
static int run_case(const struct fault_case *c, struct result *r)
{
	int before;

	start(c);
	play(c, r, one_run ? &one_plan : &no_fault);
	r->calls = fault_run.calls < FAULT_LOG ? fault_run.calls : FAULT_LOG;
	memcpy(seen, fault_run.seen, sizeof(seen));
	before = descriptors();
	if (!one_run && !r->failed) {
		each_call(c, r);
		each_pair(c, r);
	}
	if (descriptors() != before)
		snprintf(r->why[r->failed++ % SHOWN], sizeof(r->why[0]),
			 "%d descriptors are left", descriptors() - before);
	fault_contexts_close();
	return r->failed != 0;
}

static void name_case(const struct fault_case *c, char *to, size_t len)
{
	snprintf(to, len, "%s, %s, TLS %s, %s, %s", c->script->name,
		 c->server ? "server" : "client",
		 c->version == KTLS_TLS_1_3 ? "1.3" : "1.2", c->path->name,
		 c->blocking ? "blocking" : "non-blocking");
}

/* Each script on each path, in each version and role, blocking and not; but
 * not every mixture of these. */
static int is_sample(const struct fault_case *c)
{
	int both = c->script->roles == ROLE_BOTH;
	int mixed = c->path->tx != c->path->rx;
	int is_12 = c->version == KTLS_TLS_1_2;

	if (everything)
		return 1;
	/* Rekeying makes no difference to TLS 1.2. */
	if (is_12 && (mixed || c->path->rekey))
		return 0;
	if (mixed && c->blocking)
		return 0;
	if (c->blocking || mixed || is_12)
		return !both || c->server == (c->blocking == is_12);
	return 1;
}

static void add_case(const struct fault_case *c)
{
	char name[sizeof(results->name)];

	if (!fault_fits(c) || !is_sample(c) || case_count == CASES)
		return;
	name_case(c, name, sizeof(name));
	if (!strstr(name, only))
		return;
	memcpy(results[case_count].name, name, sizeof(name));
	cases[case_count++] = *c;
}

static void add_cases(void)
{
	struct fault_case c;
	size_t s, p;
	int i;

	for (s = 0; s < fault_script_count; s++)
		for (p = 0; p < fault_path_count; p++)
			for (i = 0; i < 8; i++) {
				c.script = &fault_scripts[s];
				c.path = &fault_paths[p];
				c.server = i & 1;
				c.version = i & 2 ? KTLS_TLS_1_2 :
						    KTLS_TLS_1_3;
				c.blocking = i >> 2;
				add_case(&c);
			}
}

static pid_t begin(size_t i)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		exit(run_case(&cases[i], &results[i]));
	return pid;
}

static int tell(size_t i, int status)
{
	const struct result *r = &results[i];
	int bad = status != 0;
	size_t n;

	printf("%sok - %s: %ld calls, %lu runs", bad ? "not " : "", r->name,
	       r->calls, r->runs);
	if (r->failed)
		printf(", %lu failed", r->failed);
	printf("\n");
	for (n = 0; n < r->failed && n < SHOWN; n++)
		printf("    %s\n", r->why[n]);
	if (bad && !r->failed)
		printf("    ended with status %#x behind --kind %s --then %s "
		       "--at %ld\n", (unsigned)status,
		       fault_kind_name(r->plan.kind[0]),
		       fault_kind_name(r->plan.kind[1]), r->plan.at);
	return bad;
}

/* As many at once as there are processors, told in the order of their end. */
static size_t run_all(void)
{
	static pid_t pids[CASES];
	long room = sysconf(_SC_NPROCESSORS_ONLN);
	size_t next = 0, done, i, bad = 0;
	int status;
	pid_t pid;

	for (done = 0; done < case_count; done++) {
		for (; next < case_count && room > 0; room--, next++)
			pids[next] = begin(next);
		pid = wait(&status);
		room++;
		for (i = 0; i < next; i++)
			if (pids[i] == pid)
				bad += (size_t)tell(i, status);
	}
	return bad;
}

static enum fault_kind kind_of(const char *name)
{
	int kind;

	for (kind = 0; kind < FAULT_KINDS; kind++)
		if (strcmp(fault_kind_name((enum fault_kind)kind), name) == 0)
			return (enum fault_kind)kind;
	fprintf(stderr, "no fault is called %s\n", name);
	exit(2);
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "all", no_argument, &everything, 1 },
		{ "only", required_argument, NULL, 'o' },
		{ "kind", required_argument, NULL, 'k' },
		{ "then", required_argument, NULL, 't' },
		{ "at", required_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'o')
			only = optarg;
		else if (c == 'k')
			one_plan.kind[0] = kind_of(optarg);
		else if (c == 't')
			one_plan.kind[1] = kind_of(optarg);
		else if (c == 'a')
			one_plan.at = strtol(optarg, NULL, 0);
		else if (c != 0)
			return -1;
		one_run |= c == 'k' || c == 't' || c == 'a';
	}
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	unsigned long runs = 0;
	size_t i, bad;

	results = mmap(NULL, CASES * sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED || parse(argc, argv))
		return 2;
	/* The library raises none that it does not take back. */
	signal(SIGPIPE, SIG_DFL);
	add_cases();
	bad = run_all();
	for (i = 0; i < case_count; i++)
		runs += results[i].runs;
	printf("%zu passed, %zu failed, %lu runs\n", case_count - bad, bad,
	       runs);
	return bad != 0 || case_count == 0;
}
