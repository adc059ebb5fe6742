/* SPDX-License-Identifier: MIT */
/* Writing through kernel TLS, in pieces that end where the key does. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "alert.h"
#include "kernel_path.h"
#include "key_limit.h"
#include "output.h"
#include "record.h"
#include "record_path.h"
#include "sock.h"
#include "source.h"
#include "turn.h"
#include "uapi.h"

/* Where keys can change, a look at what is due comes this often. */
#define STEP ((size_t)1 << 20)

/* The elements of a write that has to be cut. */
#define PIECES 16

/* Writing can meet what is wrong with a record before reading does: then good
 * ones come first there, and what the socket knows of it ends here. */
int ktls__kernel_fail_write(struct ktls *k, int err)
{
	err = ktls__latch(k, &k->tx, ktls__name_error(err));
	if (k->rx.path == KTLS_PATH_KERNEL && ktls__is_record_error(err)) {
		k->rx_taken = err;
		ktls__clear_so_error(k);
		ktls__alert_fault(k, err);
	}
	return err;
}

/* With less room than a few records, sendfile(2) stalls: each record that
 * it closes stays corked behind the next, which waits for the room. */
#define ROOMY (256 * 1024)

/* With less than this, any record does that which is full and may wait. */
#define LITTLE (64 * 1024)

static int send_room(int fd)
{
	int n = 0;
	socklen_t len = sizeof(n);
	int err = ktls__sys->getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, &len);

	return err < 0 ? 0 : n;
}

/* Is there room for what waits, and for what it waits for? */
static bool may_hold(struct ktls *k)
{
	int n;

	if (k->roomy)
		return true;
	n = send_room(k->fd);
	k->roomy = n >= ROOMY;
	return n >= LITTLE;
}

static ssize_t put(struct ktls *k, const struct iovec *iov, int iovcnt,
		   bool more)
{
	ssize_t n = ktls__record_send(k->fd, KTLS_RECORD_DATA, iov, iovcnt,
				      more ? MSG_MORE : 0);

	if (n > 0)
		ktls__limit_sealed(k, (size_t)n);
	ktls__turn_sent(k);
	return n;
}

/* As far as the key goes; *asked is how much that was.  The whole of it needs
 * no pieces. */
static ssize_t put_some(struct ktls *k, const struct iovec *iov, int iovcnt,
			const struct ktls__source *src, size_t *asked)
{
	struct iovec pieces[PIECES];
	size_t room = ktls__limit_room(k);
	int n;

	if (ktls__key_can_change(k) && room > STEP)
		room = STEP;
	*asked = src->left;
	if (src->left <= room && src->iov == iov && src->off == 0)
		return put(k, iov, iovcnt, k->more);
	n = ktls__source_cut(src, pieces, PIECES, room);
	*asked = ktls__iov_total(pieces, n);
	return put(k, pieces, n, k->more && *asked == src->left);
}

/* Only behind a call that took all may something be held back. */
static void hold(struct ktls *k, unsigned what)
{
	k->held |= (uint8_t)what;
}

ssize_t ktls__kernel_writev(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	struct ktls__source src;
	size_t asked = 0;
	size_t len;
	ssize_t n = 0;

	ktls__source_init(&src, iov, iovcnt);
	len = src.left;
	k->more = k->more && may_hold(k);
	/* A short count can be all that is ever told of a reset. */
	while (src.left > 0 && (size_t)n == asked) {
		n = ktls__turn_ready(k);
		if (n == 0)
			n = put_some(k, iov, iovcnt, &src, &asked);
		if (n < 0)
			break;
		ktls__source_advance(&src, (size_t)n);
		k->tx.bytes += (uint64_t)n;
	}
	/* What was held back went with the data, but for TCP's part. */
	if (src.left < len)
		k->held &= (uint8_t)~KTLS__RECORD_OPEN;
	if (k->more)
		hold(k, KTLS__RECORD_OPEN);
	if (!k->more || src.left > 0)
		ktls__kernel_release(k);
	if (n < 0)
		n = ktls__kernel_fail_write(k, (int)n);
	return src.left < len ? (ssize_t)(len - src.left) : n;
}

/* Without the lock: a blocking socket may wait here. */
int ktls__kernel_alert(struct ktls *k, uint8_t description)
{
	uint8_t alert[2] = { ktls__alert_level(description), description };
	struct iovec iov = { .iov_base = alert, .iov_len = sizeof(alert) };
	ssize_t n = ktls__turn_begin(k);

	if (n < 0)
		return ktls__kernel_fail_write(k, (int)n);
	n = ktls__record_send(k->fd, KTLS_RECORD_ALERT, &iov, 1, 0);
	if (n > 0) {
		ktls__output_count(k, (size_t)n);
		/* Nobody else may send yet. */
		ktls__output_end(k, description);
	}
	ktls__turn_sent(k);
	if (n < 0)
		return ktls__kernel_fail_write(k, (int)n);
	/* A control record closes one that is open. */
	k->held &= (uint8_t)~KTLS__RECORD_OPEN;
	ktls__kernel_release(k);
	ktls__alert_was_sent(k, description);
	return 0;
}

/* By itself the kernel makes the room only larger: asked again where a call
 * comes back short. */
static size_t sendfile_step(struct ktls *k, size_t count)
{
	if (count <= KTLS__RECORD_PLAIN_MAX)
		return count;
	if (!k->roomy)
		k->roomy = send_room(k->fd) >= ROOMY;
	return k->roomy ? count : KTLS__RECORD_PLAIN_MAX;
}

