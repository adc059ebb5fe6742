/* SPDX-License-Identifier: MIT */
/*
 * libktls - hand a finished TLS handshake over to Linux kernel TLS.
 *
 * Three layers, each usable without the next:
 *   keys        pure functions: secrets -> keys -> the kernel's crypto_info
 *   socket      a connected TCP descriptor and keys, no TLS library involved
 *   connection  an SSL whose handshake is done, or the keys of any other
 *               stack's -> struct ktls
 *
 * Conventions, stated once:
 *   - Every function that can fail returns a negative int: -errno, or one of
 *     enum ktls_error negated.  ktls_strerror() names both.  errno itself is
 *     no part of the contract.  0 or a count of bytes is success.
 *   - Lengths are in bytes.  Pointers may not be NULL unless it is said.
 *   - Nothing here ends the process, prints, starts a thread or raises a
 *     signal.  I/O blocks exactly when the descriptor is in blocking mode.
 *   - Structs whose first member is `size` grow in later versions: set it to
 *     the sizeof you compiled with.
 *   - One thread may read from a struct ktls while another writes to it.
 *     No two threads may read at once, nor write at once; shutdown, alert,
 *     update_keys and splice_write count as writing, splice_read as reading,
 *     handoff, linger, post_handshake and free as both.
 *   - Descriptors stay the caller's: nothing here closes one, with a single
 *     exception that ktls_handoff() describes (a BIO made with BIO_CLOSE).
 */
#ifndef KTLS_KTLS_H
#define KTLS_KTLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define KTLS_VERSION_MAJOR 0
#define KTLS_VERSION_MINOR 1
#define KTLS_VERSION_PATCH 0

/*
 * Set by the .pc files, since pkg-config itself does not refuse two of them,
 * and by the CMake targets.  OpenSSL's headers and BoringSSL's have the same
 * names: those of the other library are refused before this one, and behind
 * it, where it is the name of their first guard that compilers stumble on.
 */
#if defined(KTLS_LINKS_OPENSSL) + defined(KTLS_LINKS_BORINGSSL) + \
	defined(KTLS_LINKS_NONE) > 1
#error "ktls, ktls-boringssl, ktls-none: one program links with one of them"
#elif defined(KTLS_LINKS_OPENSSL)
#if defined(OPENSSL_IS_BORINGSSL)
#error "ktls needs OpenSSL's headers, and these are BoringSSL's"
#elif defined(__GNUC__)
#pragma GCC poison OPENSSL_HEADER_BASE_H
#endif
#elif defined(KTLS_LINKS_BORINGSSL)
#if defined(OPENSSL_VERSION_NUMBER) && !defined(OPENSSL_IS_BORINGSSL)
#error "ktls-boringssl needs BoringSSL's headers, and these are OpenSSL's"
#elif defined(__GNUC__)
#pragma GCC poison OPENSSL_OPENSSLV_H
#endif
#endif

#if defined(__GNUC__)
#define KTLS_API __attribute__((visibility("default")))
#else
#define KTLS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* SSL and SSL_CTX; no header of the TLS library is needed to name them. */
struct ssl_st;
struct ssl_ctx_st;

/* One connection after its hand-off. */
struct ktls;

/* Directions.  A mask where the parameter is called `dirs`. */
enum {
	KTLS_TX = 1, /* what we send */
	KTLS_RX = 2  /* what the peer sends */
};

/* Versions as on the wire (RFC 5246, RFC 8446). */
enum {
	KTLS_TLS_1_2 = 0x0303,
	KTLS_TLS_1_3 = 0x0304
};

/* Content types of a record (RFC 8446 section 5.1). */
enum {
	KTLS_RECORD_CCS = 20,
	KTLS_RECORD_ALERT = 21,
	KTLS_RECORD_HANDSHAKE = 22,
	KTLS_RECORD_DATA = 23
};

/* The library's own errors, returned negated; all others are -errno. */
enum ktls_error {
	KTLS_EVERSION = 4096, /* neither TLS 1.2 nor TLS 1.3 */
	KTLS_ESUITE,          /* not a suite of this library */
	KTLS_ECRYPTO,         /* the crypto library failed */
	KTLS_EUNPROVEN,       /* the socket does not prove that it encrypts */
	KTLS_ECMSG,           /* a record came without its type */
	KTLS_ENOTREADY,       /* the handshake is not finished */
	KTLS_EPENDING,        /* finish your SSL_write() first */
	KTLS_ECLOSED,         /* the TLS connection is already shut down */
	KTLS_ETRUNCATED,      /* the stream ended without close_notify */
	KTLS_EALERT,          /* the peer sent a fatal alert: see ktls_info() */
	KTLS_EBADRECORD,      /* a record failed authentication */
	KTLS_EOVERSIZE,       /* a record is longer than TLS allows */
	KTLS_EPROTOCOL,       /* the peer broke the protocol */
	KTLS_EKEYUPDATE,      /* a KeyUpdate that cannot be followed here */
	KTLS_EHANDSHAKE,      /* a handshake message that cannot be answered */
	KTLS_ENOTFILE,        /* the source is not a regular file */
	KTLS_ERETRY,          /* a write does not go on where one stopped */
	KTLS_ESSL,            /* the TLS library failed, for other reasons */
	KTLS_EKEYLIMIT,       /* the key has sealed its number of records */
	KTLS_EFLOOD,          /* the peer sends control records without end */
	KTLS_ENOTPIPE,        /* the descriptor is not a pipe */
	KTLS_EEND             /* one past the last */
};

/* Who encrypts one direction. */
enum ktls_path {
	KTLS_PATH_KERNEL = 1,    /* Linux, or the NIC below it */
	KTLS_PATH_USERSPACE = 2, /* the library's own record layer */
	KTLS_PATH_LIBRARY = 3    /* the SSL object */
};

/* Why a direction is not in the kernel. */
enum ktls_reason {
	KTLS_REASON_NONE = 0,      /* it is in the kernel */
	KTLS_REASON_POLICY,        /* the caller asked for another path */
	KTLS_REASON_NO_MODULE,     /* this kernel has no TLS (ENOENT) */
	KTLS_REASON_NO_REKEY,      /* TLS 1.3 RX, and no rekey in this kernel */
	KTLS_REASON_KERNEL_SUITE,  /* the kernel lacks this suite and version */
	KTLS_REASON_VERSION,       /* neither TLS 1.2 nor TLS 1.3 */
	KTLS_REASON_SUITE,         /* not an AEAD suite of this library */
	KTLS_REASON_COMPRESSION,   /* TLS compression is on */
	KTLS_REASON_MAX_FRAGMENT,  /* max_fragment_length was negotiated */
	KTLS_REASON_PADDING,       /* the SSL pads its records */
	KTLS_REASON_NOT_PREPARED,  /* ktls_prepare() missed this SSL_CTX */
	KTLS_REASON_NO_SECRETS,    /* no traffic secret was seen */
	KTLS_REASON_TRANSPORT,     /* the SSL does not sit on a TCP socket */
	KTLS_REASON_ALREADY_ON,    /* keys are in the kernel already */
	KTLS_REASON_PARTIAL_RECORD,/* half a record (or message) was here */
	KTLS_REASON_PENDING_WRITE, /* the SSL still owes a write */
	KTLS_REASON_SEQUENCE,      /* the sequence number is not proven */
	KTLS_REASON_ATTACH,        /* TCP_ULP refused: see reason_errno */
	KTLS_REASON_INSTALL,       /* TLS_TX or TLS_RX refused: reason_errno */
	KTLS_REASON_UNPROVEN,      /* the kernel did not echo the keys */
	KTLS_REASON_NO_MEMORY,     /* memory ran out before the commit point */
	KTLS_REASON_ENVIRONMENT,   /* the operator asked for it: KTLS_PATH */
	KTLS_REASON_END            /* one past the last */
};

