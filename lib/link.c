/* SPDX-License-Identifier: MIT */
/* The socket below an SSL after the hand-off: see link.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "ktls/ktls.h"
#include "link.h"
#include "pool.h"
#include "record.h"
#include "sock.h"
#include "sys.h"
#include "wipe.h"

void ktls__link_init(struct ktls__link *link, int fd)
{
	memset(link, 0, sizeof(*link));
	link->fd = fd;
}

static void drop_head(struct ktls__link *link)
{
	ktls__wipe(link->head, link->head_len);
	free(link->head);
	link->head = NULL;
	link->head_len = 0;
	link->head_off = 0;
}

void ktls__link_wipe(struct ktls__link *link)
{
	drop_head(link);
	ktls__link_forget(link, link->spoken_len);
	ktls__pool_give(link->queue, link->queue_cap);
	ktls__wipe(link, sizeof(*link));
	link->fd = -1;
}

static ssize_t take_head(struct ktls__link *link, void *buf, size_t len)
{
	size_t n = link->head_len - link->head_off;

	if (n > len)
		n = len;
	memcpy(buf, link->head + link->head_off, n);
	link->head_off += n;
	if (link->head_off == link->head_len)
		drop_head(link);
	return (ssize_t)n;
}

int ktls__link_feed(struct ktls__link *link, const void *buf, size_t len)
{
	size_t rest = link->head_len - link->head_off;
	uint8_t *p;

	if (len == 0)
		return 0;
	p = malloc(rest + len);
	if (p == NULL)
		return -ENOMEM;
	if (rest > 0)
		memcpy(p, link->head + link->head_off, rest);
	memcpy(p + rest, buf, len);
	drop_head(link);
	link->head = p;
	link->head_len = rest + len;
	return 0;
}

static ssize_t receive(struct ktls__link *link, void *buf, size_t len)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (link->no_input)
		return -EAGAIN;
	if (link->read_err < 0)
		return link->read_err;
	do
		n = ktls__sys->recvmsg(link->fd, &msg, MSG_DONTWAIT);
	while (n == -EINTR);
	if (n == -ENOMEM)
		n = -EAGAIN;
	if (n == 0)
		link->eof = true;
	else if (n < 0 && n != -EAGAIN)
		link->read_err = (int)n;
	return n;
}

ssize_t ktls__link_read(struct ktls__link *link, void *buf, size_t len)
{
	ssize_t n;

	if (link->head_off < link->head_len)
		return take_head(link, buf, len);
	n = receive(link, buf, len);
	link->dry = n <= 0;
	return n;
}

static ssize_t send_some(struct ktls__link *link, const uint8_t *buf,
			 size_t len, int flags)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf,
			     .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int tries = 4;
	ssize_t n;

	/* Whose record is at fault is told so behind what is sealed. */
	do
		n = ktls__sys->sendmsg(link->fd, &msg,
				       MSG_DONTWAIT | MSG_NOSIGNAL | flags);
	while (n == -EINTR ||
	       (ktls__record_fault(link->fd, link->rx_taken, (int)n) < 0 &&
		--tries > 0));
	/* What it wanted memory for is still here, and there. */
	if (n == -ENOMEM)
		n = -EAGAIN;
	if (n < 0 && n != -EAGAIN)
		link->write_err = (int)n;
	/* Where it takes less it pushes by itself. */
	link->held = n == (ssize_t)len && (flags & MSG_MORE) != 0;
	return n;
}

static void drop_queue(struct ktls__link *link)
{
	ktls__pool_give(link->queue, link->queue_cap);
	link->queue = NULL;
	link->queue_cap = 0;
	link->queue_off = 0;
	link->queue_len = 0;
}

int ktls__link_flush(struct ktls__link *link)
{
	ssize_t n;

	if (link->write_err < 0)
		return link->write_err;
	while (link->queue_off < link->queue_len) {
		n = send_some(link, link->queue + link->queue_off,
			      link->queue_len - link->queue_off,
			      link->more ? MSG_MORE : 0);
		if (n < 0)
			return (int)n;
		link->queue_off += (size_t)n;
	}
	drop_queue(link);
	return 0;
}

/* Into another buffer, with room for `len` bytes in all.  0; -ENOMEM. */
static int move_queue(struct ktls__link *link, size_t len)
{
	size_t rest = link->queue_len - link->queue_off;
	size_t cap;
	uint8_t *p = ktls__pool_take(len, &cap);

	if (p == NULL)
		return -ENOMEM;
	if (rest > 0)
		memcpy(p, link->queue + link->queue_off, rest);
	drop_queue(link);
	link->queue = p;
	link->queue_cap = cap;
	link->queue_len = rest;
	return 0;
}

uint8_t *ktls__link_reserve(struct ktls__link *link, size_t len)
{
	size_t rest = link->queue_len - link->queue_off;

	/* Twice what is there, where that grows by small pieces. */
	if (link->queue_cap - link->queue_len < len &&
	    move_queue(link, len > rest ? rest + len : 2 * rest) < 0)
		return NULL;
	return link->queue + link->queue_len;
}

int ktls__link_adopt(struct ktls__link *link, uint8_t *buf, size_t cap,
		     size_t len)
{
	int err;

	if (link->queue_len > 0) {
		err = ktls__link_enqueue(link, buf, len);
		if (err == 0)
			ktls__pool_give(buf, cap);
		return err;
	}
	drop_queue(link);
	link->queue = buf;
	link->queue_cap = cap;
	link->queue_len = len;
	return 0;
}