void ktls__kernel_push(struct ktls *k)
{
	int err = ktls__record_flush(k->fd, MSG_DONTWAIT);

	/* The socket tells some of them once. */
	if (err < 0)
		(void)ktls__kernel_fail_write(k, err);
	ktls__sock_push(k->fd);
}

void ktls__kernel_release(struct ktls *k)
{
	if ((k->held & KTLS__RECORD_OPEN) != 0)
		ktls__kernel_push(k);
	if ((k->held & KTLS__CORKED) != 0)
		ktls__sock_uncork(k->fd);
	k->held = 0;
}

/* One piece; bytes, 0: the file has become shorter. */
static ssize_t sendfile_piece(struct ktls *k, int in_fd, off_t *pos,
			      size_t len)
{
	size_t room = ktls__limit_room(k);
	ssize_t n;

	n = ktls__sys->sendfile(k->fd, in_fd, pos, len < room ? len : room);
	if (n > 0)
		ktls__limit_sealed(k, (size_t)n);
	ktls__turn_sent(k);
	return n;
}

/* In steps; *taken counts.  0: all, or the file has become shorter. */
static int sendfile_steps(struct ktls *k, int in_fd, off_t *pos, size_t count,
			  size_t *taken)
{
	size_t step = sendfile_step(k, count);
	size_t want;
	ssize_t n;

	if (ktls__key_can_change(k) && step > STEP)
		step = STEP;
	while (*taken < count) {
		n = ktls__turn_ready(k);
		if (n < 0)
			return (int)n;
		want = count - *taken < step ? count - *taken : step;
		n = sendfile_piece(k, in_fd, pos, want);
		if (n <= 0)
			return (int)n;
		*taken += (size_t)n;
	}
	return 0;
}

bool ktls__kernel_was_in_vain(struct ktls *k, struct ktls__sigpipe *hold)
{
	int hidden = hold->was_pending;
	uint64_t unused;

	if (ktls__sys->sigpipe_release(hold) == 1)
		return true;
	return hidden &&
	       ktls__kernel_tcp_bytes(k->fd, &unused) == -ECONNRESET;
}

/* EINVAL can be the file's, or what has waited in the socket, where it still
 * is. */
static int fail_sendfile(struct ktls *k, int err)
{
	int waits = 0;
	socklen_t len = sizeof(waits);

	if (err == -EINVAL && k->rx.path == KTLS_PATH_KERNEL &&
	    ktls__sys->getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &waits,
				  &len) == 0 &&
	    waits != 0)
		err = waits == EINVAL ? -EPROTO : -waits;
	return ktls__is_file_error(err) ? err : ktls__kernel_fail_write(k, err);
}

ssize_t ktls__kernel_sendfile(struct ktls *k, int in_fd, off_t *pos,
			      size_t count)
{
	struct ktls__sigpipe sigpipe;
	size_t taken = 0;
	int err;

	k->more = k->more && may_hold(k);
	/* sendfile(2) itself knows of no more to come. */
	if (k->more && (k->held & KTLS__CORKED) == 0 &&
	    ktls__sock_cork(k->fd))
		hold(k, KTLS__CORKED);
	ktls__sys->sigpipe_hold(&sigpipe);
	err = sendfile_steps(k, in_fd, pos, count, &taken);
	if (taken > 0)
		k->held &= (uint8_t)~KTLS__RECORD_OPEN;
	/* A record may be open, and more will not follow now. */
	if (taken < count && (taken > 0 || err == -EAGAIN))
		hold(k, KTLS__RECORD_OPEN);
	if (taken < count)
		k->roomy = false;
	if (!k->more || taken < count)
		ktls__kernel_release(k);
	if (ktls__kernel_was_in_vain(k, &sigpipe)) {
		ktls__latch(k, &k->tx, -EPIPE);
		*pos -= (off_t)taken;
		return -EPIPE;
	}
	k->tx.bytes += taken;
	ktls__wants(k, KTLS__WRITE_WAITS, err == -EAGAIN);
	err = fail_sendfile(k, err);
	return taken > 0 ? (ssize_t)taken : err;
}

static int tcp_info(int fd, struct ktls__tcp_info *info)
{
	socklen_t len = sizeof(*info);
	int err;

	memset(info, 0, sizeof(*info));
	err = ktls__sys->getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len);
	if (err < 0)
		return err;
	if (len < sizeof(*info))
		return -EOPNOTSUPP;
	return info->state == KTLS__TCP_CLOSE ? -ECONNRESET : 0;
}

/* The two numbers belong together when no acknowledgement came between. */
int ktls__kernel_tcp_bytes(int fd, uint64_t *bytes)
{
	struct ktls__tcp_info before;
	struct ktls__tcp_info after;
	int queued;
	int err;

	err = tcp_info(fd, &after);
	do {
		if (err < 0)
			return err;
		before = after;
		queued = ktls__sys->outq(fd);
		if (queued < 0)
			return queued;
		err = tcp_info(fd, &after);
	} while (err == 0 && before.bytes_acked != after.bytes_acked);
	*bytes = before.bytes_acked + (uint64_t)queued;
	return err;
}

int ktls__kernel_drained(struct ktls *k)
{
	uint64_t expected;
	uint64_t seq;
	uint64_t now;
	int err = ktls__sock_rec_seq(k->fd, KTLS_TX, k->hs.row, &seq);

	if (err == 0)
		err = ktls__kernel_tcp_bytes(k->fd, &now);
	if (err < 0)
		return err;
	expected = k->tcp_base + k->tx.bytes +
		   (k->tx.before + seq - k->tx.seq0) * k->hs.row->overhead;
	return now == expected ? 0 : -EAGAIN;
}
