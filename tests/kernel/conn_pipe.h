/* SPDX-License-Identifier: MIT */
/* Pipes beside a connection, for what is spliced between the two. */
#ifndef KTLS_TEST_CONN_PIPE_H
#define KTLS_TEST_CONN_PIPE_H

#include <pthread.h>

#include "rig.h"

/* `size` bytes, 0: as they come; `nonblock`: its write end, or with -1 its
 * read end. */
void pipe_open(int fd[2], int size, int nonblock);
void pipe_close(const int fd[2]);

/* Fill what is not blocking; bytes. */
size_t pipe_fill(int fd);
void pipe_skip(int fd, size_t len);
/* The next bytes are those of the stream, from `at`. */
void pipe_holds(int fd, size_t len, uint64_t at);
void pipe_is_empty(int fd);

/* The peer sends a record of the stream: where it ends. */
uint64_t pipe_send(struct rig *rig, uint64_t at, size_t len);
/* ktls_splice_read(), waiting in place of -EAGAIN. */
ssize_t pipe_splice(struct rig *rig, const int fd[2], size_t len);
/* The stream from `at` to `end`, in and out of an empty pipe. */
void pipe_until(struct rig *rig, const int fd[2], uint64_t at, uint64_t end);

/* A thread that reads `len` bytes out of a pipe. */
struct pipe_reader {
	pthread_t thread;
	int fd;
	uint8_t *data;
	size_t len;
};
void pipe_reader_start(struct pipe_reader *reader, int fd, size_t len);
void pipe_reader_join(struct pipe_reader *reader);

/* A thread that writes the stream's first `len` bytes into a pipe, `step` at
 * a time, and closes it. */
struct pipe_writer {
	pthread_t thread;
	int fd;
	size_t len;
	size_t step;
};
void pipe_writer_start(struct pipe_writer *writer, int fd, size_t len,
		       size_t step);
void pipe_writer_join(struct pipe_writer *writer);

#endif
