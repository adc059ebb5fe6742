/* SPDX-License-Identifier: MIT */
/* sys.c: -errno from every call, descriptors that do not leak into children,
 * and SIGPIPE held back without a trace. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "suite_main.h"

static const struct ktls__sys *const sys = &ktls__sys_linux;

START_TEST(errnos)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	struct sockaddr *any = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	struct msghdr msg = {0};
	struct stat st;
	int val = 0;

	ck_assert_int_eq(sys->setsockopt(-1, 0, 0, &val, 4), -EBADF);
	ck_assert_int_eq(sys->getsockopt(-1, 0, 0, &val, &len), -EBADF);
	ck_assert_int_eq(sys->sendmsg(-1, &msg, 0), -EBADF);
	ck_assert_int_eq(sys->recvmsg(-1, &msg, 0), -EBADF);
	ck_assert_int_eq(sys->sendfile(-1, -1, NULL, 1), -EBADF);
	ck_assert_int_eq(sys->pread(-1, &val, 1, 0), -EBADF);
	ck_assert_int_eq(sys->lseek(-1, 0, SEEK_CUR), -EBADF);
	ck_assert_int_eq(sys->fstat(-1, &st), -EBADF);
	ck_assert_int_eq(sys->splice(-1, -1, 1, 0), -EBADF);
	ck_assert_int_eq(sys->read(-1, &val, 1), -EBADF);
	ck_assert_int_eq(sys->write(-1, &val, 1), -EBADF);
	ck_assert_int_eq(sys->pipe_size(-1), -EBADF);
	ck_assert_int_eq(sys->inq(-1), -EBADF);
	ck_assert_int_eq(sys->outq(-1), -EBADF);
	ck_assert_int_eq(sys->socket(-1, 0, 0), -EAFNOSUPPORT);
	ck_assert_int_eq(sys->bind(-1, any, len), -EBADF);
	ck_assert_int_eq(sys->listen(-1, 1), -EBADF);
	ck_assert_int_eq(sys->connect(-1, any, len), -EBADF);
	ck_assert_int_eq(sys->accept(-1), -EBADF);
	ck_assert_int_eq(sys->getsockname(-1, any, &len), -EBADF);
	ck_assert_int_eq(sys->getpeername(-1, any, &len), -EBADF);
	ck_assert_int_eq(sys->shutdown(-1, SHUT_WR), -EBADF);
	ck_assert_int_eq(sys->close(-1), -EBADF);
}
END_TEST

static int is_cloexec(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

START_TEST(connection)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	struct sockaddr *any = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	int listener = sys->socket(AF_INET, SOCK_STREAM, 0);
	int fd = sys->socket(AF_INET, SOCK_STREAM, 0);
	int peer;

	ck_assert_int_eq(sys->bind(listener, any, len), 0);
	ck_assert_int_eq(sys->listen(listener, 1), 0);
	ck_assert_int_eq(sys->getsockname(listener, any, &len), 0);
	ck_assert_int_eq(sys->connect(fd, any, len), 0);
	peer = sys->accept(listener);
	ck_assert_int_ge(peer, 0);
	ck_assert(is_cloexec(fd) && is_cloexec(peer));
	ck_assert_int_eq(sys->outq(fd), 0);
	ck_assert_int_eq(sys->shutdown(fd, SHUT_WR), 0);
	ck_assert_int_eq(recv(peer, &addr, 1, 0), 0);
	sys->close(fd);
	sys->close(peer);
	sys->close(listener);
}
END_TEST

START_TEST(file)
{
	char buf[8], name[] = "/tmp/ktls_test_sys_XXXXXX";
	int fd = mkstemp(name);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(write(fd, "abcdef", 6), 6);
	ck_assert_int_eq(sys->pread(fd, buf, 3, 2), 3);
	ck_assert_mem_eq(buf, "cde", 3);
	ck_assert_int_eq(sys->lseek(fd, 1, SEEK_SET), 1);
	ck_assert_int_eq(sys->fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 6);
	ck_assert_int_eq(sys->pipe_size(fd), -EBADF);
	ck_assert_int_eq(sys->close(fd), 0);
}
END_TEST

/* Through one pipe into another. */
START_TEST(pipes)
{
	char buf[8];
	int from[2];
	int to[2];

	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(to, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(sys->pipe_size(to[0]), fcntl(to[0], F_GETPIPE_SZ));
	ck_assert_int_eq(sys->write(from[1], "abcdef", 6), 6);
	ck_assert_int_eq(sys->inq(from[0]), 6);
	ck_assert_int_eq(sys->splice(from[0], to[1], 4, 0), 4);
	ck_assert_int_eq(sys->inq(from[0]), 2);
	ck_assert_int_eq(sys->read(to[0], buf, sizeof(buf)), 4);
	ck_assert_mem_eq(buf, "abcd", 4);
	ck_assert_int_eq(sys->read(to[0], buf, sizeof(buf)), -EAGAIN);
	ck_assert_int_eq(sys->splice(from[0], to[1], 4, 0), 2);
	ck_assert_int_eq(sys->splice(from[0], to[1], 4, SPLICE_F_NONBLOCK),
			 -EAGAIN);
	for (int i = 0; i < 2; i++) {
		sys->close(from[i]);
		sys->close(to[i]);
	}
}
END_TEST

START_TEST(monotonic)
{
	struct timespec now;
	int64_t before;
	int64_t ms = sys->now_ms();

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	ck_assert_int_ge(ms, 0);
	ck_assert_int_le(ms, now.tv_sec * 1000 + now.tv_nsec / 1000000);
	before = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	ck_assert_int_ge(sys->now_ms(), before);
}
END_TEST

/* A write that raises SIGPIPE in this thread, or queues it. */
static void break_pipe(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	ck_assert_int_eq(write(fds[1], "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(fds[1]);
}

static int is_pending(void)
{
	sigset_t set;

	ck_assert_int_eq(sigpending(&set), 0);
	return sigismember(&set, SIGPIPE);
}

static int is_blocked(void)
{
	sigset_t set;

	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	return sigismember(&set, SIGPIPE);
}

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

static volatile sig_atomic_t n_handled;

static void handle(int sig)
{
	(void)sig;
	n_handled++;
}

/* Whatever the application does with the signal. */
START_TEST(sigpipe_held)
{
	static void (*const handlers[])(int) = {SIG_DFL, SIG_IGN, handle};
	struct ktls__sigpipe hold;

	signal(SIGPIPE, handlers[_i]);
	sys->sigpipe_hold(&hold);
	ck_assert_int_eq(is_blocked(), 1);
	break_pipe();
	ck_assert_int_eq(sys->sigpipe_release(&hold), 1);
	ck_assert_int_eq(is_blocked(), 0);
	ck_assert_int_eq(is_pending(), 0);
	ck_assert_int_eq(n_handled, 0);
	sys->sigpipe_hold(&hold);
	ck_assert_int_eq(sys->sigpipe_release(&hold), 0);
	ck_assert_int_eq(is_blocked(), 0);
}
END_TEST

/* Blocked by the application, and stays so. */
START_TEST(sigpipe_blocked)
{
	struct ktls__sigpipe hold;

	block();
	sys->sigpipe_hold(&hold);
	break_pipe();
	ck_assert_int_eq(sys->sigpipe_release(&hold), 1);
	ck_assert_int_eq(is_blocked(), 1);
	ck_assert_int_eq(is_pending(), 0);
}
END_TEST

/* One that waited before is the application's. */
START_TEST(sigpipe_pending)
{
	struct ktls__sigpipe hold;

	block();
	break_pipe();
	sys->sigpipe_hold(&hold);
	break_pipe();
	ck_assert_int_eq(sys->sigpipe_release(&hold), 0);
	ck_assert_int_eq(is_pending(), 1);
	ck_assert_int_eq(is_blocked(), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sys");
	TCase *tcase = tcase_create("sys");

	tcase_add_test(tcase, errnos);
	tcase_add_test(tcase, connection);
	tcase_add_test(tcase, file);
	tcase_add_test(tcase, pipes);
	tcase_add_test(tcase, monotonic);
	tcase_add_loop_test(tcase, sigpipe_held, 0, 3);
	tcase_add_test(tcase, sigpipe_blocked);
	tcase_add_test(tcase, sigpipe_pending);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
