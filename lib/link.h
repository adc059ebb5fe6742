/* SPDX-License-Identifier: MIT */
/*
 * The socket below an SSL on the library path.  Never blocks and raises no
 * signal; sealed bytes that the socket does not take wait in a queue, so
 * that the SSL never has to be asked twice for the same write.
 */
#ifndef KTLS_LINK_H
#define KTLS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ktls__link {
	int fd;
	bool no_input;      /* RX is in the kernel: nothing to read here */
	bool no_output;     /* TX is in the kernel: output is dropped */
	bool dropped;       /* and there was some */
	bool eof;           /* the peer's FIN was read */
	int read_err;       /* -errno of a failed read, kept */
	int write_err;
	uint8_t *head;      /* ciphertext that comes before the socket's */
	size_t head_len;
	size_t head_off;
	uint8_t *queue;     /* sealed, not yet taken by the socket */
	size_t queue_len;
	size_t queue_off;
	size_t queue_cap;
	uint8_t resync[64]; /* record to send before the SSL's next output */
	size_t resync_len;
};

void ktls__link_init(struct ktls__link *link, int fd);
void ktls__link_wipe(struct ktls__link *link);

/* Bytes read; 0: end; -EAGAIN; -errno. */
ssize_t ktls__link_read(struct ktls__link *link, void *buf, size_t len);

/* 0: all was taken or queued; -errno. */
int ktls__link_write(struct ktls__link *link, const void *buf, size_t len);

/* 0: these bytes wait for the next flush; -ENOMEM. */
int ktls__link_enqueue(struct ktls__link *link, const void *buf, size_t len);

/* 0: the queue is empty; -EAGAIN; -errno. */
int ktls__link_flush(struct ktls__link *link);

/* Hold back a record until the next output. */
void ktls__link_hold_resync(struct ktls__link *link, const uint8_t *rec,
			    size_t len);

/* Wait for `events` of poll(2), as a blocking call on fd would: 0;
 * -EAGAIN: fd is non-blocking, or its SO_RCVTIMEO or SO_SNDTIMEO is over;
 * -EINTR; -errno. */
int ktls__link_wait(int fd, int events);

#endif
