/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without libFuzzer:
 *   fuzz_NAME [--iterations N] [--seed S] [FILE...]
 * Files are inputs of their own.  A target aborts when it finds a fault.
 */
#include "target.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define INPUT_MAX 4096

/* Of its own size, so that a sanitizer sees any byte too far. */
static int feed(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	size_t i;

	if (!copy)
		return -1;
	for (i = 0; i < len; i++)
		copy[i] = data[i];
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return 0;
}

static int feed_file(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f)
		return -1;
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	return feed(data, len);
}

/* Damage a good input in a few places, or not at all. */
static size_t damage(struct stream_random *r, uint8_t *data, size_t len)
{
	size_t n = stream_below(r, 4);

	while (n-- && len) {
		if (stream_one_in(r, 4))
			len = stream_below(r, len);
		else
			data[stream_below(r, len)] ^=
				(uint8_t)(1 << stream_below(r, 8));
	}
	return len;
}

static int run(uint64_t seed, unsigned long iterations)
{
	static uint8_t data[INPUT_MAX];
	struct stream_random r;
	const char *name;
	unsigned long i;
	size_t len;

	for (i = 0; i < iterations; i++) {
		stream_seed(&r, seed, i);
		len = target_make(&r, data, sizeof(data));
		if (feed(data, damage(&r, data, len)))
			return 1;
	}
	i = target_hits(&name);
	printf("seed %" PRIu64 ": %lu inputs, %lu %s\n", seed, iterations, i,
	       name);
	return i == 0;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "iterations", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 }
	};
	unsigned long iterations = 100000;
	uint64_t seed = 0;
	int c;

	if (getrandom(&seed, 4, 0) != 4)
		return 2;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			iterations = strtoul(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (optind == argc)
		return run(seed, iterations);
	for (; optind < argc; optind++)
		if (feed_file(argv[optind]))
			return 2;
	return 0;
}
