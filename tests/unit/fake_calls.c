/* SPDX-License-Identifier: MIT */
/* The members of the table of fake_sys.h, one per system call. */
#include <string.h>

#include "fake_script.h"
#include "uapi.h"

/* The scripted result, or what the real call gives. */
#define ANSWER(entry, s, name, ...)                                            \
	fake_done(entry, s ? s->result : ktls__sys_linux.name(__VA_ARGS__))

static int fake_setsockopt(int fd, int level, int name, const void *val,
			   socklen_t len)
{
	struct fake_log *entry = fake_enter(FAKE_SETSOCKOPT, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->level = level;
	entry->name = name;
	fake_keep(entry, val, len);
	return (int)ANSWER(entry, s, setsockopt, fd, level, name, val, len);
}

static int fake_getsockopt(int fd, int level, int name, void *val,
			   socklen_t *len)
{
	struct fake_log *entry = fake_enter(FAKE_GETSOCKOPT, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->level = level;
	entry->name = name;
	entry->at = val;
	entry->len = *len;
	if (!s)
		return (int)fake_done(
			entry,
			ktls__sys_linux.getsockopt(fd, level, name, val, len));
	if (s->result == 0) {
		memcpy(val, s->data, s->len < *len ? s->len : *len);
		*len = (socklen_t)s->len;
	}
	return (int)fake_done(entry, s->result);
}

static void keep_message(struct fake_log *entry, const struct msghdr *msg)
{
	struct msghdr walk = *msg;
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&walk);

	for (size_t i = 0; i < msg->msg_iovlen; i++) {
		const struct iovec *iov = &msg->msg_iov[i];
		size_t room =
			entry->len < FAKE_KEEP ? FAKE_KEEP - entry->len : 0;

		if (iov->iov_len)
			memcpy(entry->bytes + FAKE_KEEP - room, iov->iov_base,
			       iov->iov_len < room ? iov->iov_len : room);
		entry->len += iov->iov_len;
	}
	if (cmsg && cmsg->cmsg_level == KTLS__SOL_TLS &&
	    cmsg->cmsg_type == KTLS__TLS_SET_RECORD_TYPE)
		entry->type = *CMSG_DATA(cmsg);
}

static ssize_t fake_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct fake_log *entry = fake_enter(FAKE_SENDMSG, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->flags = flags;
	keep_message(entry, msg);
	return ANSWER(entry, s, sendmsg, fd, msg, flags);
}

static void give_type(struct msghdr *msg, int type)
{
	uint8_t byte = (uint8_t)type;
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	if (type < 0 || !cmsg || msg->msg_controllen < CMSG_LEN(1)) {
		msg->msg_controllen = 0;
		return;
	}
	cmsg->cmsg_level = KTLS__SOL_TLS;
	cmsg->cmsg_type = KTLS__TLS_GET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	memcpy(CMSG_DATA(cmsg), &byte, 1);
	msg->msg_controllen = CMSG_SPACE(1);
}

static void give_bytes(const struct msghdr *msg, const struct fake_scripted *s)
{
	size_t at = 0;

	for (size_t i = 0; i < msg->msg_iovlen && at < s->len; i++) {
		size_t n = msg->msg_iov[i].iov_len;

		if (n > s->len - at)
			n = s->len - at;
		memcpy(msg->msg_iov[i].iov_base, s->data + at, n);
		at += n;
	}
}

static ssize_t fake_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct fake_log *entry = fake_enter(FAKE_RECVMSG, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->flags = flags;
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		entry->len += msg->msg_iov[i].iov_len;
	if (!s)
		return fake_done(entry,
				 ktls__sys_linux.recvmsg(fd, msg, flags));
	if (s->result >= 0) {
		give_bytes(msg, s);
		give_type(msg, s->record_type);
		msg->msg_flags = s->msg_flags;
	}
	return fake_done(entry, s->result);
}

static ssize_t fake_sendfile(int fd, int in_fd, off_t *off, size_t count)
{
	struct fake_log *entry = fake_enter(FAKE_SENDFILE, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->name = in_fd;
	entry->len = count;
	if (!s)
		return fake_done(
			entry, ktls__sys_linux.sendfile(fd, in_fd, off, count));
	if (off && s->result > 0)
		*off += s->result;
	return fake_done(entry, s->result);
}

static ssize_t fake_pread(int fd, void *buf, size_t len, off_t off)
{
	struct fake_log *entry = fake_enter(FAKE_PREAD, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->len = len;
	if (s && s->result > 0)
		memcpy(buf, s->data, s->len < len ? s->len : len);
	return ANSWER(entry, s, pread, fd, buf, len, off);
}

static ssize_t fake_preadv(int fd, const struct iovec *iov, int iovcnt,
			   off_t off)
{
	struct fake_log *entry = fake_enter(FAKE_PREADV, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->len = (size_t)iovcnt;
	return ANSWER(entry, s, preadv, fd, iov, iovcnt, off);
}

static off_t fake_lseek(int fd, off_t off, int whence)
{
	struct fake_log *entry = fake_enter(FAKE_LSEEK, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->name = whence;
	return ANSWER(entry, s, lseek, fd, off, whence);
}

static int fake_fstat(int fd, struct stat *st)
{
	struct fake_log *entry = fake_enter(FAKE_FSTAT, fd);
	const struct fake_scripted *s = fake_next(entry);

	if (s && s->len == sizeof(*st))
		memcpy(st, s->data, sizeof(*st));
	return (int)ANSWER(entry, s, fstat, fd, st);
}

static ssize_t fake_splice(int in_fd, int out_fd, size_t len, unsigned flags)
{
	struct fake_log *entry = fake_enter(FAKE_SPLICE, in_fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->name = out_fd;
	entry->flags = (int)flags;
	entry->len = len;
	return ANSWER(entry, s, splice, in_fd, out_fd, len, flags);
}

static ssize_t fake_read(int fd, void *buf, size_t len)
{
	struct fake_log *entry = fake_enter(FAKE_READ, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->len = len;
	if (s && s->result > 0)
		memcpy(buf, s->data, s->len < len ? s->len : len);
	return ANSWER(entry, s, read, fd, buf, len);
}

static ssize_t fake_write(int fd, const void *buf, size_t len)
{
	struct fake_log *entry = fake_enter(FAKE_WRITE, fd);
	const struct fake_scripted *s = fake_next(entry);

	fake_keep(entry, buf, len);
	return ANSWER(entry, s, write, fd, buf, len);
}

static int fake_pipe_size(int fd)
{
	struct fake_log *entry = fake_enter(FAKE_PIPE_SIZE, fd);
	const struct fake_scripted *s = fake_next(entry);

	return (int)ANSWER(entry, s, pipe_size, fd);
}

static int fake_inq(int fd)
{
	struct fake_log *entry = fake_enter(FAKE_INQ, fd);
	const struct fake_scripted *s = fake_next(entry);

	return (int)ANSWER(entry, s, inq, fd);
}

static int fake_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct fake_log *entry = fake_enter(FAKE_POLL, n ? fds->fd : -1);
	const struct fake_scripted *s = fake_next(entry);

	entry->name = n ? fds->events : 0;
	entry->flags = timeout_ms;
	if (s && n && s->len == sizeof(fds->revents))
		memcpy(&fds->revents, s->data, s->len);
	return (int)ANSWER(entry, s, poll, fds, n, timeout_ms);
}

static int fake_outq(int fd)
{
	struct fake_log *entry = fake_enter(FAKE_OUTQ, fd);
	const struct fake_scripted *s = fake_next(entry);

	return (int)ANSWER(entry, s, outq, fd);
}

static int fake_socket(int domain, int type, int protocol)
{
	struct fake_log *entry = fake_enter(FAKE_SOCKET, -1);
	const struct fake_scripted *s = fake_next(entry);

	entry->level = domain;
	entry->name = type;
	entry->flags = protocol;
	return (int)ANSWER(entry, s, socket, domain, type, protocol);
}

static int fake_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct fake_log *entry = fake_enter(FAKE_BIND, fd);
	const struct fake_scripted *s = fake_next(entry);

	fake_keep(entry, addr, len);
	return (int)ANSWER(entry, s, bind, fd, addr, len);
}

static int fake_listen(int fd, int backlog)
{
	struct fake_log *entry = fake_enter(FAKE_LISTEN, fd);
	const struct fake_scripted *s = fake_next(entry);

	return (int)ANSWER(entry, s, listen, fd, backlog);
}

static int fake_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct fake_log *entry = fake_enter(FAKE_CONNECT, fd);
	const struct fake_scripted *s = fake_next(entry);

	fake_keep(entry, addr, len);
	return (int)ANSWER(entry, s, connect, fd, addr, len);
}

static int fake_accept(int fd)
{
	struct fake_log *entry = fake_enter(FAKE_ACCEPT, fd);
	const struct fake_scripted *s = fake_next(entry);

	return (int)ANSWER(entry, s, accept, fd);
}

/* Both names are given in the same way. */
static int name_of(enum fake_call call, int fd, struct sockaddr *addr,
		   socklen_t *len)
{
	struct fake_log *entry = fake_enter(call, fd);
	const struct fake_scripted *s = fake_next(entry);

	if (s) {
		memcpy(addr, s->data, s->len < *len ? s->len : *len);
		*len = (socklen_t)s->len;
		return (int)fake_done(entry, s->result);
	}
	return (int)fake_done(
		entry, call == FAKE_GETSOCKNAME
			       ? ktls__sys_linux.getsockname(fd, addr, len)
			       : ktls__sys_linux.getpeername(fd, addr, len));
}

static int fake_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return name_of(FAKE_GETSOCKNAME, fd, addr, len);
}

static int fake_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return name_of(FAKE_GETPEERNAME, fd, addr, len);
}

static int fake_shutdown(int fd, int how)
{
	struct fake_log *entry = fake_enter(FAKE_SHUTDOWN, fd);
	const struct fake_scripted *s = fake_next(entry);

	entry->name = how;
	return (int)ANSWER(entry, s, shutdown, fd, how);
}

static int fake_close(int fd)
{
	struct fake_log *entry = fake_enter(FAKE_CLOSE, fd);
	const struct fake_scripted *s = fake_next(entry);

	return (int)ANSWER(entry, s, close, fd);
}

static int64_t fake_now_ms(void)
{
	struct fake_log *entry = fake_enter(FAKE_NOW, -1);
	const struct fake_scripted *s = fake_next(entry);

	return fake_done(entry, s ? s->result : ktls__sys_linux.now_ms());
}

static void fake_sigpipe_hold(struct ktls__sigpipe *hold)
{
	ktls__sys_linux.sigpipe_hold(hold);
}

/* The mask is put back in any case. */
static int fake_sigpipe_release(struct ktls__sigpipe *hold)
{
	struct fake_log *entry = fake_enter(FAKE_SIGPIPE_RELEASE, -1);
	const struct fake_scripted *s = fake_next(entry);
	int raised = ktls__sys_linux.sigpipe_release(hold);

	return (int)fake_done(entry, s ? s->result : raised);
}

const struct ktls__sys fake_table = {
	.setsockopt = fake_setsockopt,
	.getsockopt = fake_getsockopt,
	.sendmsg = fake_sendmsg,
	.recvmsg = fake_recvmsg,
	.sendfile = fake_sendfile,
	.pread = fake_pread,
	.preadv = fake_preadv,
	.lseek = fake_lseek,
	.fstat = fake_fstat,
	.splice = fake_splice,
	.read = fake_read,
	.write = fake_write,
	.pipe_size = fake_pipe_size,
	.inq = fake_inq,
	.poll = fake_poll,
	.outq = fake_outq,
	.socket = fake_socket,
	.bind = fake_bind,
	.listen = fake_listen,
	.connect = fake_connect,
	.accept = fake_accept,
	.getsockname = fake_getsockname,
	.getpeername = fake_getpeername,
	.shutdown = fake_shutdown,
	.close = fake_close,
	.read_file = fake_read_file,
	.getenv = fake_getenv,
	.now_ms = fake_now_ms,
	.sigpipe_hold = fake_sigpipe_hold,
	.sigpipe_release = fake_sigpipe_release,
};
