/* SPDX-License-Identifier: MIT */
/*
 * The system calls of the library, in one table that tests replace.
 * Every member returns -errno on failure, never sets a contract on errno,
 * and is otherwise the call of its name.
 */
#ifndef KTLS_SYS_H
#define KTLS_SYS_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct ktls__sigpipe {
	sigset_t before;
	int was_pending;
};

struct ktls__sys {
	int (*setsockopt)(int fd, int level, int name, const void *val,
			  socklen_t len);
	int (*getsockopt)(int fd, int level, int name, void *val,
			  socklen_t *len);
	ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
	ssize_t (*recvmsg)(int fd, struct msghdr *msg, int flags);
	ssize_t (*sendfile)(int fd, int in_fd, off_t *off, size_t count);
	ssize_t (*pread)(int fd, void *buf, size_t len, off_t off);
	ssize_t (*preadv)(int fd, const struct iovec *iov, int iovcnt,
			  off_t off);
	off_t (*lseek)(int fd, off_t off, int whence);
	int (*fstat)(int fd, struct stat *st);
	/* Without offsets. */
	ssize_t (*splice)(int in_fd, int out_fd, size_t len, unsigned flags);
	ssize_t (*read)(int fd, void *buf, size_t len);
	ssize_t (*write)(int fd, const void *buf, size_t len);
	/* fcntl(F_GETPIPE_SZ); -EBADF: not a pipe. */
	int (*pipe_size)(int fd);
	/* ioctl(FIONREAD): bytes that wait to be read. */
	int (*inq)(int fd);
	int (*poll)(struct pollfd *fds, nfds_t n, int timeout_ms);
	/* fcntl(F_GETFL): 1: O_NONBLOCK is set, 0: it is not. */
	int (*nonblocking)(int fd);
	/* ioctl(SIOCOUTQ): bytes in TCP's send queue, sent or not. */
	int (*outq)(int fd);
	int (*socket)(int domain, int type, int protocol);
	int (*bind)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*listen)(int fd, int backlog);
	int (*connect)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*accept)(int fd);
	int (*getsockname)(int fd, struct sockaddr *addr, socklen_t *len);
	int (*getpeername)(int fd, struct sockaddr *addr, socklen_t *len);
	int (*shutdown)(int fd, int how);
	int (*close)(int fd);
	/* A small file from its beginning: bytes, at most len of them. */
	ssize_t (*read_file)(const char *path, void *buf, size_t len);
	/* secure_getenv(3): NULL: it is not set, or not to be heeded. */
	const char *(*getenv)(const char *name);
	/* CLOCK_MONOTONIC, in milliseconds. */
	int64_t (*now_ms)(void);
	/* Around calls that take no MSG_NOSIGNAL: hold SIGPIPE back from this
	 * thread, then let go.  release returns 1 if one was raised meanwhile
	 * and has been taken away: the only sign of a dead connection that
	 * sendfile(2) on a kernel TLS socket gives (it reports success). */
	void (*sigpipe_hold)(struct ktls__sigpipe *hold);
	int (*sigpipe_release)(struct ktls__sigpipe *hold);
};

/* The table in use.  Replaced by tests only, before any other call. */
extern const struct ktls__sys *ktls__sys;

/* The real one. */
extern const struct ktls__sys ktls__sys_linux;

#endif
