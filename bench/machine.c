/* SPDX-License-Identifier: MIT */
/* What it was measured on, without which no figure means anything. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <openssl/crypto.h>

#include "conn.h"
#include "line.h"

struct machine {
	char cpu[128], governor[32], kernel[160];
	int cpus;
	const char *aead;
};

/* The text behind `key` in a file of lines, or the first line without one. */
static void text_of(const char *path, const char *key, char *out, size_t len)
{
	FILE *f = fopen(path, "r");
	char line[512], *at;
	size_t n;

	*out = 0;
	while (f && !*out && fgets(line, sizeof(line), f)) {
		at = key ? strchr(line, ':') : line;
		if (!at || (key && strncmp(line, key, strlen(key)) != 0))
			continue;
		at += key ? 1 + strspn(at + 1, " \t") : 0;
		n = strcspn(at, "\n");
		n = n < len ? n : len - 1;
		memcpy(out, at, n);
		out[n] = 0;
	}
	if (f)
		fclose(f);
}

/* From a connection of its own: what carries the data is what counts. */
static const char *aead_provider(void)
{
	static const char *provider;
	struct conn c;

	if (provider || conn_open(&c, &suites[0], DRIVE_KTLS, DRIVE_SSL) < 0)
		return provider ? provider : "unknown";
	provider = c.server.provider ? c.server.provider : "unknown";
	conn_close(&c);
	return provider;
}

static void learn(struct machine *m)
{
	struct utsname u;
	cpu_set_t set;

	text_of("/proc/cpuinfo", "model name", m->cpu, sizeof(m->cpu));
	text_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", NULL,
		m->governor, sizeof(m->governor));
	if (uname(&u) == 0)
		snprintf(m->kernel, sizeof(m->kernel), "%.40s %.60s %.20s",
			 u.sysname, u.release, u.machine);
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	m->cpus = CPU_COUNT(&set);
	m->aead = aead_provider();
}

static const struct machine *machine(void)
{
	static struct machine m;

	if (!m.aead)
		learn(&m);
	return &m;
}

void machine_learn(void)
{
	machine();
}

static const char *compiler(void)
{
#ifdef __clang__
	return "clang " __clang_version__;
#else
	return "gcc " __VERSION__;
#endif
}

void machine_print(void)
{
	const struct machine *m = machine();

	printf("CPU:        %s, %d processors%s%s\n", m->cpu, m->cpus,
	       *m->governor ? ", governor " : "", m->governor);
	printf("kernel:     %s\n", m->kernel);
	printf("congestion: %s, on both sockets (loopback, TCP_NODELAY)\n",
	       tcp_congestion());
	printf("OpenSSL:    %s\n", OpenSSL_version(OPENSSL_VERSION));
	printf("libktls:    %s, AEAD by %s\n", ktls_version(), m->aead);
	printf("compiler:   %s\n", compiler());
	printf("method:     %d paired rounds, %.2f CPU seconds each, "
	       "median (range)\n", settings.rounds, settings.seconds);
	fflush(stdout);
}

static void member(FILE *f, const char *name, const char *value)
{
	fprintf(f, "\"%s\": ", name);
	json_string(f, value);
	fputs(", ", f);
}

void machine_json(FILE *f)
{
	const struct machine *m = machine();

	fputs(" \"machine\": {", f);
	member(f, "cpu", m->cpu);
	member(f, "governor", m->governor);
	member(f, "kernel", m->kernel);
	member(f, "congestion", tcp_congestion());
	fprintf(f, "\"processors\": %d},\n \"versions\": {", m->cpus);
	member(f, "openssl", OpenSSL_version(OPENSSL_VERSION));
	member(f, "libktls", ktls_version());
	member(f, "provider", m->aead);
	fputs("\"compiler\": ", f);
	json_string(f, compiler());
	fputs("},\n", f);
}