/* What the caller wants for one direction. */
enum ktls_choice {
	KTLS_AUTO = 0,    /* the safe and fast choice, see ktls_handoff() */
	KTLS_KERNEL = 1,  /* the kernel wherever it takes the suite */
	KTLS_USERSPACE = 2, /* the library's own record layer */
	KTLS_LIBRARY = 3  /* leave this direction with the SSL */
};

/* Where a direction in the kernel is encrypted. */
enum ktls_device {
	KTLS_DEVICE_UNKNOWN = 0, /* not in the kernel, or not readable */
	KTLS_DEVICE_SOFTWARE = 2,
	KTLS_DEVICE_NIC = 3
};

/*
 * The library's version, "MAJOR.MINOR.PATCH".
 * Always legal.  The string is constant.
 */
KTLS_API const char *ktls_version(void);

/*
 * The text of an error.
 * Always legal; takes the negative value as returned, or its absolute value.
 * The string is constant, for an errno the text of the C library or our own.
 */
KTLS_API const char *ktls_strerror(int err);

/* -------------------------------------------------------------------- keys */

/*
 * The keys of one direction.  Plain data, owned by the caller, secret: wipe
 * with ktls_keys_wipe().
 *   key  16 or 32 bytes, by the suite
 *   iv   TLS 1.3 and ChaCha20-Poly1305: the 12-byte write_iv
 *        TLS 1.2 AES-GCM: 4 bytes implicit salt, then the 8-byte explicit
 *        nonce of the next record (big-endian; the kernel counts on from it)
 *   seq  number of the next record
 */
struct ktls_keys {
	uint16_t version;
	uint16_t suite; /* IANA number, for instance 0x1301 */
	uint8_t key[32];
	uint8_t iv[12];
	uint64_t seq;
};

/*
 * The IANA name of a suite, for instance "TLS_AES_128_GCM_SHA256".
 * Always legal.  Returns a constant string, NULL for a suite that this
 * library does not know.
 */
KTLS_API const char *ktls_suite_name(uint16_t suite);

/*
 * Derive a direction's key and iv from its TLS 1.3 traffic secret.
 * Pure.  `secret` has the length of the suite's hash: 32 bytes for SHA-256,
 * 48 for SHA-384.  out->seq becomes 0.  The caller wipes *out.
 * Returns 0; -KTLS_ESUITE: not a TLS 1.3 suite of this library;
 * -EINVAL: wrong length; -KTLS_ECRYPTO; -EOPNOTSUPP: built without
 * cryptography.  After a failure *out is all zero.
 * RFC 8446 section 7.3.
 */
KTLS_API int ktls_keys_tls13(struct ktls_keys *out, uint16_t suite,
			     const uint8_t *secret, size_t secret_len);

/*
 * Replace a TLS 1.3 traffic secret by that of the next generation, in place.
 * Pure.  Lengths as in ktls_keys_tls13().
 * Returns 0; -KTLS_ESUITE; -EINVAL; -KTLS_ECRYPTO; -EOPNOTSUPP: built without
 * cryptography.  After a failure the secret is unchanged.
 * RFC 8446 section 7.2 ("traffic upd").
 */
KTLS_API int ktls_secret_next(uint16_t suite, uint8_t *secret,
			      size_t secret_len);

/*
 * Derive both directions' keys from a TLS 1.2 master secret.
 * Pure.  `client_write` are the keys the client sends with.  Both seq become
 * 1: the Finished messages were record 0.  The explicit nonce of AES-GCM is
 * set to that sequence number, as most stacks do; where yours counts from
 * elsewhere, overwrite iv[4..11] with its next value before any install.
 * The caller wipes both.
 * Returns 0; -KTLS_ESUITE: not a TLS 1.2 suite of this library;
 * -KTLS_ECRYPTO; -EOPNOTSUPP: built without cryptography.  After a failure
 * both are all zero.
 * RFC 5246 section 6.3, RFC 5288, RFC 7905.
 */
KTLS_API int ktls_keys_tls12(struct ktls_keys *client_write,
			     struct ktls_keys *server_write, uint16_t suite,
			     const uint8_t master[48],
			     const uint8_t client_random[32],
			     const uint8_t server_random[32]);

/* The largest crypto_info that ktls_crypto_info() builds, in bytes. */
#define KTLS_CRYPTO_INFO_MAX 56

/*
 * Build the kernel's crypto_info for setsockopt(SOL_TLS, TLS_TX or TLS_RX).
 * Pure; the same bytes serve both directions.  `out` is secret: the caller
 * wipes it.  KTLS_CRYPTO_INFO_MAX bytes are enough for every suite.
 * Returns the exact length that setsockopt() wants, 40 or 56;
 * -KTLS_EVERSION; -KTLS_ESUITE: unknown, or not of keys->version; -ENOBUFS:
 * out_len too small.  After a failure *out is unchanged.
 * Linux 4.13 (TLS 1.2 AES-128-GCM TX), 4.17 (RX), 5.1 (TLS 1.3,
 * AES-256-GCM), 5.11 (ChaCha20-Poly1305).
 */
KTLS_API int ktls_crypto_info(void *out, size_t out_len,
			      const struct ktls_keys *keys);

/*
 * Overwrite keys with zeros, in a way that the compiler keeps.
 * Always legal; NULL is allowed and does nothing.
 */
KTLS_API void ktls_keys_wipe(struct ktls_keys *keys);

/* ------------------------------------------------------------------ socket */

/*
 * Attach the "tls" upper layer protocol to a TCP socket.
 * Legal on a connected socket (ESTABLISHED; not after the peer's FIN).
 * Until keys are installed the socket behaves as plain TCP, but for
 * io_uring's SEND_ZC, listen() and connect(AF_UNSPEC).  There is no detach.
 * Returns 0, also when it was attached before; -ENOENT: this kernel has no
 * TLS, or may not load it for us; -ENOTCONN: not ESTABLISHED; -EOPNOTSUPP or
 * -ENOPROTOOPT: not TCP (AF_UNIX, MPTCP); -EBADF; -ENOTSOCK.
 * After a failure the socket is untouched.
 * Linux 4.13.
 */
