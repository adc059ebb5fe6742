/* SPDX-License-Identifier: MIT */
/*
 * What sendfile reads from: a file that changes its size, also between two
 * reads of one call, and all that is no file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parity.h"
#include "reads.h"

int parity_pipe[2];

static int sources[PARITY_SOURCES];
static int sockets[2];
static int pipe_ends[2];

/* What the file becomes. */
static struct {
	off_t from;
	off_t to;
	int done;
} change;

static void resize(int fd)
{
	change.done = parity_file_resize(fd, change.from, change.to) == 0;
}

void parity_file_change(int n, int fd, off_t from, off_t to)
{
	change.from = from;
	change.to = to;
	change.done = 0;
	reads_at(n, fd, resize);
}

int parity_file_changed(void)
{
	reads_at(0, -1, NULL);
	return change.done;
}

int parity_file_resize(int fd, off_t from, off_t to)
{
	size_t more = to > from ? (size_t)(to - from) : 0;

	if (ftruncate(fd, to))
		return -1;
	if (more && pwrite(fd, parity_pattern + PARITY_FILE_AT + from, more,
			   from) != (ssize_t)more)
		return -1;
	return 0;
}

/* A file with bytes in it, which its descriptor does not give. */
static int open_write_only(void)
{
	char path[] = "/tmp/parity.XXXXXX";
	int rw = mkostemp(path, O_CLOEXEC);
	int ret = open(path, O_WRONLY | O_CLOEXEC);

	if (rw < 0)
		return -1;
	unlink(path);
	if (write(rw, parity_pattern, 5000) != 5000)
		ret = -1;
	close(rw);
	return ret;
}

static int make_pipes(void)
{
	return pipe2(parity_pipe, O_CLOEXEC | O_NONBLOCK) ||
	       pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) ||
	       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets);
}

int parity_files_open(void)
{
	int i;

	if (make_pipes())
		return -1;
	sources[SOURCE_FILE] = memfd_create("file", MFD_CLOEXEC);
	sources[SOURCE_EMPTY] = memfd_create("empty", MFD_CLOEXEC);
	sources[SOURCE_PIPE] = pipe_ends[0];
	sources[SOURCE_SOCKET] = sockets[0];
	sources[SOURCE_DIRECTORY] = open("/", O_RDONLY | O_DIRECTORY |
						      O_CLOEXEC);
	sources[SOURCE_WRITE_ONLY] = open_write_only();
	/* Nobody gets this number while it is written here. */
	sources[SOURCE_CLOSED] = 4095;
	for (i = 0; i < PARITY_SOURCES; i++)
		if (sources[i] < 0)
			return -1;
	reads_watch();
	return 0;
}

void parity_files_close(void)
{
	int i;

	reads_unwatch();
	for (i = 0; i < PARITY_SOURCES; i++)
		if (i != SOURCE_CLOSED)
			close(sources[i]);
	close(sockets[1]);
	close(pipe_ends[1]);
	close(parity_pipe[0]);
	close(parity_pipe[1]);
}

/* As the connection does, so that a call waits or does not. */
static void pipe_mode(int nonblock)
{
	fcntl(parity_pipe[0], F_SETFL, nonblock ? O_NONBLOCK : 0);
	fcntl(parity_pipe[1], F_SETFL, nonblock ? O_NONBLOCK : 0);
}

int parity_pipe_empty(void)
{
	char drop[4096];
	int rest;

	while (ioctl(parity_pipe[0], FIONREAD, &rest) == 0 && rest > 0)
		if (read(parity_pipe[0], drop, sizeof(drop)) < 0)
			return -1;
	return 0;
}

void parity_files_reset(int nonblock)
{
	/* What a sequence that failed has left there. */
	(void)parity_pipe_empty();
	pipe_mode(nonblock);
	parity_file_change(0, -1, 0, 0);
}

int parity_source(enum parity_source source)
{
	return sources[source];
}
