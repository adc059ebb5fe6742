/* SPDX-License-Identifier: MIT */
/*
 * The fake kernel's receiving side: tls_sw_recvmsg(), with its strparser
 * (one record at a time) and its list of opened records.
 */
#include "fake_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aead.h"
#include "lib/sys.h"
#include "lib/wipe.h"

#define TYPE_DATA 23
#define TYPE_HANDSHAKE 22
#define KEY_UPDATE 24

/* One recvmsg() on its way. */
struct call {
	struct fake_sock *s;
	struct msghdr *msg;
	struct fake_cursor to;
	size_t left;
	size_t copied;
	int peek;
	int wait;
	uint8_t type; /* of what was copied; 0: nothing yet */
	int out_flags;
	size_t controllen;
};

/* The length of the record that is coming in, or the kernel's complaint. */
static int record_len(const struct fake_rx *rx)
{
	const struct ktls__suite *suite = rx->k.suite;
	int len = rx->rec[3] << 8 | rx->rec[4];
	int least = 16 + suite->explicit_len;
	int tail = suite->version == KTLS_TLS_1_3;

	if (len > FAKE_PAYLOAD_MAX + least + tail)
		return -EMSGSIZE;
	if (len < least)
		return -EBADMSG;
	if (rx->rec[1] != 3 || rx->rec[2] != 3)
		return -EINVAL;
	return 5 + len;
}

static ssize_t take(struct fake_sock *s, size_t want, int wait)
{
	struct iovec iov = { s->rx.rec + s->rx.have, want - s->rx.have };
	struct msghdr msg = { 0 };
	ssize_t n;

	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	n = ktls__sys_linux.recvmsg(s->fd, &msg, wait ? 0 : MSG_DONTWAIT);
	if (n > 0)
		s->rx.have += (size_t)n;
	else if (n < 0 && n != -EAGAIN && n != -EINTR)
		atomic_store(&s->sk_err, (int)-n);
	return n;
}

/* Have one whole record in rx->rec: 1; 0: the peer's FIN; else -errno. */
static int frame(struct fake_sock *s, int wait)
{
	struct fake_rx *rx = &s->rx;
	size_t want = 5;
	ssize_t n;
	int len;

	for (;;) {
		if (rx->have >= 5) {
			len = record_len(rx);
			if (len < 0) {
				rx->stopped = 1;
				atomic_store(&s->sk_err, -len);
				return len;
			}
			want = (size_t)len;
		}
		if (rx->have == want)
			return 1;
		n = take(s, want, wait);
		if (n <= 0)
			return (int)n;
	}
}

/* Framing errors live in sk_err only: told once, then silence. */
static int fill(struct fake_sock *s, int wait)
{
	int err = 0;
	int told;

	if (s->rx.expired)
		return -EKEYEXPIRED;
	if (!s->rx.stopped)
		err = frame(s, wait);
	if (err == 1)
		return err;
	told = atomic_exchange(&s->sk_err, 0);
	if (told && !s->rx.stopped)
		atomic_store(&s->reset_told, 1);
	if (told)
		return -told;
	return s->rx.stopped ? -EAGAIN : err;
}

static struct fake_record *open_record(struct fake_sock *s)
{
	struct fake_rx *rx = &s->rx;
	struct fake_record *r = malloc(sizeof(*r) + rx->have);
	int n;

	if (!r)
		return NULL;
	n = ktls__record_open(r->data, &r->type, &rx->k.keys, rx->rec,
			      rx->have);
	if (n < 0) {
		free(r);
		atomic_store(&s->sk_err, EBADMSG);
		return NULL;
	}
	r->next = NULL;
	r->off = 0;
	r->len = (size_t)n;
	rx->have = 0;
	fake_keys_advance(&rx->k);
	atomic_fetch_add(&fake_counters.opened, 1);
	if (fake_options.rekey && r->type == TYPE_HANDSHAKE && n > 0 &&
	    r->data[0] == KEY_UPDATE)
		rx->expired = 1;
	return r;
}

/* Fetch one record to the end of rx_list.  1, 0 for FIN, -errno. */
static int next_record(struct fake_sock *s, int wait)
{
	struct fake_record **end = &s->rx.first;
	int err = fill(s, wait);

	if (err <= 0)
		return err;
	while (*end)
		end = &(*end)->next;
	*end = open_record(s);
	return *end ? 1 : -EBADMSG;
}

/* put_cmsg(): cut short where the caller left too little room. */
static void put_type(struct call *c, uint8_t type)
{
	struct cmsghdr *cmsg = c->msg->msg_control;

	if (!cmsg || c->msg->msg_controllen < CMSG_LEN(1)) {
		c->out_flags |= MSG_CTRUNC;
		return;
	}
	cmsg->cmsg_level = FAKE_SOL_TLS;
	cmsg->cmsg_type = FAKE_GET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = type;
	c->controllen = c->msg->msg_controllen < CMSG_SPACE(1) ?
			c->msg->msg_controllen : CMSG_SPACE(1);
}