KTLS_API int ktls_sock_attach(int fd);

/*
 * Give one direction's keys to the kernel, and prove that it took them.
 * Legal once after ktls_sock_attach(), per direction: install TX first (a
 * refused TX then leaves all as it was), and RX only when everything up to
 * a record boundary has been read and while no thread reads from fd.
 * `dir` is KTLS_TX or KTLS_RX.  *keys stays the caller's.
 * Refused without asking the kernel when this direction has keys already:
 * Linux 6.14 and later would take a second key for a TLS 1.3 rekey.
 * Returns 0: getsockopt() echoed version, cipher, key, iv and sequence
 * number.  -EBUSY: keys are there already; -ENOPROTOOPT: no ULP attached, or
 * a kernel that cannot show this direction's keys (TLS_RX before 5.11);
 * -EOPNOTSUPP: a kernel before 5.5 that lacks the cipher; -EINVAL: the kernel
 * does not take this version or suite, or the other direction has another one;
 * -ENOENT: its AEAD is missing; -KTLS_EVERSION;
 * -KTLS_ESUITE; -ENOMEM.  After these the direction is as it was.
 * -KTLS_EUNPROVEN: setsockopt() succeeded but the echo does not match (some
 * sandboxes accept any option): never send plaintext on this socket.
 * Linux 4.13, see ktls_crypto_info() for the suites.
 */
KTLS_API int ktls_sock_install(int fd, int dir, const struct ktls_keys *keys);

/*
 * Send one buffer as records of a given content type.
 * Legal at any time; the call first asks the kernel whether TX keys are
 * installed, because without them the type is ignored and the bytes would
 * leave in plaintext.  `flags` takes MSG_DONTWAIT and, for data only,
 * MSG_MORE; MSG_NOSIGNAL is implied.  More than 16,384 bytes become several
 * records of that type; a length of 0 sends no record, but closes one that
 * MSG_MORE left open.
 * Returns the bytes taken, possibly fewer than len; -KTLS_EUNPROVEN: no TX
 * keys, nothing was sent; -EINVAL: MSG_MORE with another type than data, a
 * type that is not 20 to 23, or another flag; -EAGAIN; -EINTR; -EPIPE;
 * -ECONNRESET; -EBADMSG, -EMSGSIZE and -EPROTO: the RX side failed before,
 * see ktls_sock_recv().
 * Mind that Linux reports success for bytes sent on a connection whose
 * reset has been consumed already: after the first fatal error of either
 * direction, send no more.
 * Linux 4.13.
 */
KTLS_API ssize_t ktls_sock_send(int fd, uint8_t type, const void *buf,
				size_t len, int flags);

/*
 * Receive records with their content type.
 * Legal with RX keys installed and len > 0.  *type is the content type; data
 * records are joined as far as len goes, any other type is never joined with
 * data.  `flags` may be NULL; in: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL;
 * out: MSG_EOR when a record ended here.  Without MSG_EOR the rest of a
 * control record comes with the next call.
 * Returns the bytes stored; 0 with *type set: an empty record, not the end;
 * 0 with *type 0: the peer's FIN, which proves nothing (only a close_notify
 * alert ends a TLS stream); -EINVAL: len is 0;
 * -KTLS_ECMSG: bytes came without a type (no RX keys here), and are lost;
 * -EAGAIN; -EINTR; -EKEYEXPIRED: a KeyUpdate was read and new keys are due
 * (Linux 6.14); -EBADMSG: a record failed authentication; -EMSGSIZE: too
 * long; -EPROTO: its header is not TLS 1.2's; -ECONNRESET and other errors
 * of recvmsg(2).  The kernel reports -EMSGSIZE and -EPROTO once only: treat
 * both, and -EBADMSG, as final.
 * Linux 4.17.
 */
KTLS_API ssize_t ktls_sock_recv(int fd, uint8_t *type, void *buf, size_t len,
				int *flags);

/* Bytes of control buffer that one record type needs: CMSG_SPACE(1). */
#define KTLS_CMSG_SPACE 24

/*
 * Put a record type into a message for your own sendmsg(), or io_uring's.
 * Pure.  `control` has KTLS_CMSG_SPACE bytes, is aligned for struct cmsghdr
 * and must live as long as *msg is used; msg_control and msg_controllen of
 * *msg are set to it.  Only send it on a socket with proven TX keys.
 */
KTLS_API void ktls_cmsg_set(struct msghdr *msg, void *control, uint8_t type);

/*
 * The record type of a message that your own recvmsg() filled.
 * Pure.  Returns 20 to 23 or whatever the kernel said; 0: there is none,
 * which is the end of the stream when the message is empty too;
 * -KTLS_ECMSG: the control buffer was too small (MSG_CTRUNC).
 */
KTLS_API int ktls_cmsg_get(const struct msghdr *msg);

/* Bits of the suite masks in struct ktls_features. */
enum {
	KTLS_CIPHER_AES_128_GCM = 1,
	KTLS_CIPHER_AES_256_GCM = 2,
	KTLS_CIPHER_CHACHA20_POLY1305 = 4
};

/* What this kernel does; each found by trying it. */
struct ktls_features {
	size_t size;
	int ulp;             /* 0, or why TCP_ULP "tls" fails: -ENOENT, ... */
	unsigned tx_1_2;     /* masks of KTLS_CIPHER_* */
	unsigned rx_1_2;
	unsigned tx_1_3;
	unsigned rx_1_3;
	int rekey;           /* 1: TLS 1.3 keys can be replaced (6.14) */
	int zerocopy_ro;     /* 1: TLS_TX_ZEROCOPY_RO exists (5.19) */
	int expect_no_pad;   /* 1: TLS_RX_EXPECT_NO_PAD exists (6.0) */
	int max_payload;     /* 1: TLS_TX_MAX_PAYLOAD_LEN exists (6.19) */
};

/*
 * Find out what the running kernel's TLS does, by trying it.
 * Always legal, from any thread.  out->size must be set.  The first call
 * costs some milliseconds, or up to a second where the kernel loads modules
 * (loading needs CAP_NET_ADMIN; nothing is ever loaded by us); the answers,
 * negative ones too, are kept for the life of the process.
 * It opens and closes a pair of TCP sockets on the loopback interface.
 * Returns 0, also when the kernel has no TLS (then out->ulp says why and
 * all else is 0); -EINVAL: size not set; -EMFILE, -ENFILE, -ENOMEM,
 * -EADDRNOTAVAIL, -ENETUNREACH and the like: no loopback pair could be made,
 * nothing was learnt and nothing is kept.
 */
KTLS_API int ktls_probe(struct ktls_features *out);

/* -------------------------------------------------------------- connection */

/* Flags of ktls_prepare(). */
enum {
	/* Attach the ULP at hand-off, not at the first handshake message.  A
	 * peer that half-closes right after its request then keeps the
	 * connection out of the kernel. */
	KTLS_ATTACH_LATE = 1
};

