/* SPDX-License-Identifier: MIT */
/*
 * Hand-off fuzz test: random connections are handed off at random points,
 * with an SSL of OpenSSL as the peer, and no byte may be lost, doubled or
 * wrong.  An iteration follows from (seed, index) alone, and can be run again
 * by itself.
 *
 *   fuzz_handoff [--iterations N] [--seed S] [--only INDEX] [--trace]
 *                [--fake-kernel [--no-rekey]] [--read-ahead]
 *
 * Exit status: 0; 1: an iteration failed, or some class of events never
 * occurred in 500 iterations or more; 2: bad usage; 77: this kernel has no
 * TLS, and --fake-kernel was not given.
 */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "run.h"

#define FAILURES_SHOWN 10
#define STUCK_SECONDS 60

static struct run_options options = { .iterations = 1000, .only = -1,
				      .rekey = 1 };
static unsigned long current;

static void print_command(void)
{
	printf("  repeat: fuzz_handoff --seed %" PRIu64 " --only %lu%s%s%s\n",
	       options.seed, current,
	       options.fake_kernel ? " --fake-kernel" : "",
	       options.fake_kernel && !options.rekey ? " --no-rekey" : "",
	       options.read_ahead ? " --read-ahead" : "");
}

/* A call that should have returned did not. */
static void stuck(int signal)
{
	(void)signal;
	printf("fuzz_handoff: iteration %lu is stuck\n", current);
	print_command();
	fflush(stdout);
	_exit(1);
}

static void count_plan(const struct run_plan *p)
{
	run_count(p->near_server ? COUNT_SERVER : COUNT_CLIENT);
	run_count(p->version == KTLS_TLS_1_2 ? COUNT_TLS12 : COUNT_TLS13);
	run_count((enum run_count)(COUNT_AES128 + p->suite));
	if (p->suite == 1 && p->version == KTLS_TLS_1_3)
		run_count(COUNT_AES256_TLS13);
	run_count(p->blocking ? COUNT_BLOCKING : COUNT_NONBLOCKING);
	run_count(p->memory_bio ? COUNT_MEMORY_BIO : COUNT_SOCKET_BIO);
	if (p->closing_bio)
		run_count(COUNT_CLOSING_BIO);
	if (p->prepare == RUN_UNPREPARED)
		run_count(COUNT_UNPREPARED);
	else
		run_count(p->prepare == RUN_EARLY && !p->memory_bio ?
			  COUNT_ATTACH_EARLY : COUNT_ATTACH_LATE);
	if (p->hello_retry)
		run_count(COUNT_HELLO_RETRY);
	if (p->refuse_ulp)
		run_count(COUNT_REFUSED_ULP);
	if (p->refuse_tx)
		run_count(COUNT_REFUSED_TX);
	if (p->refuse_rx)
		run_count(COUNT_REFUSED_RX);
}

static void disturb(struct run *r)
{
	const struct run_plan *p = &r->plan;

	fake_kernel_disturb(stream_next(&r->random), p->disturb);
	fake_kernel_watch(r->fd);
	fake_kernel_refuse(r->fd, FAKE_ULP, p->refuse_ulp);
	fake_kernel_refuse(r->fd, KTLS_TX, p->refuse_tx);
	fake_kernel_refuse(r->fd, KTLS_RX, p->refuse_rx);
}

static int play(struct run *r)
{
	run_plan(r);
	count_plan(&r->plan);
	r->near_key = stream_next(&r->random);
	r->peer_key = stream_next(&r->random);
	r->tap.gcm12 = r->plan.version == KTLS_TLS_1_2 && r->plan.suite < 2;
	if (wire_open(r))
		return -1;
	disturb(r);
	if (run_ssl_open(r) || near_handshake(r) || near_before(r))
		return -1;
	return over(r) || after(r) ? -1 : 0;
}

/* Free in either order; a BIO that closes takes the descriptor with it. */
static void end(struct run *r)
{
	if (r->index & 1)
		SSL_free(r->near);
	ktls_free(r->k);
	if (!(r->index & 1))
		SSL_free(r->near);
	SSL_free(r->peer);
	if (r->plan.closing_bio && r->fd >= 0) {
		fake_kernel_forget(r->fd);
		if (!r->failed && fcntl(r->fd, F_GETFD) >= 0)
			run_fail(r, "the closing BIO has not closed");
		r->fd = -1;
	}
	wire_close(r);
}

static int iterate(unsigned long index)
{
	static struct run r;

	memset(&r, 0, sizeof(r));
	r.options = &options;
	r.index = current = index;
	r.fd = r.wire = -1;
	stream_seed(&r.random, options.seed, index);
	alarm(STUCK_SECONDS);
	play(&r);
	end(&r);
	alarm(0);
	if (!r.failed)
		return 0;
	printf("fuzz_handoff: iteration %lu: %s\n", index, r.why);
	print_command();
	fflush(stdout);
	return 1;
}

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

static unsigned long iterations(void)
{
	unsigned long failed = 0;
	unsigned long i;
	int before = 0;

	if (options.only >= 0)
		return (unsigned long)iterate((unsigned long)options.only);
	for (i = 0; i < options.iterations && failed < FAILURES_SHOWN; i++) {
		/* The first ones open what stays: a file, the probe's. */
		if (i == 20)
			before = descriptors();
		failed += (unsigned long)iterate(i);
	}
	if (before && !failed && descriptors() != before) {
		printf("fuzz_handoff: %d descriptors are left open\n",
		       descriptors() - before);
		failed++;
	}
	options.iterations = i;
	return failed;
}

static int parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "iterations", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' },
		{ "fake-kernel", no_argument, &options.fake_kernel, 1 },
		{ "no-rekey", no_argument, &options.rekey, 0 },
		{ "read-ahead", no_argument, &options.read_ahead, 1 },
		{ "trace", no_argument, &options.trace, 1 },
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

static int start(void)
{
	struct ktls_features features = { .size = sizeof(features) };
	struct fake_options fake = { !options.fake_kernel, options.rekey,
				     40000 };

	fake_kernel_start(&fake);
	signal(SIGALRM, stuck);
	/* The library raises none; OpenSSL's socket BIO may. */
	signal(SIGPIPE, SIG_DFL);
	if (ktls_probe(&features)) {
		printf("fuzz_handoff: the probe failed\n");
		return 1;
	}
	if (features.ulp) {
		printf("fuzz_handoff: no kernel TLS: %s\n",
		       ktls_strerror(features.ulp));
		return 77;
	}
	if (!options.fake_kernel)
		options.rekey = features.rekey;
	return run_contexts_open() ? 1 : 0;
}

int main(int argc, char **argv)
{
	unsigned long failed;
	struct fake_stats stats;
	int err, never;

	if (getrandom(&options.seed, 4, 0) != 4 || parse(argc, argv))
		return 2;
	err = start();
	if (err)
		return err;
	printf("fuzz_handoff: seed %" PRIu64 "%s%s%s\n", options.seed,
	       options.fake_kernel ? ", fake kernel" : "",
	       options.rekey ? "" : ", no rekey",
	       options.read_ahead ? ", read-ahead" : "");
	failed = iterations();
	run_contexts_close();
	stats = fake_kernel_stats();
	run_count_add(COUNT_QUEUED, stats.queued);
	run_count_add(COUNT_FAULTS, stats.faults + stats.cuts);
	never = run_report(&options, options.only >= 0 ? 1 :
						    options.iterations);
	printf("fuzz_handoff: seed %" PRIu64 ": %lu iterations, %lu failed\n",
	       options.seed, options.only >= 0 ? 1 : options.iterations,
	       failed);
	return failed || never;
}