/* tls_record_content_type(): 1: take it; 0: another type; -EIO. */
static int take_type(struct call *c, uint8_t type)
{
	if (c->type)
		return c->type == type;
	c->type = type;
	put_type(c, type);
	if (type != TYPE_DATA && (c->out_flags & MSG_CTRUNC))
		return -EIO;
	return 1;
}

/* Copy from one record.  1: it is through; 0: the buffer is full. */
static int copy_out(struct call *c, struct fake_record *r)
{
	size_t n = fake_scatter(&c->to, r->data + r->off, r->len - r->off);
	int through = r->off + n == r->len;

	if (!c->peek)
		r->off += n;
	c->copied += n;
	c->left -= n;
	if (through && !c->peek)
		c->out_flags |= MSG_EOR;
	return through;
}

static void drop_first(struct fake_rx *rx)
{
	struct fake_record *r = rx->first;

	rx->first = r->next;
	ktls__wipe(r->data, r->len);
	free(r);
}

static int is_whole(struct fake_sock *s)
{
	return !s->rx.expired && !s->rx.stopped && frame(s, 0) == 1;
}

/* Records one after the other, until the type changes or the buffer is
 * full; waits only as long as nothing was copied. */
static int copy_records(struct call *c, size_t target)
{
	struct fake_record **r = &c->s->rx.first;
	int err;

	for (;;) {
		if (!*r) {
			if (!c->left)
				return 0;
			/* An error is for a call that has nothing. */
			if (c->copied >= target && !is_whole(c->s))
				return 0;
			err = next_record(c->s, c->wait && c->copied < target);
			if (err <= 0)
				return err;
		}
		err = take_type(c, (*r)->type);
		if (err <= 0)
			return err;
		if (!copy_out(c, *r))
			return 0;
		if (c->peek)
			r = &(*r)->next;
		else
			drop_first(&c->s->rx);
		if (c->type != TYPE_DATA || !c->left)
			return 0;
	}
}

ssize_t fake_rx_recv(struct fake_sock *s, struct msghdr *msg, int flags)
{
	struct call c = { .s = s, .msg = msg };
	int err;

	c.to.iov = msg->msg_iov;
	c.to.n = msg->msg_iovlen;
	c.left = fake_iov_len(msg->msg_iov, msg->msg_iovlen);
	c.peek = flags & MSG_PEEK;
	c.wait = fake_blocks(s, flags);
	pthread_mutex_lock(&s->rx.lock);
	err = c.left ? copy_records(&c, flags & MSG_WAITALL ? c.left : 1) : 0;
	pthread_mutex_unlock(&s->rx.lock);
	if (c.copied)
		err = 0;
	if (err == 0) {
		msg->msg_flags = c.out_flags;
		msg->msg_controllen = c.controllen;
	}
	return err ? err : (ssize_t)c.copied;
}

/* tls_sw_splice_read(): data of one record; any other stays. */
static ssize_t splice_record(struct fake_sock *s, int pipe_fd, size_t len,
			     int wait)
{
	struct fake_record *r;
	ssize_t n = 0;
	int err = s->rx.first ? 1 : next_record(s, wait);

	if (err <= 0)
		return err;
	r = s->rx.first;
	if (r->type != TYPE_DATA)
		return -EINVAL;
	if (len > r->len - r->off)
		len = r->len - r->off;
	if (len > 0)
		n = ktls__sys_linux.write(pipe_fd, r->data + r->off, len);
	if (n < 0)
		return n;
	r->off += (size_t)n;
	if (r->off == r->len)
		drop_first(&s->rx);
	return n;
}

ssize_t fake_rx_splice(struct fake_sock *s, int pipe_fd, size_t len, int wait)
{
	ssize_t n;

	pthread_mutex_lock(&s->rx.lock);
	n = splice_record(s, pipe_fd, len, wait);
	pthread_mutex_unlock(&s->rx.lock);
	return n;
}

/* Whether poll() would say POLLIN: a whole record, FIN, or an error.  A
 * reader at work answers for itself.  Behind a KeyUpdate nothing is ready,
 * not even itself, until the new key is there. */
int fake_rx_ready(struct fake_sock *s)
{
	int ready;

	if (pthread_mutex_trylock(&s->rx.lock))
		return 0;
	ready = (s->rx.first && !s->rx.expired) || atomic_load(&s->sk_err);
	if (!ready && !s->rx.stopped && !s->rx.expired)
		ready = frame(s, 0) != -EAGAIN;
	pthread_mutex_unlock(&s->rx.lock);
	return ready;
}

/* TCP's own send tells what waits in sk_err, and takes it off.  A header that
 * is wrong was found when it came in. */
ssize_t fake_rx_send(struct fake_sock *s, int fd, const struct msghdr *msg,
		     int flags)
{
	int told = 0;

	if (s && s->rx.k.on) {
		(void)fake_rx_ready(s);
		told = atomic_exchange(&s->sk_err, 0);
	}
	return told ? -told : ktls__sys_linux.sendmsg(fd, msg, flags);
}

void fake_rx_clear(struct fake_sock *s)
{
	while (s->rx.first)
		drop_first(&s->rx);
	ktls__wipe(&s->rx.k, sizeof(s->rx.k));
}
