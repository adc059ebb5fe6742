/* SPDX-License-Identifier: MIT */
/* The fake kernel's table of calls, its sockets and its disturbances. */
#include "fake_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_socket.h"
#include "lib/sys.h"
#include "lib/wipe.h"

#define FDS 4096
#define POLL_MAX 16

struct fake_options fake_options;
struct fake_counters fake_counters;
void (*fake_on_seal)(const struct ktls_keys *keys, uint8_t type,
		     const void *plain, size_t len);

static struct ktls__sys table;
static pthread_mutex_t socks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_sock *socks[FDS];
static atomic_uint_least64_t random_state;
static atomic_uint disturb_one_in;

struct fake_sock *fake_find(int fd)
{
	struct fake_sock *s;

	if (fd < 0 || fd >= FDS)
		return NULL;
	pthread_mutex_lock(&socks_lock);
	s = socks[fd];
	pthread_mutex_unlock(&socks_lock);
	return s;
}

struct fake_sock *fake_find_or_add(int fd)
{
	struct fake_sock *s = fake_find(fd);

	if (s || fd < 0 || fd >= FDS)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->fd = fd;
	pthread_mutex_init(&s->tx.lock, NULL);
	pthread_mutex_init(&s->rx.lock, NULL);
	pthread_mutex_lock(&socks_lock);
	socks[fd] = s;
	pthread_mutex_unlock(&socks_lock);
	return s;
}

void fake_kernel_forget(int fd)
{
	struct fake_sock *s = fake_find(fd);

	if (!s)
		return;
	pthread_mutex_lock(&socks_lock);
	socks[fd] = NULL;
	pthread_mutex_unlock(&socks_lock);
	fake_rx_clear(s);
	pthread_mutex_destroy(&s->tx.lock);
	pthread_mutex_destroy(&s->rx.lock);
	free(s->tx.queue);
	ktls__wipe(s, sizeof(*s));
	free(s);
}

unsigned fake_random(unsigned n)
{
	uint64_t z = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return n ? (unsigned)((z ^ z >> 31) % n) : 0;
}

int fake_disturbed(const struct fake_sock *s)
{
	unsigned one_in = atomic_load(&disturb_one_in);

	return s->watched && one_in && fake_random(one_in) == 0;
}

void fake_kernel_disturb(uint64_t seed, unsigned one_in)
{
	atomic_store(&random_state, seed);
	atomic_store(&disturb_one_in, one_in);
}

void fake_kernel_watch(int fd)
{
	struct fake_sock *s = fake_find_or_add(fd);

	if (s)
		s->watched = 1;
}

void fake_kernel_refuse(int fd, int what, int err)
{
	struct fake_sock *s = fake_find_or_add(fd);

	if (s)
		s->refuse[what] = err;
}

size_t fake_kernel_push(int fd)
{
	struct fake_sock *s = fake_find(fd);

	return s ? fake_tx_push(s) : 0;
}

int fake_blocks(const struct fake_sock *s, int flags)
{
	return !(flags & MSG_DONTWAIT) &&
	       !(fcntl(s->fd, F_GETFL) & O_NONBLOCK);
}

size_t fake_iov_len(const struct iovec *iov, size_t n)
{
	size_t len = 0;

	while (n--)
		len += iov++->iov_len;
	return len;
}

/* The contiguous bytes at the place, at most len; NULL at its end. */
static uint8_t *cursor_take(struct fake_cursor *c, size_t *len)
{
	uint8_t *p;

	while (c->n && c->pos == c->iov->iov_len) {
		c->iov++;
		c->n--;
		c->pos = 0;
	}
	if (!c->n)
		return NULL;
	if (*len > c->iov->iov_len - c->pos)
		*len = c->iov->iov_len - c->pos;
	p = (uint8_t *)c->iov->iov_base + c->pos;
	c->pos += *len;
	return p;
}

size_t fake_gather(struct fake_cursor *c, void *to, size_t len)
{
	size_t done = 0;
	uint8_t *p;
	size_t n;

	for (n = len; done < len && (p = cursor_take(c, &n)); n = len - done) {
		memcpy((uint8_t *)to + done, p, n);
		done += n;
	}
	return done;
}

size_t fake_scatter(struct fake_cursor *c, const void *from, size_t len)
{
	size_t done = 0;
	uint8_t *p;
	size_t n;

	for (n = len; done < len && (p = cursor_take(c, &n)); n = len - done) {
		memcpy(p, (const uint8_t *)from + done, n);
		done += n;
	}
	return done;
}

int fake_fault(const struct fake_sock *s, int flags)
{
	atomic_fetch_add(&fake_counters.faults, 1);
	return fake_blocks(s, flags) ? -EINTR : -EAGAIN;
}

/* The first bytes of a message only, in *cut and *iov. */
static void shorten(struct msghdr *cut, struct iovec *iov)
{
	*iov = cut->msg_iov[0];
	iov->iov_len = 1 + fake_random((unsigned)iov->iov_len);
	if (iov->iov_len > cut->msg_iov[0].iov_len)
		iov->iov_len = cut->msg_iov[0].iov_len;
	cut->msg_iov = iov;
	cut->msg_iovlen = 1;
	atomic_fetch_add(&fake_counters.cuts, 1);
}

static int can_shorten(const struct msghdr *msg)
{
	return msg->msg_iovlen > 0 && msg->msg_iov[0].iov_len > 1;
}