/*
 * Make an SSL_CTX ready for hand-offs: install the hooks that see the
 * traffic secrets and count the records.
 * Legal before the first SSL_new() on ctx; again is harmless.  Call it for
 * every context that a servername callback may switch to.
 * What it changes on ctx: the keylog callback (one set before is called
 * first, as before); the message callback (give yours to
 * ktls_set_msg_callback()); SSL_OP_ENABLE_KTLS is cleared and read-ahead set
 * to 0; an ex_data slot is taken.  Do not set the two callbacks afterwards:
 * hand-offs are then refused, or keep the library path.
 * Each SSL made from it carries about 300 bytes more, wiped when it is freed.
 * Returns 0; -EINVAL: NULL or unknown flags; -ENOMEM; -KTLS_ESSL: the TLS
 * library in this process is not the one that libktls was built for (OpenSSL
 * and BoringSSL have the same names); -EOPNOTSUPP: built without a TLS
 * library.  After a failure ctx is as it was.
 */
KTLS_API int ktls_prepare(struct ssl_ctx_st *ctx, unsigned flags);

/*
 * Set the application's own message callback on a prepared SSL_CTX.
 * Legal after ktls_prepare(), before SSL_new().  It is called after ours with
 * the arguments that OpenSSL's SSL_CTX_set_msg_callback() documents; cb NULL
 * removes it.
 * Returns 0; -EINVAL: ctx is not prepared; -EOPNOTSUPP: built without a TLS
 * library.
 */
KTLS_API int ktls_set_msg_callback(
	struct ssl_ctx_st *ctx,
	void (*cb)(int write_p, int version, int content_type,
		   const void *buf, size_t len, struct ssl_st *ssl, void *arg),
	void *arg);

/* Flags of struct ktls_opts. */
enum {
	/* Keep the SSL alive as long as the connection, also when both
	 * directions leave it: it then gets what comes after the handshake
	 * (session tickets, requests for a client certificate). */
	KTLS_KEEP_SSL = 1,
	/* Never answer -EAGAIN or -KTLS_EPENDING at hand-off, and wait for no
	 * input: take the library path instead, with the reason named. */
	KTLS_NO_WAIT = 2,
	/* Where the peer asks for new keys of ours and TX, in a kernel that
	 * cannot change them, has no answer: go on without one.  RFC 8446
	 * section 4.6.3 forbids that; OpenSSL as a peer bears it.  Otherwise
	 * the connection ends with -KTLS_EKEYUPDATE. */
	KTLS_LEAVE_UNANSWERED = 4,
	/* Where TX cannot change a key that has reached its limit (TLS 1.2, a
	 * kernel without rekey): go on and count.  Otherwise writing ends
	 * with -KTLS_EKEYLIMIT. */
	KTLS_EXCEED_KEY_LIMIT = 8,
	/* Tell the kernel to expect no padding from the peer
	 * (TLS_RX_EXPECT_NO_PAD, TLS 1.3, Linux 6.0), which spares it a copy
	 * of what it decrypts.  Each padded or control record is decrypted
	 * twice then: where the kernel counts such (TlsRxNoPadViolation in
	 * /proc/net/tls_stat, looked at now and then) it is taken back. */
	KTLS_EXPECT_NO_PAD = 16,
	/* The caller's own reference on the SSL passes to *out: after success
	 * the application does not free it, and asks it for nothing more.
	 * With BoringSSL, which has no references on an SSL, it is needed. */
	KTLS_TAKE_SSL = 32
};

/* What happened on a connection, aside from its data. */
enum ktls_event_type {
	KTLS_EVENT_KEY_UPDATE_SENT = 1, /* value 1: an update was requested */
	KTLS_EVENT_KEY_UPDATE_RECEIVED, /* value 1: it asks for one of ours */
	KTLS_EVENT_TICKET,              /* data: the whole NewSessionTicket,
					 * its 4 bytes of header included,
					 * NULL where RX is on the SSL;
					 * value 1: the SSL has got it */
	KTLS_EVENT_HANDSHAKE,           /* another handshake message for the
					 * SSL; value: its type */
	KTLS_EVENT_ALERT_SENT,          /* value: its number */
	KTLS_EVENT_ALERT_RECEIVED,      /* value: its number */
	KTLS_EVENT_KEY_LIMIT,           /* TX has reached the limit; value 0:
					 * the key is changed, else the error
					 * of refused writes, or 1: exceeded */
	KTLS_EVENT_ERROR                /* a direction failed; value: how */
};

struct ktls_event {
	size_t size;
	enum ktls_event_type type;
	int dir;                 /* KTLS_TX or KTLS_RX */
	int value;
	const uint8_t *data;     /* KTLS_EVENT_TICKET, else NULL */
	size_t len;
};

/* The defaults of the limits in struct ktls_opts. */
#define KTLS_KEY_RECORDS ((uint64_t)1 << 24)
#define KTLS_CONTROL_RUN 32

struct ktls_opts {
	size_t size;
	int fd;              /* -1: the SSL's own; memory BIOs: give it */
	enum ktls_choice tx;
	enum ktls_choice rx;
	unsigned flags;
	/*
	 * Records that one AES-GCM key seals, 0: KTLS_KEY_RECORDS; at least
	 * 2.  RFC 8446 section 5.5 allows 2^24.5.  Before the next one the
	 * key is changed.  ChaCha20-Poly1305 has a limit only if one is set.
	 */
	uint64_t key_records;
	/*
	 * How many KeyUpdates, session tickets, warning alerts (and requests
	 * to renegotiate), empty records the peer may send in a row, that is
	 * without application data between, 0: KTLS_CONTROL_RUN each.  One
	 * more, and the connection ends with -KTLS_EFLOOD.  As many
	 * KeyUpdates more are let pass as KTLS_UPDATE_REQUESTED asked for.
	 * Where RX is on the SSL, OpenSSL's own limits hold as well: 5
	 * warnings, 32 empty records.  An empty record alone in a receive is
	 * dropped by Linux, uncounted.
	 */
	uint32_t key_update_run;
	uint32_t ticket_run;
	uint32_t warning_run;
	uint32_t empty_run;
	/*
	 * Called for each event, by the thread that reads or writes.  `ev`
	 * and its data are valid during the call.  It may ask ktls_info(),
	 * and may not read, write or free.
	 */
	void (*event)(struct ktls *k, const struct ktls_event *ev, void *arg);
	void *event_arg;
};

#define KTLS_OPTS_INIT \
	{ sizeof(struct ktls_opts), -1, KTLS_AUTO, KTLS_AUTO, 0, \
	  0, 0, 0, 0, 0, NULL, NULL }

