/* SPDX-License-Identifier: MIT */
/* kbench [--quick] [CALL]: see kbench.h.  Prints lines of what is done, by
 * which call, path, version, suite, size of a call and cost: median, least
 * and most, separated by tabs. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kbench.h"

static const char *only;

static int run(const struct cell *cell)
{
	return only == NULL || strcmp(only, cell->call) == 0 ? measure(cell) :
							       0;
}

int main(int argc, char **argv)
{
	int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 + quick)
		only = argv[1 + quick];
	if (ends_init() < 0) {
		fprintf(stderr, "kbench: no certificate\n");
		return 1;
	}
	/* What the kernel loads, allocates or learns once is not the first
	 * cell's. */
	if (cells_warm_up(measure_unseen) < 0 || cells_each(quick, run) < 0)
		return 1;
	return only == NULL && handoff_costs() < 0;
}
