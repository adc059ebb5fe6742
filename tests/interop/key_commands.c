/* SPDX-License-Identifier: MIT */
/*
 * key_commands - types data and key-update commands, by turns, at the prompt
 * of a stock TLS program.  Its standard input is a pipe of packets: each of
 * its reads gets one piece of data or one command, as from a terminal.
 *
 *   key_commands ROUNDS FILE TELL ASK PROGRAM [ARG...]
 *
 * FILE, whose lines have 64 bytes, is typed in ROUNDS pieces, and TELL or ASK,
 * by turns, between each two.  Behind the last one PROGRAM may end as soon as
 * it likes.  The input stays open until it has; its status is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pieces.h"

/* gnutls-cli knows a command only behind the end of a line. */
#define LINE 64

/* A packet is read whole or not at all: longer writes would be several. */
static int type_in(int fd, const char *text, size_t len)
{
	ssize_t n;

	if (len > PIPE_BUF) {
		fprintf(stderr, "key_commands: a piece of %zu bytes\n", len);
		return -1;
	}
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return 0;
	perror("key_commands: write");
	return -1;
}

static int type_all(int fd, const struct pieces *file, const char *const *words)
{
	char line[64];
	size_t at = 0;
	unsigned i;

	for (i = 0; i < file->count; i++) {
		size_t end = piece_end(file, i);
		int len = snprintf(line, sizeof(line), "%s\n", words[i & 1]);

		if (type_in(fd, file->data + at, end - at) < 0)
			return -1;
		if (i + 1 < file->count && type_in(fd, line, (size_t)len) < 0)
			return -1;
		at = end;
	}
	return 0;
}

static pid_t run(char *const *argv, int pipe_fd[2])
{
	pid_t pid;

	if (pipe2(pipe_fd, O_DIRECT | O_CLOEXEC) < 0) {
		perror("key_commands: pipe2");
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(pipe_fd[0], STDIN_FILENO);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	close(pipe_fd[0]);
	return pid;
}

int main(int argc, char **argv)
{
	const char *words[2];
	struct pieces file;
	int pipe_fd[2];
	int status;
	int err;
	pid_t pid;

	if (argc < 6) {
		fprintf(stderr, "usage: %s ROUNDS FILE TELL ASK PROGRAM"
			" [ARG...]\n", argv[0]);
		return 2;
	}
	words[0] = argv[3];
	words[1] = argv[4];
	if (pieces_open(&file, argv[2], (unsigned)atoi(argv[1]), LINE) < 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	pid = run(argv + 5, pipe_fd);
	if (pid < 0)
		return 2;
	err = type_all(pipe_fd[1], &file, words);
	if (err < 0)
		kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || err < 0)
		return 1;
	return WEXITSTATUS(status);
}
