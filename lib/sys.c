/* SPDX-License-Identifier: MIT */
/*
 * The one file that makes system calls.  Each function turns libc's -1 and
 * errno into -errno and does nothing else.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int status(int ret)
{
	return ret < 0 ? -errno : ret;
}

static ssize_t count(ssize_t ret)
{
	return ret < 0 ? -errno : ret;
}

static int sys_setsockopt(int fd, int level, int name, const void *val,
			  socklen_t len)
{
	return status(setsockopt(fd, level, name, val, len));
}

static int sys_getsockopt(int fd, int level, int name, void *val,
			  socklen_t *len)
{
	return status(getsockopt(fd, level, name, val, len));
}

/* One buffer and nothing else: what the simpler calls are for, which cost a
 * small message less. */
static bool is_plain(const struct msghdr *msg)
{
	return msg->msg_iovlen == 1 && msg->msg_controllen == 0 &&
	       msg->msg_name == NULL;
}

static ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct iovec *iov = msg->msg_iov;

	if (is_plain(msg))
		return count(send(fd, iov->iov_base, iov->iov_len, flags));
	return count(sendmsg(fd, msg, flags));
}

static ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct iovec *iov = msg->msg_iov;

	msg->msg_flags = 0;
	if (is_plain(msg))
		return count(recv(fd, iov->iov_base, iov->iov_len, flags));
	return count(recvmsg(fd, msg, flags));
}

static ssize_t sys_sendfile(int fd, int in_fd, off_t *off, size_t n)
{
	return count(sendfile(fd, in_fd, off, n));
}

static ssize_t sys_pread(int fd, void *buf, size_t len, off_t off)
{
	return count(pread(fd, buf, len, off));
}

static ssize_t sys_preadv(int fd, const struct iovec *iov, int iovcnt,
			  off_t off)
{
	return count(preadv(fd, iov, iovcnt, off));
}

static off_t sys_lseek(int fd, off_t off, int whence)
{
	off_t ret = lseek(fd, off, whence);

	return ret < 0 ? -errno : ret;
}

static int sys_fstat(int fd, struct stat *st)
{
#ifdef __x86_64__
	/* The C library's goes by way of a path lookup, at three times the
	 * price.  Here both have the same struct. */
	return status((int)syscall(SYS_fstat, fd, st));
#else
	return status(fstat(fd, st));
#endif
}

static ssize_t sys_splice(int in_fd, int out_fd, size_t len, unsigned flags)
{
	return count(splice(in_fd, NULL, out_fd, NULL, len, flags));
}

static ssize_t sys_read(int fd, void *buf, size_t len)
{
	return count(read(fd, buf, len));
}

static ssize_t sys_write(int fd, const void *buf, size_t len)
{
	return count(write(fd, buf, len));
}

static int sys_pipe_size(int fd)
{
	return status(fcntl(fd, F_GETPIPE_SZ));
}

static int sys_inq(int fd)
{
	int n = 0;
	int err = status(ioctl(fd, FIONREAD, &n));

	return err < 0 ? err : n;
}

static int sys_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return status(poll(fds, n, timeout_ms));
}

static int sys_nonblocking(int fd)
{
	int flags = status(fcntl(fd, F_GETFL));

	return flags < 0 ? flags : (flags & O_NONBLOCK) != 0;
}

/* SIOCOUTQ's other name, for which libc's own headers are enough. */
static int sys_outq(int fd)
{
	int n = 0;
	int err = status(ioctl(fd, TIOCOUTQ, &n));

	return err < 0 ? err : n;
}

static int sys_socket(int domain, int type, int protocol)
{
	return status(socket(domain, type | SOCK_CLOEXEC, protocol));
}

static int sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return status(bind(fd, addr, len));
}

static int sys_listen(int fd, int backlog)
{
	return status(listen(fd, backlog));
}

static int sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return status(connect(fd, addr, len));
}

static int sys_accept(int fd)
{
	return status(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
}

static int sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return status(getsockname(fd, addr, len));
}

static int sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return status(getpeername(fd, addr, len));
}

static int sys_shutdown(int fd, int how)
{
	return status(shutdown(fd, how));
}

static int sys_close(int fd)
{
	return status(close(fd));
}

static ssize_t sys_read_file(const char *path, void *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0 && got < len) {
		n = count(read(fd, (char *)buf + got, len - got));
		if (n > 0)
			got += (size_t)n;
	}
	close(fd);
	return n < 0 ? n : (ssize_t)got;
}

static const char *sys_getenv(const char *name)
{
	return secure_getenv(name);
}

static int64_t sys_now_ms(void)
{
	struct timespec now;
	int err = status(clock_gettime(CLOCK_MONOTONIC, &now));

	if (err < 0)
		return err;
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void only_sigpipe(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

/*
 * A blocked signal is queued even where it is ignored, so that release sees
 * it whatever the application does with SIGPIPE.  One that waits already is
 * not ours, and cannot be told from a second one: then nothing is touched.
 */
static int is_pending(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigpending(&set);
	return sigismember(&set, SIGPIPE) == 1;
}

/* One that was not held back before cannot be pending. */
static void sys_sigpipe_hold(struct ktls__sigpipe *hold)
{
	sigset_t set;

	only_sigpipe(&set);
	pthread_sigmask(SIG_BLOCK, &set, &hold->before);
	hold->was_pending = sigismember(&hold->before, SIGPIPE) == 1 &&
			    is_pending();
}

static int sys_sigpipe_release(struct ktls__sigpipe *hold)
{
	static const struct timespec at_once;
	sigset_t set;
	int sig = 0;

	if (hold->was_pending)
		return 0;
	only_sigpipe(&set);
	if (is_pending())
		do
			sig = sigtimedwait(&set, NULL, &at_once);
		while (sig < 0 && errno == EINTR);
	if (sigismember(&hold->before, SIGPIPE) == 0)
		pthread_sigmask(SIG_SETMASK, &hold->before, NULL);
	return sig == SIGPIPE;
}

const struct ktls__sys ktls__sys_linux = {
	.setsockopt = sys_setsockopt,
	.getsockopt = sys_getsockopt,
	.sendmsg = sys_sendmsg,
	.recvmsg = sys_recvmsg,
	.sendfile = sys_sendfile,
	.pread = sys_pread,
	.preadv = sys_preadv,
	.lseek = sys_lseek,
	.fstat = sys_fstat,
	.splice = sys_splice,
	.read = sys_read,
	.write = sys_write,
	.pipe_size = sys_pipe_size,
	.inq = sys_inq,
	.poll = sys_poll,
	.nonblocking = sys_nonblocking,
	.outq = sys_outq,
	.socket = sys_socket,
	.bind = sys_bind,
	.listen = sys_listen,
	.connect = sys_connect,
	.accept = sys_accept,
	.getsockname = sys_getsockname,
	.getpeername = sys_getpeername,
	.shutdown = sys_shutdown,
	.close = sys_close,
	.read_file = sys_read_file,
	.getenv = sys_getenv,
	.now_ms = sys_now_ms,
	.sigpipe_hold = sys_sigpipe_hold,
	.sigpipe_release = sys_sigpipe_release,
};

const struct ktls__sys *ktls__sys = &ktls__sys_linux;
