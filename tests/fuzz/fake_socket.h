/* SPDX-License-Identifier: MIT */
/* What the fake kernel keeps per socket; inside of fake_*.c only. */
#ifndef FAKE_SOCKET_H
#define FAKE_SOCKET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "fake_kernel.h"
#include "ktls/ktls.h"
#include "lib/suite.h"

#define FAKE_SOL_TLS 282
#define FAKE_TLS_TX 1
#define FAKE_TLS_RX 2
#define FAKE_SET_RECORD_TYPE 1
#define FAKE_GET_RECORD_TYPE 2
#define FAKE_PAYLOAD_MAX 16384
#define FAKE_RECORD_MAX (FAKE_PAYLOAD_MAX + 5 + 256)

/* The keys of one direction, with the blob that they came as. */
struct fake_keys {
	atomic_int on; /* for good: a second key takes the first one's place */
	const struct ktls__suite *suite; /* a row with this cipher */
	struct ktls_keys keys;
	uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	size_t blob_len;
};

/* A record that was opened and not read to its end. */
struct fake_record {
	struct fake_record *next;
	uint8_t type;
	size_t off;
	size_t len;
	uint8_t data[];
};

struct fake_tx {
	pthread_mutex_t lock;
	struct fake_keys k;
	uint8_t open[FAKE_PAYLOAD_MAX]; /* the record that MSG_MORE left */
	size_t open_len;
	uint8_t *queue;                 /* sealed, and not yet with TCP */
	size_t queue_off;
	size_t queue_len;
	size_t queue_room;
	size_t cut_file;                /* where the next sendfile() stops */
};

struct fake_rx {
	pthread_mutex_t lock;
	struct fake_keys k;
	atomic_int expired;           /* a KeyUpdate was opened */
	atomic_int stopped;           /* framing was lost */
	uint8_t rec[FAKE_RECORD_MAX]; /* the record that is coming in */
	size_t have;
	struct fake_record *first;    /* the kernel's rx_list */
};

struct fake_sock {
	int fd;
	int ulp;
	int watched;
	int refuse[3];          /* errno for FAKE_ULP, KTLS_TX, KTLS_RX */
	atomic_int sk_err;
	atomic_int reset_told;  /* somebody has seen the reset */
	struct fake_tx tx;
	struct fake_rx rx;
};

/* A place in an iovec. */
struct fake_cursor {
	const struct iovec *iov;
	size_t n;
	size_t pos;
};

extern struct fake_options fake_options;

struct fake_counters {
	atomic_ulong attached, installed_tx, installed_rx, refused, sealed,
		opened, queued, faults, cuts, rekeyed;
};
extern struct fake_counters fake_counters;

/* Of fake_kernel_on_seal(), or NULL. */
extern void (*fake_on_seal)(const struct ktls_keys *keys, uint8_t type,
			    const void *plain, size_t len);

struct fake_sock *fake_find(int fd);
struct fake_sock *fake_find_or_add(int fd);

/* fake_sockopt.c */
int fake_setsockopt(int fd, int level, int name, const void *val,
		    socklen_t len);
int fake_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
/* The next record's number, in the keys and in what getsockopt() echoes. */
void fake_keys_advance(struct fake_keys *k);

/* fake_tx.c */
ssize_t fake_tx_send(struct fake_sock *s, const struct msghdr *msg, int flags);
ssize_t fake_tx_sendfile(struct fake_sock *s, int in_fd, off_t *off,
			 size_t count);
ssize_t fake_tx_splice(struct fake_sock *s, int pipe_fd, size_t len, int wait);
size_t fake_tx_push(struct fake_sock *s);

/* fake_rx.c */
ssize_t fake_rx_recv(struct fake_sock *s, struct msghdr *msg, int flags);
ssize_t fake_rx_splice(struct fake_sock *s, int pipe_fd, size_t len, int wait);
int fake_rx_ready(struct fake_sock *s);
/* A send without keys; `s` NULL: the socket has none for RX either. */
ssize_t fake_rx_send(struct fake_sock *s, int fd, const struct msghdr *msg,
		     int flags);
void fake_rx_clear(struct fake_sock *s);

/* fake_splice.c */
ssize_t fake_splice(int in_fd, int out_fd, size_t len, unsigned flags);
int fake_inq(int fd);

/* fake_kernel.c */
int fake_blocks(const struct fake_sock *s, int flags);
/* 0 to n-1, from the seed of fake_kernel_disturb(). */
unsigned fake_random(unsigned n);
int fake_disturbed(const struct fake_sock *s);
/* The error of a call that is made to fail: what its mode allows. */
int fake_fault(const struct fake_sock *s, int flags);
size_t fake_iov_len(const struct iovec *iov, size_t n);
/* Copy out of, or into, the place; less than len at its end. */
size_t fake_gather(struct fake_cursor *c, void *to, size_t len);
size_t fake_scatter(struct fake_cursor *c, const void *from, size_t len);

#endif
