/* SPDX-License-Identifier: MIT */
/*
 * The hand-off matrix against stock openssl peers: every scenario with three
 * AEADs, two versions and two roles, each cell in a process of its own.
 *
 *   kernel_matrix [--library | --userspace] [-v] [SCENARIO...]
 *
 * Either option runs it as on a kernel without TLS: all directions stay with
 * the SSL, or those go to userspace that a scenario wants in the kernel.
 * Exit status 77 where the kernel has none, unless KTLS_REQUIRE_KERNEL=1
 * makes that a failure.  A line for each cell: see cells.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios.h"
#include "tlsstat.h"

/* Seconds for one cell, for what would hang for ever otherwise. */
#define CELL_LIMIT 40

struct matrix {
	struct matrix_files files;
	struct ktls_features features;
	struct verdict *verdict;
	enum ktls_choice only;
	int verbose;
	unsigned passed;
	unsigned total;
};

static int write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return -1;
	fputs(text, file);
	return fclose(file);
}

static int make_files(struct matrix_files *files)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(files->dir, sizeof(files->dir), "%.150s/ktls-matrix.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(files->dir))
		return -1;
	snprintf(files->cert, sizeof(files->cert), "%s/cert", files->dir);
	snprintf(files->sess, sizeof(files->sess), "%s/sess", files->dir);
	snprintf(files->early, sizeof(files->early), "%s/early", files->dir);
	snprintf(files->conf, sizeof(files->conf), "%s/conf", files->dir);
	if (certs_make(&files->certs, "P-256") < 0 ||
	    certs_write(&files->certs, files->cert) < 0)
		return -1;
	if (write_file(files->early, cell_early_data) < 0)
		return -1;
	return write_file(files->conf,
			  "openssl_conf = init\n[init]\nssl_conf = ssl\n"
			  "[ssl]\nsystem_default = all\n"
			  "[all]\nOptions = KTLS\n");
}

static void remove_files(struct matrix_files *files)
{
	unlink(files->cert);
	unlink(files->sess);
	unlink(files->early);
	unlink(files->conf);
	rmdir(files->dir);
	certs_free(&files->certs);
}

static void tell(const struct cell *cell, const char *why)
{
	printf("%s: %s, %s, TLS 1.%d, %s\n", why ? "FAILED" : "ok",
	       cell->sc->name, cell->aead->name, (cell->version & 0xff) - 1,
	       cell->server ? "server" : "client");
	if (why)
		printf("        %s\n", why);
	fflush(stdout);
}

static void add_cell(const struct cell *cell, const char *why)
{
	char text[280];

	snprintf(text, sizeof(text), "%s: %s", cell->sc->name, why ? why : "");
	cells_add(cell->version, cell->server, cell->aead->label,
		  cell->verdict->where, why ? text : NULL);
}

static const char *ended(int status, const struct verdict *verdict, char *buf,
			 size_t len)
{
	if (status == 0)
		return NULL;
	if (WIFEXITED(status) && verdict->why[0])
		return verdict->why;
	if (WIFSIGNALED(status))
		snprintf(buf, len, "ended by signal %d", WTERMSIG(status));
	else
		snprintf(buf, len, "exit status %d", WEXITSTATUS(status));
	return buf;
}

/* The kernel must have done what struct ktls says it did. */
static const char *compare_stat(const struct cell *cell,
				const struct tlsstat *was)
{
	const struct verdict *verdict = cell->verdict;
	struct tlsstat is;
	long tx;
	long rx;

	tlsstat_read(&is);
	tx = is.tx - was->tx - verdict->tx_installs;
	rx = is.rx - was->rx - verdict->rx_installs;
	if (tx < 0 || rx < 0 || (!verdict->inexact && (tx > 0 || rx > 0)))
		return "tls_stat counts other installs than ktls_info()";
	if (is.decrypt_error != was->decrypt_error &&
	    !(cell->sc->flags & CELL_KEYUPDATE && !cell->features->rekey))
		return "TlsDecryptError went up";
	return NULL;
}

