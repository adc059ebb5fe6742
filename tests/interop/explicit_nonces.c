/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into the programs of examples/stacks by stacks.sh: appends to the
 * file EXPLICIT_NONCES a line for each record that is sent behind the
 * ChangeCipherSpec of TLS 1.2, the first eight bytes of its body in hex.  With
 * AES-GCM that is the explicit nonce, whoever sealed the record.
 *
 *   cc -shared -fPIC explicit_nonces.c -o explicit_nonces.so
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define CHANGE_CIPHER_SPEC 20
#define HEADER_LEN 5
#define NONCE_LEN 8

/* The record that is being sent: one connection, one thread. */
static unsigned char head[HEADER_LEN + NONCE_LEN];
static size_t at;
static int sealed;

static void record_ended(void)
{
	const char *path = getenv("EXPLICIT_NONCES");
	FILE *file = sealed && path ? fopen(path, "a") : NULL;
	size_t i;

	if (head[0] == CHANGE_CIPHER_SPEC)
		sealed = 1;
	at = 0;
	if (!file)
		return;
	for (i = HEADER_LEN; i < sizeof(head); i++)
		fprintf(file, "%02x", head[i]);
	fputc('\n', file);
	fclose(file);
}

static void sent(const unsigned char *buf, size_t len)
{
	for (; len > 0; buf++, len--) {
		if (at < sizeof(head))
			head[at] = *buf;
		at++;
		if (at >= HEADER_LEN &&
		    at == HEADER_LEN + ((size_t)head[3] << 8 | head[4]))
			record_ended();
	}
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int);
	ssize_t n;

	*(void **)&real = dlsym(RTLD_NEXT, "send");
	n = real(fd, buf, len, flags);
	if (n > 0)
		sent(buf, (size_t)n);
	return n;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int);
	size_t i, left, part;
	ssize_t n;

	*(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
	n = real(fd, msg, flags);
	left = n > 0 ? (size_t)n : 0;
	for (i = 0; left > 0 && i < msg->msg_iovlen; i++) {
		part = msg->msg_iov[i].iov_len;
		part = part < left ? part : left;
		sent(msg->msg_iov[i].iov_base, part);
		left -= part;
	}
	return n;
}