/*
 * Take a connection over from an SSL whose handshake is done, and move it
 * into the kernel as far as it will go.
 *
 * Legal when SSL_do_handshake() (SSL_accept, SSL_connect) has returned 1, at
 * any later point too, with no other thread using ssl or its socket.  `opts`
 * may be NULL for the defaults.
 * What cannot go into the kernel is served by the library's own record
 * layer, and what cannot leave the SSL stays there, all behind the same
 * calls; ktls_info() names the path and the reason of each direction.
 * KTLS_AUTO puts TX into the kernel wherever the kernel takes the suite, and
 * RX too, except for TLS 1.3 on a kernel that cannot change keys: there a
 * peer's KeyUpdate would end a connection that userspace carries on (unless
 * it asks for an answer, which TX in such a kernel cannot give, see
 * KTLS_LEAVE_UNANSWERED).
 * The environment outweighs tx and rx: KTLS_PATH is "auto", "kernel",
 * "userspace" or "library" for both, or "tx=" or "rx=" before one of them,
 * two joined by a comma ("tx=kernel,rx=userspace").  Programs that run with
 * another user's rights ignore it (secure_getenv(3)); any other text is
 * -EINVAL.
 *
 * Ownership: *out takes its own reference on ssl while it needs it, so the
 * caller may SSL_free(ssl) right after success, whatever the path, or gives
 * its own away with KTLS_TAKE_SSL (BoringSSL: it has to); its session stays
 * resumable.  From success on the application neither reads nor writes
 * through ssl.  Ask it for ALPN, certificates, session or exporters before
 * freeing, or giving it away.  The descriptor stays the caller's and must
 * outlive *out; only where the SSL's BIO was made with BIO_CLOSE, the BIO
 * is kept by *out, and ktls_free() closes the descriptor with it.
 * The SSL loses SSL_OP_IGNORE_UNEXPECTED_EOF and quiet shutdown, and gets
 * SSL_OP_NO_RENEGOTIATION and modes for partial writes.
 * The descriptor's SO_ERROR is the library's: a getsockopt(SO_ERROR) by the
 * application can hide an error from the calls below; use ktls_error().
 *
 * Data that the SSL has already received is kept, and comes out of
 * ktls_read() before anything from the socket: call ktls_read() until
 * -EAGAIN before you poll (ktls_pending() tells as well).
 *
 * An SSL on memory BIOs: give opts->fd, send what you have taken out of the
 * SSL's write BIO before, and put what you have received into its read BIO;
 * bytes still inside either BIO are taken care of.
 * An SSL on any other BIO (a chain, a pair, your own) keeps it, and both
 * directions the library path.  There one thread at a time may use *out, and
 * a write that got -EAGAIN has to be repeated, as with SSL_write(): a shorter
 * one is answered with -KTLS_ERETRY.
 *
 * Returns 0.  -EAGAIN (non-blocking socket, without KTLS_NO_WAIT): half a
 * record is inside the SSL, or its last flight is not sent; SSL_want() tells
 * which poll event to wait for (with memory BIOs: POLLOUT while the write BIO
 * holds bytes, else POLLIN), then call again (BoringSSL: before any other
 * SSL_write()).  -EINTR: call again.
 * -KTLS_EPENDING: an SSL_write() is unfinished; finish it, then call again
 * (where neither direction can leave the SSL, or with KTLS_NO_WAIT, the
 * hand-off succeeds all the same, and the first ktls_write() has to repeat all
 * of its bytes: fewer are -KTLS_ESSL and the end of writing; until then
 * whatever else would write is -KTLS_EPENDING, and has done nothing; a
 * KeyUpdate, a ticket, or an SSL_write() of length 0 is ended here.  Without
 * ktls_prepare(), where an SSL_read() came after the SSL_write(), the SSL may
 * not tell: BoringSSL of a write of several records, OpenSSL with half a
 * record inside.  The first of those others is -KTLS_ESSL then, and the end
 * of writing, unless the write has been repeated before it).
 * -KTLS_ENOTREADY: handshake not finished (BoringSSL with early data: nor is
 * it while SSL_in_early_data()); -KTLS_ECLOSED: shutdown has begun;
 * -EINVAL: NULL, size not set, unknown flags or choices, BoringSSL without
 * KTLS_TAKE_SSL; -EOPNOTSUPP: built without a TLS library; -ENOMEM; -EBUSY:
 * memory BIOs, and keys of somebody else in the socket; -KTLS_EALERT,
 * -KTLS_ETRUNCATED, -KTLS_EBADRECORD, -ECONNRESET, -EPIPE and the like: the
 * connection failed while the SSL was flushed and drained.
 * After -EAGAIN, -EINTR, -KTLS_EPENDING, -KTLS_ENOTREADY, -EINVAL, -EBUSY and
 * -ENOMEM, *out is NULL, nothing is lost and ssl works as before.  Where data
 * has been drained already there is no way back, and what would have been
 * one of these becomes a reason for the library path.
 * The calling thread's OpenSSL error queue is cleared.
 * RFC 8446, RFC 5246; Linux 4.13 and later, else the library path.
 */
KTLS_API int ktls_handoff(struct ktls **out, struct ssl_st *ssl,
			  const struct ktls_opts *opts);

/*
 * What protects one direction after a handshake: a traffic secret, or key
 * and iv.  Plain data, nothing is owned; the bytes are secret, and copied.
 */
struct ktls_protection {
	uint64_t seq;            /* number of the next record */
	/*
	 * TLS 1.3: the present traffic secret, 32 or 48 bytes by the suite's
	 * hash.  NULL: there is none, key and iv count, and these keys cannot
	 * be changed: a KeyUpdate is -KTLS_EKEYUPDATE.
	 */
	const uint8_t *secret;
	size_t secret_len;
	const uint8_t *key;      /* 16 or 32 bytes; unused with a secret */
	size_t key_len;
	/*
	 * 12 bytes: the write_iv (TLS 1.3, ChaCha20-Poly1305).  TLS 1.2
	 * AES-GCM: the 4 bytes of the salt, where the stack's explicit nonce
	 * is the sequence number, or 12: salt, and the explicit nonce of the
	 * next record.  Unused with a secret.
	 */
	const uint8_t *iv;
	size_t iv_len;
};

/*
 * A finished handshake of any TLS stack.  Set size and what applies, all else
 * zero.  TLS 1.2 with a master secret: ktls_keys_tls12() gives key and iv.
 * There is no member for a limit of the peer's: see ktls_open().
 */
struct ktls_session {
	size_t size;
	uint16_t version;        /* KTLS_TLS_1_2 or KTLS_TLS_1_3 */
	uint16_t suite;          /* IANA number */
	int server;              /* 1: we are the server */
	struct ktls_protection tx;
	struct ktls_protection rx;
	/* What the stack has decrypted and the application not read: it comes
	 * out of ktls_read() first. */
	const void *plaintext;
	size_t plaintext_len;
	/* What was received and not decrypted, from the beginning of record
	 * rx.seq on; it may end anywhere in a record. */
	const void *ciphertext;
	size_t ciphertext_len;
};

