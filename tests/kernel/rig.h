/* SPDX-License-Identifier: MIT */
/*
 * Both ends of one connection in this process: ours, to be handed off, and
 * a peer that is an SSL or, with its keys, whatever it likes to send.
 */
#ifndef KTLS_TEST_RIG_H
#define KTLS_TEST_RIG_H

#include <pthread.h>

#include <openssl/ssl.h>

#include "ktls/ktls.h"
#include "rig_keys.h"

/* Header, nonce, type and tag beside the longest plaintext. */
#define RIG_RECORD_MAX (16384 + 64)

struct rig_config {
	uint16_t version;
	int server;             /* our role */
	enum ktls_choice tx;
	enum ktls_choice rx;
	int nonblock;           /* our descriptor */
	const char *suite;      /* OpenSSL's name */
	int tickets;            /* of a TLS 1.3 server */
	int late_auth;          /* TLS 1.3: the client offers it, and can */
	unsigned prepare;       /* flags of ktls_prepare() */
	int rcvbuf;             /* the peer's, before it connects; or 0 */
	unsigned flags;         /* of struct ktls_opts */
};

struct rig {
	struct rig_config config;
	int fd;
	int peer_fd;
	SSL_CTX *ctx;
	SSL_CTX *peer_ctx;
	SSL *ssl;               /* ours, until the hand-off */
	SSL *peer;
	struct ktls *k;
	int tx_kernel;
	int rx_kernel;
	enum ktls_path tx_path;
	enum ktls_path rx_path;
	uint8_t secret[2][48];  /* client's, server's; TLS 1.3 */
	size_t secret_len;
	struct ktls_keys peer_tx;
	struct ktls_keys peer_rx;
	struct rig_own own;     /* where connections are opened by keys */
};

/* Once per process, before any rig: certificates and what the kernel has. */
int rig_setup(int library_only);
void rig_teardown(void);
int rig_kernel(void);       /* 1: kernel paths are among the variants */
int rig_rekey(void);

/* Every variant has this path in one direction at least: KTLS_USERSPACE.
 * KTLS_LIBRARY, KTLS_KERNEL: in both. */
void rig_only(enum ktls_choice choice);
/* The same by --library, --userspace and --kernel; 0: no word of that. */
enum ktls_choice rig_argument(int argc, char **argv);

/*
 * The variants that a test is looped over: path of each direction, version
 * and suite, role, blocking or not.
 */
int rig_variants(void);
struct rig_config rig_variant(int i);
const char *rig_variant_name(int i);

/*
 * A connected pair of TCP sockets over the loopback interface.  The second
 * has `rcvbuf` from the start, which keeps the first one's packets small.
 */
void rig_tcp_pair(int fd[2], int rcvbuf);

/* Everything up to the finished handshake; the peer has its keys. */
void rig_open(struct rig *rig, const struct rig_config *config);
void rig_handoff(struct rig *rig);
/* Both of the above, for variant i. */
void rig_start(struct rig *rig, int i);
void rig_close(struct rig *rig);

/* As ktls_read() and the like, and wait in place of -EAGAIN. */
ssize_t rig_read(struct rig *rig, void *buf, size_t len);
ssize_t rig_write(struct rig *rig, const void *buf, size_t len);
int rig_alert(struct rig *rig, uint8_t description);
int rig_shutdown(struct rig *rig);
void rig_wait(struct rig *rig);
/* All of len, or the failure that came first. */
ssize_t rig_read_all(struct rig *rig, void *buf, size_t len);
ssize_t rig_write_all(struct rig *rig, const void *buf, size_t len);
struct ktls_conn_info rig_info(struct rig *rig);
/* RX is on an SSL of BoringSSL's, which has its own answers to what breaks the
 * protocol. */
int rig_is_boring(const struct rig *rig);

/* rig_raw.c: the peer without its SSL. */
/* Returns the record's length; the sequence number moves on. */
size_t rig_seal(struct rig *rig, uint8_t *out, uint8_t type, const void *buf,
		size_t len);
void rig_send(struct rig *rig, uint8_t type, const void *buf, size_t len);
void rig_send_bytes(struct rig *rig, const void *buf, size_t len);
void rig_send_alert(struct rig *rig, uint8_t level, uint8_t description);
/* The next record's plaintext: its length, -1 at FIN, -2 if reset. */
ssize_t rig_recv(struct rig *rig, uint8_t *type, uint8_t buf[RIG_RECORD_MAX]);
void rig_peer_rekey(struct rig *rig);
/* The peer's FIN, and its RST. */
void rig_fin(struct rig *rig);
void rig_reset(struct rig *rig);
void rig_derive(struct rig *rig);
void rig_keylog(const SSL *ssl, const char *line);

/* rig_reader.c: the peer as a thread that reads until the end. */
struct rig_reader {
	pthread_t thread;
	struct rig *rig;
	uint8_t *data;
	size_t len;
	size_t room;
	int closed;             /* 1: close_notify came, 0: FIN or an error */
};
void rig_reader_start(struct rig_reader *reader, struct rig *rig, size_t room);
void rig_reader_join(struct rig_reader *reader);
void rig_reader_free(struct rig_reader *reader);

/* Bytes that tell their place in a stream. */
void rig_fill(void *buf, size_t len, uint64_t at);
int rig_same(const void *buf, size_t len, uint64_t at);

#endif
