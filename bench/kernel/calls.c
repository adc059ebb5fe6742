/* SPDX-License-Identifier: MIT */
/* The calls that are compared, each once. */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kbench.h"

/* The file's next len bytes, from its start again where it ends. */
static off_t *position(struct end *end, size_t len)
{
	if ((size_t)end->at + len > FILE_SIZE)
		end->at = 0;
	return &end->at;
}

static ssize_t read_file(struct end *end, size_t len)
{
	ssize_t n = pread(end->file, end->buf, len, *position(end, len));

	if (n > 0)
		end->at += n;
	return n;
}

ssize_t move_sendfile(struct end *end, size_t len)
{
	return sendfile(end->fd, end->file, position(end, len), len);
}

ssize_t move_send(struct end *end, size_t len)
{
	return send(end->fd, end->buf, len, MSG_NOSIGNAL);
}

ssize_t move_pread_send(struct end *end, size_t len)
{
	ssize_t n = read_file(end, len);

	return n > 0 ? move_send(end, (size_t)n) : n;
}

ssize_t move_ktls_sendfile(struct end *end, size_t len)
{
	return ktls_sendfile(end->ktls, end->file, position(end, len), len, 0);
}

ssize_t move_ktls_write(struct end *end, size_t len)
{
	return ktls_write(end->ktls, end->buf, len, 0);
}

ssize_t move_ssl_sendfile(struct end *end, size_t len)
{
	ossl_ssize_t n = SSL_sendfile(end->ssl, end->file, *position(end, len),
				      len, 0);

	if (n > 0)
		end->at += n;
	return n;
}

ssize_t move_ssl_write(struct end *end, size_t len)
{
	return SSL_write(end->ssl, end->buf, (int)len);
}

ssize_t move_pread_ssl_write(struct end *end, size_t len)
{
	ssize_t n = read_file(end, len);

	return n > 0 ? SSL_write(end->ssl, end->buf, (int)n) : n;
}

ssize_t move_recv(struct end *end, size_t len)
{
	return recv(end->fd, end->buf, len, 0);
}

/* With room for the type of a record, without which nobody can tell data
 * from an alert. */
ssize_t move_recvmsg(struct end *end, size_t len)
{
	struct iovec iov = { .iov_base = end->buf, .iov_len = len };
	char control[KTLS_CMSG_SPACE];
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };

	return recvmsg(end->fd, &msg, 0);
}

ssize_t move_ktls_read(struct end *end, size_t len)
{
	return ktls_read(end->ktls, end->buf, len);
}

ssize_t move_ssl_read(struct end *end, size_t len)
{
	return SSL_read(end->ssl, end->buf, (int)len);
}

ssize_t move_discard(struct end *end, size_t len)
{
	return recv(end->fd, end->buf, len, MSG_TRUNC | MSG_DONTWAIT);
}