/*
 * Take a connection over from any TLS stack, by the keys of its finished
 * handshake.  All calls on *out are those of ktls_handoff(); what needs an
 * SSL is not there: no library path, tickets are told (KTLS_EVENT_TICKET) and
 * skipped, a request for a client certificate ends with -KTLS_EHANDSHAKE.
 *
 * Legal when the handshake is finished, nothing that the stack has sealed is
 * unsent, and no more than the two leftovers has been taken off the socket.
 * Nothing proves the sequence numbers here: one of tx that is too low would
 * repeat a nonce.  Stacks that send tickets after the handshake count them.
 * Records of up to 16,384 bytes of plaintext are sent, in the kernel and in
 * userspace: not legal where less was agreed on in the handshake, by
 * max_fragment_length (RFC 6066) or the peer's record_size_limit (RFC 8449,
 * which in TLS 1.3 counts one byte more).  Such a peer would end the
 * connection; ask the stack, and leave it there.
 * `fd` is a connected TCP (or MPTCP) socket.  `opts` may be NULL; opts->fd is
 * unused, KTLS_LIBRARY and the flags KTLS_KEEP_SSL and KTLS_TAKE_SSL are
 * -EINVAL.
 * KTLS_AUTO is as in ktls_handoff(), but RX without a secret goes to the
 * kernel wherever it takes the suite.  KTLS_PATH holds here as well, "library"
 * as "userspace".
 * RX stays in userspace (KTLS_REASON_PARTIAL_RECORD) where the ciphertext
 * ends inside a record whose rest has not come, or inside a message, or where
 * RX is over with it.
 * What the ciphertext holds besides data is dealt with as in ktls_read(),
 * before this call returns: events are told, with *out set already.  A call
 * that fails tells none.
 *
 * Ownership: *session, its bytes and `fd` stay the caller's; it wipes its
 * secrets.  The descriptor must outlive *out, and is never closed.
 *
 * Returns 0.  -EINVAL: NULL, size not set, unknown flags or choices, a length
 * that the suite does not have; -KTLS_EVERSION; -KTLS_ESUITE: unknown, or not
 * of this version; -EOVERFLOW: a sequence number that has no next;
 * -KTLS_EBADRECORD, -KTLS_EOVERSIZE, -KTLS_EPROTOCOL: the ciphertext does not
 * open; -EBADF; -ENOTSOCK; -EOPNOTSUPP: not TCP, or built without cryptography
 * and it would be needed (a secret, ciphertext, KTLS_USERSPACE); -ENOTCONN:
 * listening, or not connected; -EBUSY: the socket has TLS keys; -KTLS_ECRYPTO;
 * -ENOMEM; -KTLS_EUNPROVEN: the socket lies about what it did, send no
 * plaintext on it (of RX, with ciphertext, later calls say so).  Built without
 * cryptography also what ktls_sock_attach() and ktls_sock_install() return.
 * After a failure *out is NULL, and nothing was read from or sent to the
 * socket (it may have got the ULP); after -KTLS_EUNPROVEN keys can be in it
 * and, built without cryptography, after a refusal of RX those of TX.
 * RFC 8446, RFC 5246; Linux 4.13 and later, else userspace.
 */
KTLS_API int ktls_open(struct ktls **out, int fd,
		       const struct ktls_session *session,
		       const struct ktls_opts *opts);

/*
 * Free the object.
 * Always legal, on NULL too.  Sends nothing: call ktls_shutdown() before for
 * a proper end.  Secrets and undelivered data are wiped, the reference on
 * the SSL is dropped, the descriptor stays open (see ktls_handoff()).
 */
KTLS_API void ktls_free(struct ktls *k);

/*
 * Read application data.
 * Legal until it returned 0 or a final error.  len is at least 1.
 * Returns the bytes stored, joined from several records as they come; 0: the
 * peer's close_notify, the only end of a TLS stream; it repeats.
 * -EAGAIN: wait for ktls_events(), or SO_RCVTIMEO ran out; -EINTR;
 * -EINVAL: len is 0.
 * Final, and repeated by every later call: -KTLS_ETRUNCATED: FIN without
 * close_notify; -KTLS_EALERT: fatal alert, its number in ktls_info();
 * -KTLS_EBADRECORD; -KTLS_EOVERSIZE; -KTLS_EPROTOCOL; -KTLS_EKEYUPDATE:
 * this kernel cannot follow, or cannot answer, or the keys came without a
 * secret (ktls_open()); -KTLS_EHANDSHAKE: a request
 * for a client certificate without an SSL that is kept, or one that the SSL
 * refused; -KTLS_EFLOOD; -KTLS_ECMSG; -KTLS_ECRYPTO; -ECONNRESET and other
 * errors of the socket.  All of these but -KTLS_ETRUNCATED end writing too;
 * where TLS asks for a fatal alert it has been sent (for its delivery see
 * ktls_linger()).
 * -ENOMEM: there was none to follow a KeyUpdate; not final, call again.
 * What the peer sends besides data is dealt with here: KeyUpdates are
 * followed, and answered by the next write; session tickets and other
 * messages of TLS 1.3 go to the SSL if it was kept (KTLS_KEEP_SSL), else
 * tickets are skipped; renegotiation (TLS 1.2) is refused by a
 * no_renegotiation warning, but where RX is on an SSL of BoringSSL: its server
 * ends with -KTLS_EPROTOCOL, its client sends nothing and goes on; empty
 * records are skipped.  What the SSL has to answer is sent at once as far as
 * the socket takes it; ktls_events() then says POLLOUT for the rest, and any
 * later call sends it.  Callbacks of the SSL run inside this call, and may not
 * use *k.
 * poll(2) does not know of everything: after a call that filled its buffer
 * there may be more without an event, see ktls_pending().
 * The bytes behind the returned count may be overwritten.
 * RFC 8446 sections 4.6 and 6; Linux 4.17, with rekey 6.14.
 */
KTLS_API ssize_t ktls_read(struct ktls *k, void *buf, size_t len);

/*
 * As ktls_read(), into several buffers.
 * iovcnt is 1 to 1024, the total length at least 1, else -EINVAL.
 */
KTLS_API ssize_t ktls_readv(struct ktls *k, const struct iovec *iov,
			    int iovcnt);

/* Flags of ktls_write(), ktls_writev() and ktls_sendfile(). */
enum {
	/*
	 * More is written at once: what is short of a full record, or of a
	 * full segment of TCP, may wait for it, so that many small calls cost
	 * less.  Only a hint, and the bytes count as taken; any call without
	 * it sends what waits, ktls_write() of length 0 too, and so do
	 * ktls_alert(), ktls_update_keys(), ktls_shutdown() and ktls_linger().
	 * Without one of them TCP sends after 200 ms, but a record that the
	 * kernel keeps open waits for ever, and is lost with ktls_free().  A
	 * short count or -EAGAIN sends it too, as far as the socket takes it.
	 */
	KTLS_MORE = 1
};

