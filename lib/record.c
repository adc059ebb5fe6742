/* SPDX-License-Identifier: MIT */
/*
 * Records in and out of a socket that has keys, their content type as
 * ancillary data.  The only file that sends one.
 */
#include "record.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "sock.h"
#include "source.h"
#include "sys.h"
#include "uapi.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_MORE | MSG_NOSIGNAL)
#define RECV_FLAGS (MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL)
/* Out of one call and, from a caller that loops, into the next. */
#define RECV_RESULT MSG_EOR

_Static_assert(KTLS_CMSG_SPACE >= CMSG_SPACE(sizeof(uint8_t)),
	       "KTLS_CMSG_SPACE holds a record type");

/* Room for one record type, aligned as struct cmsghdr wants it. */
union control {
	struct cmsghdr align;
	uint8_t bytes[KTLS_CMSG_SPACE];
};

void ktls_cmsg_set(struct msghdr *msg, void *control, uint8_t type)
{
	struct cmsghdr *cmsg;

	memset(control, 0, KTLS_CMSG_SPACE);
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(sizeof(type));
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = KTLS__SOL_TLS;
	cmsg->cmsg_type = KTLS__TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(type));
	memcpy(CMSG_DATA(cmsg), &type, sizeof(type));
}

static int is_record_type(const struct cmsghdr *cmsg)
{
	return cmsg->cmsg_level == KTLS__SOL_TLS &&
	       cmsg->cmsg_type == KTLS__TLS_GET_RECORD_TYPE &&
	       cmsg->cmsg_len >= CMSG_LEN(sizeof(uint8_t));
}

int ktls_cmsg_get(const struct msghdr *msg)
{
	struct msghdr walk = *msg; /* CMSG_NXTHDR() wants one not const */
	struct cmsghdr *cmsg;

	if (msg->msg_flags & MSG_CTRUNC)
		return -KTLS_ECMSG;
	for (cmsg = CMSG_FIRSTHDR(&walk); cmsg; cmsg = CMSG_NXTHDR(&walk, cmsg))
		if (is_record_type(cmsg))
			return *(const uint8_t *)CMSG_DATA(cmsg);
	return 0;
}

/*
 * The arguments are in order here, so EINVAL is what reading would report: a
 * header that is not TLS 1.2's, latched in the socket for both directions.
 */
static ssize_t latched(ssize_t n)
{
	return n == -EINVAL ? -EPROTO : n;
}

static void set_iov(struct msghdr *msg, const struct iovec *iov, int iovcnt)
{
	memset(msg, 0, sizeof(*msg));
	/* sendmsg() and recvmsg() only read the array. */
	memcpy(&msg->msg_iov, &iov, sizeof(iov));
	msg->msg_iovlen = (size_t)iovcnt;
}

static int check_send(uint8_t type, int flags)
{
	if (type < KTLS_RECORD_CCS || type > KTLS_RECORD_DATA)
		return -EINVAL;
	if (flags & ~SEND_FLAGS)
		return -EINVAL;
	if ((flags & MSG_MORE) && type != KTLS_RECORD_DATA)
		return -EINVAL;
	return 0;
}

int ktls__record_flush(int fd, int flags)
{
	union control control;
	struct msghdr msg = {0};

	ktls_cmsg_set(&msg, &control, KTLS_RECORD_DATA);
	return (int)latched(ktls__sys->sendmsg(fd, &msg, flags | MSG_NOSIGNAL));
}

ssize_t ktls__record_send(int fd, uint8_t type, const struct iovec *iov,
			  int iovcnt, int flags)
{
	union control control;
	struct msghdr msg;
	int err = check_send(type, flags);

	if (err < 0)
		return err;
	if (ktls__iov_total(iov, iovcnt) == 0)
		return flags & MSG_MORE ? 0 : ktls__record_flush(fd, flags);
	set_iov(&msg, iov, iovcnt);
	/* MSG_MORE with a type is EINVAL, so data goes without one. */
	if (type != KTLS_RECORD_DATA)
		ktls_cmsg_set(&msg, &control, type);
	return latched(ktls__sys->sendmsg(fd, &msg, flags | MSG_NOSIGNAL));
}

ssize_t ktls_sock_send(int fd, uint8_t type, const void *buf, size_t len,
		       int flags)
{
	struct iovec iov = {.iov_len = len};
	int err = check_send(type, flags);

	if (err < 0)
		return err;
	/* A socket without keys takes the record type, ignores it and sends
	 * plaintext. */
	err = ktls__sock_has_keys(fd, KTLS_TX);
	if (err < 0)
		return err;
	if (err == 0)
		return -KTLS_EUNPROVEN;
	memcpy(&iov.iov_base, &buf, sizeof(buf));
	return ktls__record_send(fd, type, &iov, 1, flags);
}

/* Bytes whose type is unknown may be an alert, or not even encrypted. */
static ssize_t typed(const struct msghdr *msg, ssize_t n, uint8_t *type)
{
	int got = ktls_cmsg_get(msg);

	if (got < 0)
		return got;
	if (got == 0 && n > 0)
		return -KTLS_ECMSG;
	*type = (uint8_t)got;
	return n;
}

ssize_t ktls__record_recv(int fd, uint8_t *type, const struct iovec *iov,
			  int iovcnt, int *flags)
{
	int in = flags ? *flags & ~RECV_RESULT : 0;
	union control control;
	struct msghdr msg;
	ssize_t n;

	*type = 0;
	/* Into no room at all recvmsg() returns 0, which looks like a FIN. */
	if ((in & ~RECV_FLAGS) || ktls__iov_total(iov, iovcnt) == 0)
		return -EINVAL;
	set_iov(&msg, iov, iovcnt);
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	n = ktls__sys->recvmsg(fd, &msg, in);
	if (n < 0)
		return latched(n);
	if (flags)
		*flags = msg.msg_flags & RECV_RESULT;
	return typed(&msg, n, type);
}

ssize_t ktls_sock_recv(int fd, uint8_t *type, void *buf, size_t len, int *flags)
{
	const struct iovec iov = {.iov_base = buf, .iov_len = len};

	return ktls__record_recv(fd, type, &iov, 1, flags);
}

/* Writing meets them too: they wait in the socket until somebody fetches
 * them. */
int ktls__name_error(int err)
{
	switch (err) {
	case -EBADMSG:
		return -KTLS_EBADRECORD;
	case -EMSGSIZE:
		return -KTLS_EOVERSIZE;
	case -EPROTO:
		return -KTLS_EPROTOCOL;
	case -EKEYEXPIRED:
		return -KTLS_EKEYUPDATE;
	default:
		return err;
	}
}

int ktls__name_latched(int err)
{
	return ktls__name_error((int)latched(err));
}

bool ktls__is_record_error(int err)
{
	return err == -KTLS_EBADRECORD || err == -KTLS_EOVERSIZE ||
	       err == -KTLS_EPROTOCOL;
}

int ktls__record_fault(int fd, _Atomic int *taken, int err)
{
	int name = ktls__name_latched(err);
	socklen_t len = sizeof(err);
	int none = 0;

	if (taken == NULL || !ktls__is_record_error(name))
		return 0;
	atomic_compare_exchange_strong(taken, &none, name);
	/* TCP has taken it off by this, the kernel's TX has not. */
	(void)ktls__sys->getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return name;
}