static ssize_t fake_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct fake_sock *s = fake_find(fd);
	struct msghdr cut = *msg;
	struct iovec iov;

	/* An empty one seals what is open even where it says -EAGAIN. */
	if (s && fake_iov_len(msg->msg_iov, msg->msg_iovlen) &&
	    fake_disturbed(s)) {
		if (fake_random(2) || !can_shorten(msg) || msg->msg_control)
			return fake_fault(s, flags);
		shorten(&cut, &iov);
	}
	if (!s || !s->tx.k.on)
		return fake_rx_send(s, fd, &cut, flags);
	return fake_tx_send(s, &cut, flags);
}

static ssize_t fake_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct fake_sock *s = fake_find(fd);
	struct msghdr cut = *msg;
	struct iovec iov;
	ssize_t n;

	if (s && fake_disturbed(s)) {
		if (fake_random(2) || !can_shorten(msg))
			return fake_fault(s, flags);
		shorten(&cut, &iov);
	}
	n = s && s->rx.k.on ? fake_rx_recv(s, &cut, flags) :
			      ktls__sys_linux.recvmsg(fd, &cut, flags);
	msg->msg_flags = cut.msg_flags;
	msg->msg_controllen = cut.msg_controllen;
	msg->msg_namelen = cut.msg_namelen;
	return n;
}

static ssize_t fake_sendfile(int fd, int in_fd, off_t *off, size_t count)
{
	struct fake_sock *s = fake_find(fd);

	if (s && fake_disturbed(s) && fake_random(2))
		return fake_fault(s, 0);
	if (!s || !s->tx.k.on)
		return ktls__sys_linux.sendfile(fd, in_fd, off, count);
	return fake_tx_sendfile(s, in_fd, off, count);
}

static int fake_outq(int fd)
{
	fake_kernel_push(fd);
	return ktls__sys_linux.outq(fd);
}

/* What the real poll() is to wait for, and what is there already: our own
 * POLLIN for sockets with keys, and the queue that wants to be pushed. */
static int poll_prepare(const struct pollfd *fds, struct pollfd *real,
			short *own, nfds_t n)
{
	int found = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		struct fake_sock *s = fake_find(fds[i].fd);

		real[i] = fds[i];
		own[i] = 0;
		if (s && s->tx.k.on && fake_tx_push(s))
			real[i].events |= POLLOUT;
		if (!s || !s->rx.k.on)
			continue;
		if ((fds[i].events & POLLIN) && fake_rx_ready(s))
			own[i] |= POLLIN;
		if (atomic_load(&s->sk_err))
			own[i] |= POLLERR;
		/* Only a FIN shows behind a KeyUpdate that waits. */
		if (s->rx.expired && (real[i].events & POLLIN))
			real[i].events |= POLLRDHUP;
		if (s->rx.stopped || s->rx.expired)
			real[i].events &= ~POLLIN;
		found |= own[i];
	}
	return found;
}

static int poll_merge(struct pollfd *fds, const struct pollfd *real,
		      const short *own, nfds_t n)
{
	int ready = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		struct fake_sock *s = fake_find(fds[i].fd);
		short got = real[i].revents;

		/* Bytes have come in: perhaps a record is whole now. */
		if (s && s->rx.k.on && (got & POLLIN) && !fake_rx_ready(s))
			got &= (short)~POLLIN;
		if (s && s->rx.expired && (got & POLLRDHUP))
			got |= POLLIN;
		got &= (short)(fds[i].events | POLLERR | POLLHUP | POLLNVAL);
		fds[i].revents = (short)(got | own[i]);
		ready += fds[i].revents != 0;
	}
	return ready;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fake_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	long end = now_ms() + timeout_ms;
	struct pollfd real[POLL_MAX];
	short own[POLL_MAX];
	int wait, ready;

	if (n > POLL_MAX)
		return -EINVAL;
	for (;;) {
		wait = timeout_ms < 0 ? -1 : (int)(end - now_ms());
		if (timeout_ms >= 0 && wait < 0)
			wait = 0;
		if (poll_prepare(fds, real, own, n))
			wait = 0;
		ready = ktls__sys_linux.poll(real, n, wait);
		if (ready < 0)
			return ready;
		ready = poll_merge(fds, real, own, n);
		if (ready || wait == 0)
			return ready;
	}
}

/* A number that is in use again is another socket. */
static int fake_socket(int domain, int type, int protocol)
{
	int fd = ktls__sys_linux.socket(domain, type, protocol);

	fake_kernel_forget(fd);
	return fd;
}

static int fake_accept(int listener)
{
	int fd = ktls__sys_linux.accept(listener);

	fake_kernel_forget(fd);
	return fd;
}

static int fake_close(int fd)
{
	fake_kernel_forget(fd);
	return ktls__sys_linux.close(fd);
}

void fake_kernel_start(const struct fake_options *options)
{
	fake_options = *options;
	table = ktls__sys_linux;
	table.setsockopt = fake_setsockopt;
	table.getsockopt = fake_getsockopt;
	table.sendmsg = fake_sendmsg;
	table.recvmsg = fake_recvmsg;
	table.sendfile = fake_sendfile;
	table.splice = fake_splice;
	table.close = fake_close;
	table.socket = fake_socket;
	table.accept = fake_accept;
	if (!options->real) {
		table.poll = fake_poll;
		table.outq = fake_outq;
		table.inq = fake_inq;
	}
	ktls__sys = &table;
}

struct fake_stats fake_kernel_stats(void)
{
	struct fake_counters *c = &fake_counters;

	return (struct fake_stats){
		atomic_load(&c->attached),     atomic_load(&c->installed_tx),
		atomic_load(&c->installed_rx), atomic_load(&c->refused),
		atomic_load(&c->sealed),       atomic_load(&c->opened),
		atomic_load(&c->queued),       atomic_load(&c->faults),
		atomic_load(&c->cuts),	       atomic_load(&c->rekeyed)
	};
}
