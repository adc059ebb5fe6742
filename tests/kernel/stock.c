/* SPDX-License-Identifier: MIT */
/* Stock openssl peers: child processes with pipes at both ends. */
#include "stock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void stock_init(struct stock *stock, const char *command)
{
	memset(stock, 0, sizeof(*stock));
	stock->in = -1;
	stock->out = -1;
	stock_arg(stock, "openssl");
	stock_arg(stock, command);
}

void stock_arg(struct stock *stock, const char *arg)
{
	if (stock->argc < STOCK_ARGS)
		stock->argv[stock->argc++] = (char *)(uintptr_t)arg;
}

void stock_opt(struct stock *stock, const char *opt, const char *value)
{
	stock_arg(stock, opt);
	stock_arg(stock, value);
}

/* Only what is safe between fork and exec. */
static void become(struct stock *stock, int in, int out, int stderr_too)
{
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	alarm(0);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (stderr_too)
		dup2(out, STDERR_FILENO);
	else if (!getenv("KTLS_MATRIX_STDERR"))
		dup2(null, STDERR_FILENO);
	execvp(stock->argv[0], stock->argv);
	_exit(127);
}

int stock_start(struct stock *stock, int stderr_too)
{
	int in[2];
	int out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return -errno;
	}
	stock->argv[stock->argc] = NULL;
	stock->pid = fork();
	if (stock->pid == 0)
		become(stock, in[0], out[1], stderr_too);
	close(in[0]);
	close(out[1]);
	stock->in = in[1];
	stock->out = out[0];
	return stock->pid > 0 ? 0 : -EAGAIN;
}

int stock_type(struct stock *stock, const void *buf, size_t len)
{
	const char *at = buf;

	while (len > 0) {
		ssize_t n = write(stock->in, at, len);

		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* 0: more was printed; -1: it has ended. */
static int read_more(struct stock *stock)
{
	ssize_t n;

	if (stock->room - stock->len < 4096) {
		char *grown = realloc(stock->seen, stock->room + 65536);

		if (!grown)
			return -1;
		stock->seen = grown;
		stock->room += 65536;
	}
	n = read(stock->out, stock->seen + stock->len, 4096);
	if (n <= 0)
		return -1;
	stock->len += (size_t)n;
	return 0;
}

static int until(struct stock *stock, const void *text, size_t len)
{
	for (;;) {
		const char *hit = NULL;

		if (stock->len > stock->mark)
			hit = memmem(stock->seen + stock->mark,
				     stock->len - stock->mark, text, len);
		if (hit) {
			stock->mark = (size_t)(hit - stock->seen);
			return 0;
		}
		if (read_more(stock) < 0)
			return -1;
	}
}

int stock_until(struct stock *stock, const char *text)
{
	if (until(stock, text, strlen(text)) < 0)
		return -1;
	stock->mark += strlen(text);
	return 0;
}

int stock_port(struct stock *stock)
{
	if (stock_until(stock, "ACCEPT 127.0.0.1:") < 0)
		return -1;
	while (!memchr(stock->seen + stock->mark, '\n',
		       stock->len - stock->mark))
		if (read_more(stock) < 0)
			return -1;
	return (int)strtol(stock->seen + stock->mark, NULL, 10);
}

int stock_expect(struct stock *stock, const void *buf, size_t len)
{
	int same;

	if (until(stock, buf, len < 5 ? len : 5) < 0)
		return -1;
	while (stock->len - stock->mark < len)
		if (read_more(stock) < 0)
			return -1;
	same = memcmp(stock->seen + stock->mark, buf, len) == 0;
	stock->mark += len;
	return same ? 0 : 1;
}

void stock_eof(struct stock *stock)
{
	if (stock->in >= 0)
		close(stock->in);
	stock->in = -1;
}

void stock_stop(struct stock *stock)
{
	stock_eof(stock);
	if (stock->out >= 0)
		close(stock->out);
	stock->out = -1;
	if (stock->pid > 0) {
		kill(stock->pid, SIGKILL);
		waitpid(stock->pid, NULL, 0);
	}
	stock->pid = 0;
	free(stock->seen);
	stock->seen = NULL;
}
