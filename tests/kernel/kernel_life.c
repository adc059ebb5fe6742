/* SPDX-License-Identifier: MIT */
/*
 * What happens to a connection after its hand-off: key updates, tickets,
 * alerts, limits, against a peer that follows a script.
 *
 *   kernel_life [--keys] [--path PATH] [--case WORDS] [--list]
 *
 * PATH is kernel, userspace or library, for both directions, or one for TX
 * and one for RX: kernel/userspace; without it those are run that this kernel
 * has.  --library and --userspace are such a PATH, too.  --case runs only the
 * cases whose name has the words in it.  With --keys connections are opened
 * by ktls_open(): what needs an SSL is left out, by name.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life_run.h"
#include "tlsstat.h"

#define LIMIT 60

static const struct life_way_in paths[] = {
	{ "kernel", KTLS_KERNEL, KTLS_KERNEL },
	{ "userspace", KTLS_USERSPACE, KTLS_USERSPACE },
	{ "library", KTLS_LIBRARY, KTLS_LIBRARY },
	{ "kernel/userspace", KTLS_KERNEL, KTLS_USERSPACE },
	{ "userspace/kernel", KTLS_USERSPACE, KTLS_KERNEL },
	{ "kernel/library", KTLS_KERNEL, KTLS_LIBRARY },
	{ "library/kernel", KTLS_LIBRARY, KTLS_KERNEL },
	{ "userspace/library", KTLS_USERSPACE, KTLS_LIBRARY },
	{ "library/userspace", KTLS_LIBRARY, KTLS_USERSPACE }
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

static const struct life_topic *const topics[] = {
	&life_reassembly, &life_protocol, &life_updates, &life_fixed,
	&life_limits, &life_tickets, &life_alerts, &life_faults, &life_tls12,
	&life_floods, &life_lengths, &life_tamper
};
#define TOPICS (sizeof(topics) / sizeof(topics[0]))

static struct life_run *runs;
static int count;

static struct {
	const char *path;
	const char *words;
	int list;
} args;

static int uses_kernel(const struct life_way_in *path)
{
	return path->tx == KTLS_KERNEL || path->rx == KTLS_KERNEL;
}

static int wanted(const struct life_way_in *path)
{
	if (uses_kernel(path) && !rig_kernel())
		return 0;
	if (rig_keys() && (path->tx == KTLS_LIBRARY ||
			   path->rx == KTLS_LIBRARY))
		return 0;
	/* halves that need no kernel have their run where there is none */
	if (!args.path && rig_kernel() && !uses_kernel(path) &&
	    path->tx != path->rx)
		return 0;
	return !args.path || strcmp(args.path, path->name) == 0;
}

static int named(const struct life_case *c)
{
	return !args.words || strstr(c->name, args.words);
}

static void add_run(const struct life_case *c, unsigned place, unsigned turn)
{
	struct life_run run = { .c = c, .turn = turn };
	size_t i;

	for (i = 0; i < PATHS; i++) {
		run.path = &paths[i];
		if (!wanted(&paths[i]) ||
		    !life_fits(c, &paths[i], place, &run.env))
			continue;
		runs = realloc(runs, (size_t)(count + 1) * sizeof(*runs));
		runs[count++] = run;
	}
}

/* Every role and version of a case; the suites go round with them. */
static void add_case(const struct life_case *c, unsigned *turn)
{
	unsigned role;
	unsigned version;

	if (!named(c))
		return;
	if (rig_keys() && (c->flags & KTLS_KEEP_SSL)) {
		printf("left out, without an SSL: %s\n", c->name);
		return;
	}
	for (role = LIFE_CLIENT; role <= LIFE_SERVER; role <<= 1)
		for (version = LIFE_TLS_1_2; version <= LIFE_TLS_1_3;
		     version <<= 1)
			if ((c->on & role) && (c->on & version))
				add_run(c, role | version, (*turn)++);
}

START_TEST(test_life)
{
	life_go(&runs[_i]);
}
END_TEST

static void add_topic(Suite *suite, const struct life_topic *topic,
		      unsigned *turn)
{
	TCase *tcase = tcase_create(topic->name);
	int first = count;
	size_t i;

	for (i = 0; i < topic->count; i++)
		add_case(&topic->cases[i], turn);
	tcase_set_timeout(tcase, LIMIT);
	tcase_add_loop_test(tcase, test_life, first, count);
	suite_add_tcase(suite, tcase);
}

static Suite *all_topics(void)
{
	Suite *suite = suite_create("life");
	unsigned turn = 0;
	size_t cases = 0;
	size_t i;

	for (i = 0; i < TOPICS; i++) {
		add_topic(suite, topics[i], &turn);
		cases += topics[i]->count;
	}
	printf("%zu cases, %d runs\n", cases, count);
	return suite;
}

static void list_runs(void)
{
	char name[200];
	int i;

	for (i = 0; i < count; i++) {
		life_name(name, sizeof(name), &runs[i]);
		printf("%d %s\n", i, name);
	}
}

static int parse(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--path") == 0 && i + 1 < argc)
			args.path = argv[++i];
		else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc)
			args.words = argv[++i];
		else if (strcmp(argv[i], "--library") == 0 ||
			 strcmp(argv[i], "--userspace") == 0)
			args.path = argv[i] + 2;
		else if (strcmp(argv[i], "--list") == 0)
			args.list = 1;
		else if (strcmp(argv[i], "--keys") == 0)
			rig_use_keys();
		else
			return -1;
	}
	return 0;
}

static const struct life_way_in *the_path(void)
{
	size_t i;

	for (i = 0; args.path && i < PATHS; i++)
		if (strcmp(args.path, paths[i].name) == 0)
			return &paths[i];
	return NULL;
}

static int needs_kernel(void)
{
	const char *require = getenv("KTLS_REQUIRE_KERNEL");

	if (args.path)
		return uses_kernel(the_path());
	return require && strcmp(require, "1") == 0;
}

/* What runs in the kernel leaves its traces there. */
static int was_idle(const struct tlsstat *was)
{
	struct tlsstat is;
	unsigned tx = 0;
	unsigned rx = 0;
	int i;

	for (i = 0; i < count; i++) {
		tx |= runs[i].env & LIFE_TX_KERNEL;
		rx |= runs[i].env & LIFE_RX_KERNEL;
	}
	tlsstat_read(&is);
	return (tx && is.tx == was->tx) || (rx && is.rx == was->rx);
}

static int run_all(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	struct tlsstat was;
	int failed;

	tlsstat_read(&was);
	if (args.list)
		list_runs();
	else
		srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (!args.list && was_idle(&was)) {
		printf("the kernel was never asked to encrypt\n");
		failed++;
	}
	return failed;
}

int main(int argc, char **argv)
{
	int failed;

	if (parse(argc, argv) < 0 || (args.path && !the_path())) {
		fprintf(stderr, "usage: %s [--keys] [--path PATH] "
			"[--case WORDS] [--list]\n", argv[0]);
		return 2;
	}
	if (rig_setup(0) < 0)
		return 1;
	if (!rig_kernel() && needs_kernel()) {
		printf("this kernel has no TLS\n");
		return getenv("KTLS_REQUIRE_KERNEL") ? 1 : 77;
	}
	failed = run_all(all_topics());
	rig_teardown();
	free(runs);
	return failed ? 1 : 0;
}