/*
 * Write application data.
 * Legal until ktls_shutdown(), a sent fatal alert or a final error.  `flags`
 * is 0 or KTLS_MORE.  len 0 returns 0 and sends no record.
 * Returns the bytes taken, possibly fewer than len on a non-blocking socket:
 * these are committed.  Go on with the bytes behind them; the path that
 * encrypts in userspace may have sealed the first of those already, and
 * answers another one with -KTLS_ERETRY (nothing is sent then).
 * -EAGAIN: nothing taken, wait for ktls_events(), or SO_SNDTIMEO ran out;
 * -EINTR; -EINVAL: unknown flags.
 * Final, and repeated by every later call: -EPIPE; -ECONNRESET and other
 * errors of the socket; -KTLS_ECLOSED: after ktls_shutdown() or a fatal alert
 * of ours; -KTLS_ECRYPTO; what reading failed with.
 * -KTLS_EKEYLIMIT: the key has sealed its records, or all that there are
 * numbers for, and cannot be changed here; ktls_alert() and ktls_shutdown()
 * still work.  -ENOMEM: there was none to change the key; nothing is lost,
 * call again.
 * Keys change on the way where the peer asked for it or the limit is reached
 * (see struct ktls_opts), also in the middle of a long call.
 * No signal is raised.
 * Linux 4.13, with rekey 6.14.
 */
KTLS_API ssize_t ktls_write(struct ktls *k, const void *buf, size_t len,
			    int flags);

/*
 * As ktls_write(), from several buffers.
 * iovcnt is 0 to 1024, else -EINVAL.
 */
KTLS_API ssize_t ktls_writev(struct ktls *k, const struct iovec *iov,
			     int iovcnt, int flags);

/*
 * Send part of a file, with the contract of sendfile(2) on every path.
 * Legal as ktls_write().  `in_fd` is a regular file open for reading.  With
 * `offset` given, reading starts at *offset, *offset becomes the position
 * behind the last byte taken, and the descriptor's own position is not
 * touched; with NULL the descriptor's position is used and advanced.
 * Never reads beyond the end of the file; at most 0x7ffff000 bytes a call.
 * Returns the bytes taken, possibly fewer than count; 0: count is 0, or the
 * file ends at or before the offset; -KTLS_ENOTFILE: not a regular file;
 * -EINVAL: negative offset; -EBADF; -EIO: the file could not be read;
 * -KTLS_EPENDING: see ktls_handoff(); otherwise as ktls_write().  After an
 * error *offset tells what was taken before: bytes or error, never both.
 * What was taken is on its way when the call returns, unless `flags` has
 * KTLS_MORE: no record is held back for more data.
 * Linux 4.13; zero-copy up to the encryption in the kernel.
 */
KTLS_API ssize_t ktls_sendfile(struct ktls *k, int in_fd, off_t *offset,
			       size_t count, int flags);

/*
 * Send an alert.
 * Legal as ktls_write().  `description` is the alert's number (RFC 8446
 * section 6); its level follows from it: warning for close_notify(0), which
 * is ktls_shutdown(), user_canceled(90) and no_renegotiation(100), fatal for
 * all others.  After a fatal one, and after close_notify, writing is over.
 * The alerts that answer a fault in what was received are sent by the call
 * that found it, not here.
 * Returns 0: sent, or sealed, and what the socket did not take goes out with
 * any later call (ktls_events() says POLLOUT until then);
 * -EAGAIN: nothing sent, call again; -EOPNOTSUPP: the SSL that
 * serves this direction has no way to send it (library path, suites that
 * are not AEAD); -KTLS_EPENDING: see ktls_handoff(); -KTLS_ECLOSED; otherwise
 * as ktls_write().
 */
KTLS_API int ktls_alert(struct ktls *k, uint8_t description);

/*
 * End our side of the stream: send what is queued, then close_notify.
 * Legal once as ktls_write(), and again after -EAGAIN; after success it
 * repeats its 0.  Reading may go on until the peer's close_notify.  The
 * descriptor is not shut down or closed.  After a short write the peer may
 * get one byte more than was reported as taken, see ktls_write().
 * Returns 0: close_notify was sent, and all that was accepted before has left
 * the TLS queue of the kernel for TCP's, so that close(2) loses none of it;
 * -EAGAIN: not yet, wait for ktls_events() and call again; -EINTR: call again;
 * -KTLS_EPENDING: see ktls_handoff(); -EPIPE, -ECONNRESET and other errors of
 * the socket: the connection died, bytes accepted before may be lost.
 * RFC 8446 section 6.1.
 */
KTLS_API int ktls_shutdown(struct ktls *k);

/* Flags of ktls_update_keys(). */
enum {
	/* Ask the peer to change its keys too. */
	KTLS_UPDATE_REQUESTED = 1
};

/*
 * Change our sending keys: send a KeyUpdate, and go on under the next ones.
 * Legal as ktls_write(), with TLS 1.3.  After -EAGAIN call again; a write in
 * between goes on with it too.
 * Returns 0: the new keys are in force; -EAGAIN: not yet, wait for
 * ktls_events(); -EINTR, -ENOMEM: call again; -EINVAL: unknown flags;
 * -EOPNOTSUPP: TLS 1.2; -KTLS_EKEYUPDATE: TX is in a kernel that cannot
 * change keys (ktls_probe() tells before), or its key came without a secret
 * (ktls_open()), nothing was sent; -KTLS_EPENDING: see ktls_handoff();
 * otherwise as ktls_write().
 * RFC 8446 section 4.6.3; Linux 6.14, or the userspace and library paths.
 */
KTLS_API int ktls_update_keys(struct ktls *k, unsigned flags);

/*
 * Send what the SSL has to say after the handshake.
 * Legal as ktls_write() while the SSL is kept (KTLS_KEEP_SSL or a library
 * path), with TLS 1.3, after the application has called
 * SSL_new_session_ticket() or SSL_verify_client_post_handshake() on it.  The
 * peer's answer goes to the SSL in ktls_read().  Do not touch the SSL while
 * another thread reads or writes.
 * Returns 0: all of it is sent; -EAGAIN: not yet, wait for ktls_events() and
 * call again, or write; -EOPNOTSUPP: TLS 1.2, or the SSL is gone;
 * -KTLS_EPENDING: see ktls_handoff();
 * -KTLS_ESSL: the SSL failed, the connection goes on without its message;
 * otherwise as ktls_write().
 * RFC 8446 section 4.6.
 */
KTLS_API int ktls_post_handshake(struct ktls *k);

/*
 * End a connection whose side closes first, without losing what was sent:
 * sends close_notify (not after a fatal alert of ours, or where writing has
 * failed), shuts the socket down for writing, and discards what still comes,
 * until the peer has closed.  close(2) with unread data would reset the
 * connection, and the peer could lose our last bytes or our alert.
 * Legal always, and again after -EAGAIN, with the same arguments: the
 * deadline of timeout_ms milliseconds starts with the first call, and
 * max_bytes bounds the bytes that are discarded, by the socket's count (the
 * peer's own close_notify is some of them).  No other call but ktls_info(),
 * ktls_events() and ktls_free() after it.
 * Never fails because of what arrives.
 * Returns 0: the peer has closed its side and all of ours is on its way, or
 * the connection is dead: close the descriptor; -EAGAIN: wait for
 * ktls_events(), which may be no event but POLLHUP, and no longer than
 * ktls_linger_timeout(), and call again; -EINTR: call again; -ETIMEDOUT,
 * -ENOBUFS: time or bytes have run out, close the descriptor;
 * -KTLS_EPENDING: as 0, but a write that had to be repeated was not (see
 * ktls_handoff()): ours ended in a record of it, without close_notify.  On a
 * blocking descriptor it waits itself, up to the deadline, and changes
 * SO_SNDTIMEO.
 * RFC 8446 section 6.1.
 */