static void run_cell(struct matrix *matrix, struct cell *cell)
{
	struct tlsstat was;
	char buf[80];
	const char *why;
	int status;
	pid_t pid;

	memset(matrix->verdict, 0, sizeof(*matrix->verdict));
	tlsstat_read(&was);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(CELL_LIMIT);
		cell_run(cell);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = 255 << 8;
	why = ended(status, matrix->verdict, buf, sizeof(buf));
	if (!why)
		why = compare_stat(cell, &was);
	if (!why)
		matrix->passed++;
	if (why || matrix->verbose)
		tell(cell, why);
	add_cell(cell, why);
}

/* Passed cells of one scenario; *total of how many. */
static unsigned run_scenario(struct matrix *matrix, const struct scenario *sc,
			     unsigned *total)
{
	unsigned before = matrix->passed;
	unsigned i;

	*total = 0;
	for (i = 0; i < aeads_n * 4; i++) {
		struct cell cell = {
			.sc = sc,
			.aead = &aeads[i / 4],
			.files = &matrix->files,
			.features = &matrix->features,
			.verdict = matrix->verdict,
			.version = i & 2 ? KTLS_TLS_1_3 : KTLS_TLS_1_2,
			.server = i & 1,
			.only = matrix->only
		};

		if (!scenario_has(sc, cell.aead, cell.version, cell.server) ||
		    scenario_lacks(sc, cell.aead, cell.version, cell.server))
			continue;
		++*total;
		run_cell(matrix, &cell);
	}
	matrix->total += *total;
	return matrix->passed - before;
}

static int wanted(const struct scenario *sc, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++)
		if (strstr(sc->name, *names))
			return 1;
	return 0;
}

static void run_all(struct matrix *matrix, char **names)
{
	char *table = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&table, &len);
	size_t i;

	if (!out)
		return;
	for (i = 0; i < scenarios_n; i++) {
		unsigned total;
		unsigned passed;

		if (!wanted(&scenarios[i], names))
			continue;
		passed = run_scenario(matrix, &scenarios[i], &total);
		if (total > 0)
			fprintf(out, "%-34s%3u/%u\n", scenarios[i].name,
				passed, total);
	}
	fclose(out);
	cells_end();
	printf("%s%-34s%3u/%u\n", table, "all cells", matrix->passed,
	       matrix->total);
	free(table);
}

/* 0: go on; else the exit status. */
static int look_at_kernel(struct matrix *matrix)
{
	const char *require = getenv("KTLS_REQUIRE_KERNEL");

	matrix->features.size = sizeof(matrix->features);
	if (matrix->only)
		cell_no_kernel();
	if (ktls_probe(&matrix->features) < 0) {
		printf("the kernel could not be probed\n");
		return 1;
	}
	if (matrix->only || matrix->features.ulp == 0)
		return 0;
	printf("this kernel has no TLS\n");
	return require && strcmp(require, "1") == 0 ? 1 : 77;
}

static void *shared(size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

int main(int argc, char **argv)
{
	static struct matrix matrix;
	int status;

	(void)argc;
	for (argv++; *argv && **argv == '-'; argv++) {
		if (strcmp(*argv, "--library") == 0)
			matrix.only = KTLS_LIBRARY;
		else if (strcmp(*argv, "--userspace") == 0)
			matrix.only = KTLS_USERSPACE;
		else
			matrix.verbose = 1;
	}
	status = look_at_kernel(&matrix);
	if (status)
		return status;
	matrix.verdict = shared(sizeof(*matrix.verdict));
	if (!matrix.verdict || make_files(&matrix.files) < 0) {
		perror("kernel_matrix");
		return 1;
	}
	run_all(&matrix, argv);
	remove_files(&matrix.files);
	return matrix.total > 0 && matrix.passed == matrix.total ? 0 : 1;
}