void ktls__link_park(struct ktls__link *link)
{
	size_t rest = link->queue_len - link->queue_off;

	if (rest == 0)
		drop_queue(link);
	else if (rest <= KTLS__BUFFER_MIDDLE &&
		 link->queue_cap > KTLS__BUFFER_MIDDLE)
		(void)move_queue(link, rest);
}

void ktls__link_push(struct ktls__link *link)
{
	if (link->held)
		ktls__sock_push(link->fd);
	link->held = false;
}

void ktls__link_add(struct ktls__link *link, size_t len)
{
	link->queue_len += len;
}

int ktls__link_enqueue(struct ktls__link *link, const void *buf, size_t len)
{
	uint8_t *to;

	if (len == 0)
		return 0;
	to = ktls__link_reserve(link, len);
	if (to == NULL)
		return -ENOMEM;
	memcpy(to, buf, len);
	link->queue_len += len;
	return 0;
}

/* The rest of a record: the SSL has spent its number, and nothing that is
 * sealed after it may be sent without it. */
static int keep_rest(struct ktls__link *link, const void *buf, size_t len)
{
	int err = ktls__link_enqueue(link, buf, len);

	if (err < 0)
		link->write_err = -KTLS_ESSL;
	return err < 0 ? link->write_err : 0;
}

/* The resync record goes with the output that follows it: on its own it
 * would wake a peer that then blocks in its SSL_read(). */
static int send_resync(struct ktls__link *link)
{
	ssize_t n = 0;
	int err;

	if (link->queue_len == 0)
		n = send_some(link, link->resync, link->resync_len, MSG_MORE);
	if (n == -EAGAIN)
		n = 0;
	if (n < 0)
		return (int)n;
	err = keep_rest(link, link->resync + n, link->resync_len - (size_t)n);
	link->resync_len = 0;
	return err;
}

int ktls__link_write(struct ktls__link *link, const void *buf, size_t len)
{
	ssize_t n = 0;
	int err;

	if (link->write_err < 0)
		return link->write_err;
	if (link->resync_len > 0) {
		err = send_resync(link);
		if (err < 0)
			return err;
	}
	err = ktls__link_flush(link);
	if (err < 0 && err != -EAGAIN)
		return err;
	if (err == 0)
		n = send_some(link, buf, len, link->more ? MSG_MORE : 0);
	if (n == -EAGAIN)
		n = 0;
	if (n < 0)
		return (int)n;
	return keep_rest(link, (const uint8_t *)buf + n, len - (size_t)n);
}

/* Not with realloc(), which would leave a copy behind. */
static int grow_spoken(struct ktls__link *link, size_t len)
{
	size_t cap = link->spoken_cap == 0 ? 4096 : link->spoken_cap;
	uint8_t *p;

	while (cap < link->spoken_len + len)
		cap *= 2;
	if (cap == link->spoken_cap)
		return 0;
	p = malloc(cap);
	if (p == NULL)
		return -ENOMEM;
	if (link->spoken_len > 0)
		memcpy(p, link->spoken, link->spoken_len);
	ktls__wipe(link->spoken, link->spoken_len);
	free(link->spoken);
	link->spoken = p;
	link->spoken_cap = cap;
	return 0;
}

int ktls__link_speak(struct ktls__link *link, const void *buf, size_t len)
{
	int err;

	if (len == 0 || link->muted)
		return 0;
	if (!link->no_output)
		return ktls__link_write(link, buf, len);
	err = grow_spoken(link, len);
	if (err < 0)
		return err;
	memcpy(link->spoken + link->spoken_len, buf, len);
	link->spoken_len += len;
	return 0;
}

void ktls__link_forget(struct ktls__link *link, size_t len)
{
	size_t rest = link->spoken_len - len;

	if (rest > 0)
		memmove(link->spoken, link->spoken + len, rest);
	if (len > 0)
		ktls__wipe(link->spoken + rest, len);
	link->spoken_len = rest;
	if (rest > 0)
		return;
	free(link->spoken);
	link->spoken = NULL;
	link->spoken_cap = 0;
}

void ktls__link_hold_resync(struct ktls__link *link, const uint8_t *rec,
			    size_t len)
{
	if (len > sizeof(link->resync))
		len = 0;
	memcpy(link->resync, rec, len);
	link->resync_len = len;
}

/* How often is looked for what another thread may do. */
#define NAP_MS 10

/* A socket's own timeout for blocking calls, in poll's terms. */
static int timeout_of(int fd, int events)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);
	int name = (events & POLLIN) != 0 ? SO_RCVTIMEO : SO_SNDTIMEO;

	if (ktls__sys->getsockopt(fd, SOL_SOCKET, name, &tv, &len) < 0 ||
	    (tv.tv_sec == 0 && tv.tv_usec == 0) || tv.tv_sec > 1000000)
		return -1;
	return (int)(tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000);
}

int ktls__link_wait(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	int n = ktls__sys->nonblocking(fd);

	if (n < 0)
		return n;
	if (n > 0)
		return -EAGAIN;
	n = ktls__sys->poll(&p, 1, timeout_of(fd, events));
	if (n < 0)
		return n;
	return n == 0 ? -EAGAIN : 0;
}

int ktls__link_nap(int fd)
{
	struct pollfd p = { .fd = fd };
	int n = ktls__sys->nonblocking(fd);

	if (n != 0)
		return n < 0 ? n : -EAGAIN;
	n = ktls__sys->poll(&p, 1, NAP_MS);
	return n < 0 ? n : 0;
}