KTLS_API int ktls_linger(struct ktls *k, size_t max_bytes,
			 unsigned timeout_ms);

/*
 * How long poll(2) may wait before ktls_linger() wants to be called again.
 * Always legal.  Returns milliseconds, 0: the deadline is over; -1: there is
 * no deadline.
 */
KTLS_API int ktls_linger_timeout(const struct ktls *k);

/*
 * Move application data from the connection into a pipe.
 * Legal as ktls_read().  `pipe_fd` is the write end, of any size.  In the
 * kernel the bytes are spliced where the pipe is empty and of at least 64
 * KiB, a record a call, and otherwise, as on the other paths, copied; bytes
 * that a pipe does not take are kept and come first in the next call or
 * ktls_read().  Connection and pipe each block as their descriptors do, the
 * pipe only while it takes nothing at all.
 * Returns the bytes moved, at most len; 0: close_notify; -EAGAIN: no data,
 * wait for ktls_events(), or the pipe is full (ktls_pending() > 0 tells, wait
 * for POLLOUT on it); -EINVAL: len is 0; -KTLS_ENOTPIPE: not a pipe; -EBADF;
 * -EPIPE: the pipe has no reader, -ENOMEM: in both cases nothing is lost;
 * otherwise as ktls_read().
 * No signal is raised.
 * Linux 4.17.
 */
KTLS_API ssize_t ktls_splice_read(struct ktls *k, int pipe_fd, size_t len);

/*
 * Move data from a pipe into the connection.
 * Legal as ktls_write().  `pipe_fd` is the read end.  The call blocks, or
 * not, as the two descriptors do; for the pipe only while nothing was sent.
 * Returns the bytes sent; 0: len is 0, or the pipe has no writer and is
 * empty; -EAGAIN: the pipe is empty, or the socket has no room (ktls_events()
 * tells POLLOUT); -KTLS_ENOTPIPE: not a pipe; -EBADF; -ENOMEM: nothing is
 * lost, call again; -KTLS_EPENDING: see ktls_handoff(), nothing has left the
 * pipe; otherwise as ktls_write().
 * On the kernel path bytes leave the pipe as they are sent.  On the others
 * up to 64 KiB may have left it that were not: they are kept, and sent and
 * counted first by the next calls, for which the pipe may be empty by then.
 * Until then other writes of data answer -KTLS_ERETRY, and so does this one
 * in the middle of what ktls_write() or ktls_sendfile() was told to go on
 * with; ktls_shutdown() drops what is kept.
 * What was counted is on its way when the call returns.
 * Linux 4.13.
 */
KTLS_API ssize_t ktls_splice_write(struct ktls *k, int pipe_fd, size_t len);

/*
 * Which poll(2) events will help after -EAGAIN.
 * Always legal.  Returns a mask of POLLIN and POLLOUT: POLLIN as long as
 * reading can go on, POLLOUT while the last write, sendfile, alert or
 * shutdown waits for room.
 */
KTLS_API int ktls_events(const struct ktls *k);

/*
 * Bytes that are inside the library, for ktls_read() without the socket.
 * Always legal from the reading thread.  poll(2) knows nothing of them.  On
 * the userspace path it counts whole records that are not opened yet by their
 * length on the wire: not 0 means that ktls_read() will not wait, though it
 * may find only control records there.
 */
KTLS_API size_t ktls_pending(const struct ktls *k);

/*
 * Ask the connection whether it has died: for POLLERR and POLLHUP, in place
 * of getsockopt(SO_ERROR).
 * Legal where nobody else reads or writes meanwhile.  An error that is found
 * ends writing at once, so that no later write reports success for bytes
 * that go nowhere; ktls_read() gives what was received before it first.
 * Returns 0: alive as far as is known; else the error that later calls give.
 */
KTLS_API int ktls_error(struct ktls *k);

/* One direction, as ktls_info() tells it. */
struct ktls_direction {
	enum ktls_path path;
	enum ktls_reason reason; /* why not the kernel */
	int reason_errno;        /* the kernel's errno behind it, or 0 */
	enum ktls_device device;
	int error;               /* final error of this direction, or 0 */
	uint64_t bytes;          /* application data since the hand-off */
	uint64_t records;        /* records since the hand-off; library: 0 */
	uint64_t key_records;    /* of them under the present key */
	const char *provider;    /* whose AEAD it is: "kernel", "libcrypto",
				  * "ipsec-mb", or "SSL"; constant */
	int expect_no_pad;       /* RX: 1: in force, see KTLS_EXPECT_NO_PAD */
	int reserved_int;
	uint64_t reserved[1];
};

struct ktls_conn_info {
	size_t size;
	uint16_t version;
	uint16_t suite;          /* IANA number, also of suites unknown here */
	int server;              /* 1: we are the server */
	int ssl_held;            /* 1: the SSL is still needed, and kept */
	int alert_received;      /* number of the last alert, -1: none */
	int alert_sent;
	struct ktls_direction tx;
	struct ktls_direction rx;
	uint64_t tickets;        /* session tickets received since hand-off */
	uint64_t tickets_fed;    /* of them, those that the SSL took */
	uint64_t key_updates_sent;
	uint64_t key_updates_received;
	uint64_t alerts_sent;    /* close_notify included */
	uint64_t alerts_received;
	uint64_t limits_hit;     /* key limits and floods */
};

/*
 * Tell what became of a connection.
 * Always legal.  out->size must be set; members beyond it are not written.
 * `device` is asked of the kernel once (inet_diag; before Linux 6.15 this
 * needs CAP_NET_ADMIN) and stays KTLS_DEVICE_UNKNOWN where that is refused.
 * Returns 0; -EINVAL: size not set.
 */
KTLS_API int ktls_info(struct ktls *k, struct ktls_conn_info *out);

/*
 * The descriptor of a connection.
 * Always legal.  -1: the SSL does not sit on a socket that is known.
 */
KTLS_API int ktls_fd(const struct ktls *k);

/*
 * Names for people: "kernel", "userspace", "library"; "no kernel TLS", ...,
 * and "none" for KTLS_REASON_NONE.
 * Always legal.  Constant strings, "unknown" for other values.
 */
KTLS_API const char *ktls_path_name(enum ktls_path path);
KTLS_API const char *ktls_reason_name(enum ktls_reason reason);

#ifdef __cplusplus
}
#endif

#endif
