/* SPDX-License-Identifier: MIT */
/*
 * The socket below an SSL after the hand-off.  Never blocks and raises no
 * signal; sealed bytes that the socket does not take wait in a queue, so
 * that nobody has to be asked twice for the same write.  A direction that
 * has left the SSL is cut off from it here: what the SSL reads it is fed,
 * what it writes is collected.  Both are sealed at sequence numbers that the
 * wire may see again, with other text, and are wiped like keys.
 */
#ifndef KTLS_LINK_H
#define KTLS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ktls__link {
	int fd;
	bool no_input;      /* RX has left the SSL: only what it is fed */
	bool no_output;     /* TX has left it: what it writes is collected */
	bool muted;         /* our close_notify is out: it is dropped */
	_Atomic bool eof;   /* the peer's FIN was read */
	bool dry;           /* a read has found nothing; reset by the reader */
	bool more;          /* output follows that TCP may wait for */
	bool held;          /* and does */
	_Atomic int read_err; /* -errno of a failed read, kept */
	int write_err;
	_Atomic int *rx_taken; /* struct ktls's, where the kernel has RX */
	uint8_t *head;      /* ciphertext that comes before the socket's;
			     * wiped as soon as it is read */
	size_t head_len;
	size_t head_off;
	uint8_t *spoken;    /* sealed by the SSL, not for the wire */
	size_t spoken_len;
	size_t spoken_cap;
	uint8_t *queue;     /* sealed, not yet taken by the socket: a buffer
			     * of the pool while there is any */
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

/* What the SSL reads next, before anything off the socket.  0; -ENOMEM. */
int ktls__link_feed(struct ktls__link *link, const void *buf, size_t len);

/* To the socket, whoever has sealed it.  0: all was taken or queued;
 * -errno. */
int ktls__link_write(struct ktls__link *link, const void *buf, size_t len);

/*
 * What the SSL writes: to the socket, or with no_output behind link->spoken.
 * 0; -ENOMEM: nothing was collected, and the SSL may write it again; as
 * ktls__link_write().
 */
int ktls__link_speak(struct ktls__link *link, const void *buf, size_t len);

/* Drop and wipe the first `len` bytes of link->spoken. */
void ktls__link_forget(struct ktls__link *link, size_t len);

/* 0: these bytes wait for the next flush; -ENOMEM. */
int ktls__link_enqueue(struct ktls__link *link, const void *buf, size_t len);

/* Room for `len` bytes behind the queue, to be filled and then added; NULL:
 * no memory, and nothing has changed. */
uint8_t *ktls__link_reserve(struct ktls__link *link, size_t len);
void ktls__link_add(struct ktls__link *link, size_t len);

/* The first `len` bytes of a pool's buffer wait for the next flush; the
 * buffer is the link's.  0; -ENOMEM: it is still the caller's. */
int ktls__link_adopt(struct ktls__link *link, uint8_t *buf, size_t cap,
		     size_t len);

/* 0: the queue is empty; -EAGAIN; -errno. */
int ktls__link_flush(struct ktls__link *link);

/* What waits, waits for long: in no larger a buffer than it needs. */
void ktls__link_park(struct ktls__link *link);

/* Make TCP send what it holds back for more. */
void ktls__link_push(struct ktls__link *link);

/* Hold back a record until the next output. */
void ktls__link_hold_resync(struct ktls__link *link, const uint8_t *rec,
			    size_t len);

/* Wait for `events` of poll(2), as a blocking call on fd would: 0;
 * -EAGAIN: fd is non-blocking, or its SO_RCVTIMEO or SO_SNDTIMEO is over;
 * -EINTR; -errno. */
int ktls__link_wait(int fd, int events);

/* A moment, for what no event will tell: 0; -EAGAIN: fd is non-blocking;
 * -EINTR; -errno. */
int ktls__link_nap(int fd);

#endif
