/* SPDX-License-Identifier: MIT */
/*
 * What this kernel's TLS does, found by doing it over TCP sockets of our own
 * on the loopback interface.  An answer is kept for the life of the process;
 * a failure to ask is not.
 */
#include "probe.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "loopback.h"
#include "sock.h"
#include "suite.h"
#include "sys.h"
#include "uapi.h"

/* What is known.  Every value is whole in itself, so threads that ask at the
 * same time at worst try the same thing twice. */
enum { KNOWN = 0x80, REKEY = 1, ZEROCOPY_RO = 2, EXPECT_NO_PAD = 4,
       MAX_PAYLOAD = 8 };
static atomic_int ulp_known;	      /* 0; 1: available; or -errno */
static atomic_int suites_known[2][3]; /* 0; KNOWN | KTLS_TX | KTLS_RX */
static atomic_int extras_known;	      /* 0; KNOWN | REKEY | ... */

static const char ping[] = "a record's plaintext, never seen on the wire";

/* Memory ran out, a signal or a timeout: this says nothing about the kernel's
 * TLS. */
static int is_transient(int err)
{
	return err == -ENOMEM || err == -ENOBUFS || err == -EAGAIN ||
	       err == -EINTR;
}

/* Only a TLS that waits for its keys says EBUSY. */
static int ulp_of_pair(int *verdict)
{
	uint8_t info[4];
	socklen_t len = sizeof(info);
	int pair[2];
	int err = ktls__loopback_pair(pair);

	if (err < 0)
		return err;
	*verdict = ktls_sock_attach(pair[KTLS__CLIENT]);
	if (*verdict == 0) {
		err = ktls__sys->getsockopt(pair[KTLS__CLIENT], KTLS__SOL_TLS,
					    KTLS__TLS_TX, info, &len);
		*verdict = err == -EBUSY ? 0 : -EOPNOTSUPP;
	}
	ktls__loopback_close(pair);
	return 0;
}

/*
 * An unconnected socket tells without a connection: Linux looks the name up
 * before it looks at the state.  Any other answer than the two known ones is
 * Linux before 5.5, or a sandbox that takes every option.
 */
static int try_ulp(int *verdict)
{
	int fd = ktls__loopback_socket(AF_INET);

	if (fd == -EAFNOSUPPORT)
		fd = ktls__loopback_socket(AF_INET6);
	if (fd < 0)
		return fd;
	*verdict = ktls_sock_attach(fd);
	ktls__sys->close(fd);
	if (*verdict == -ENOTCONN)
		*verdict = 0;
	else if (*verdict != -ENOENT && !is_transient(*verdict))
		return ulp_of_pair(verdict);
	return 0;
}

/* 0, and *verdict is what the kernel said; -errno: it could not be asked. */
static int probe_ulp(int *verdict)
{
	int known = atomic_load_explicit(&ulp_known, memory_order_relaxed);
	int err;

	if (known != 0) {
		*verdict = known < 0 ? known : 0;
		return 0;
	}
	err = try_ulp(verdict);
	if (err == 0 && is_transient(*verdict))
		err = *verdict;
	if (err == 0)
		atomic_store_explicit(&ulp_known, *verdict < 0 ? *verdict : 1,
				      memory_order_relaxed);
	return err;
}

int ktls__probe_ulp(void)
{
	int verdict = 0;
	int err = probe_ulp(&verdict);

	return err < 0 ? err : verdict;
}

bool ktls__probe_lacks_ulp(void)
{
	return atomic_load_explicit(&ulp_known, memory_order_relaxed) ==
	       -ENOENT;
}

/* No secret: they protect nothing but the ping. */
static struct ktls_keys test_keys(const struct ktls__suite *suite,
				  uint8_t generation)
{
	struct ktls_keys keys = {.version = suite->version, .suite = suite->id};

	memset(keys.key, 0x4b + generation, suite->key_len);
	memset(keys.iv, 0x69 + generation, sizeof(keys.iv));
	return keys;
}

static int send_ping(int fd)
{
	ssize_t n = ktls_sock_send(fd, KTLS_RECORD_DATA, ping, sizeof(ping), 0);

	return n < 0 ? (int)n : n == sizeof(ping);
}

/* The first bytes of the wire, which stay there: 1, 0: not that many. */
static int peek(int fd, uint8_t *wire, size_t len)
{
	struct iovec iov = {wire, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = ktls__sys->recvmsg(fd, &msg, MSG_PEEK | MSG_WAITALL);

	return n < 0 ? (int)n : (size_t)n == len;
}

/* 1: the ping came out as a record of the suite's length, unreadable.  The
 * header first: a longer wait is for a kernel that does encrypt. */
static int look_at_wire(int fd, const struct ktls__suite *suite)
{
	uint8_t wire[sizeof(ping) + UINT8_MAX];
	const size_t len = sizeof(ping) + suite->overhead;
	int ret = peek(fd, wire, 5);

	if (ret <= 0 || wire[0] != KTLS_RECORD_DATA ||
	    (size_t)(wire[3] << 8 | wire[4]) != len - 5)
		return ret < 0 ? ret : 0;
	ret = peek(fd, wire, len);
	return ret <= 0 ? ret : !memmem(wire, len, ping, sizeof(ping) / 2);
}

static int receive_ping(int fd)
{
	char got[sizeof(ping)];
	uint8_t type;
	ssize_t n = ktls_sock_recv(fd, &type, got, sizeof(got), NULL);

	if (n < 0)
		return (int)n;
	return n == sizeof(ping) && type == KTLS_RECORD_DATA &&
	       memcmp(got, ping, sizeof(ping)) == 0;
}

/* What `try` finds, on a pair with the ULP on both ends.  Whatever refuses
 * for good is an answer: 0, not there. */
static int on_pair(int (*try)(const int pair[2], const struct ktls__suite *),
		   const struct ktls__suite *suite)
{
	int pair[2];
	int ret = ktls__loopback_pair(pair);

	if (ret < 0)
		return ret;
	ret = ktls_sock_attach(pair[KTLS__CLIENT]);
	if (ret == 0)
		ret = ktls_sock_attach(pair[KTLS__SERVER]);
	if (ret == 0)
		ret = try(pair, suite);
	ktls__loopback_close(pair);
	return ret < 0 && !is_transient(ret) ? 0 : ret;
}

/* A mask of directions, or -errno. */
static int try_directions(const int pair[2], const struct ktls__suite *suite)
{
	const struct ktls_keys keys = test_keys(suite, 0);
	int ret = ktls_sock_install(pair[KTLS__CLIENT], KTLS_TX, &keys);

	if (ret == 0)
		ret = send_ping(pair[KTLS__CLIENT]);
	if (ret > 0)
		ret = look_at_wire(pair[KTLS__SERVER], suite);
	if (ret <= 0)
		return ret;
	ret = ktls_sock_install(pair[KTLS__SERVER], KTLS_RX, &keys);
	if (ret == 0)
		ret = receive_ping(pair[KTLS__SERVER]);
	if (ret < 0)
		return is_transient(ret) ? ret : KTLS_TX;
	return ret ? KTLS_TX | KTLS_RX : KTLS_TX;
}

/* The suites of one cipher and version are one thing to the kernel. */
static atomic_int *cell(const struct ktls__suite *suite)
{
	return &suites_known[suite->version == KTLS_TLS_1_3]
			    [suite->cipher_bit >> 1];
}

/* A mask of directions; KNOWN may be set as well. */
static int probe_dirs(const struct ktls__suite *suite)
{
	int known = atomic_load_explicit(cell(suite), memory_order_relaxed);
	int verdict = 0;
	int err;

	if (known)
		return known;
	err = probe_ulp(&verdict);
	if (err < 0 || verdict < 0)
		return err;
	known = on_pair(try_directions, suite);
	if (known >= 0)
		atomic_store_explicit(cell(suite), known | KNOWN,
				      memory_order_relaxed);
	return known;
}

int ktls__probe_suite(const struct ktls__suite *suite, int dir)
{
	int dirs = probe_dirs(suite);

	return dirs < 0 ? dirs : (dirs & dir) != 0;
}

static int try_rekey(const int pair[2], const struct ktls__suite *suite)
{
	const struct ktls_keys keys = test_keys(suite, 1);
	uint8_t info[KTLS_CRYPTO_INFO_MAX];
	int len = ktls_crypto_info(info, sizeof(info), &keys);
	int ret = len;

	if (suite->version != KTLS_TLS_1_3)
		return 0;
	if (ret > 0)
		ret = ktls__sys->setsockopt(pair[KTLS__CLIENT], KTLS__SOL_TLS,
					    KTLS__TLS_TX, info, (socklen_t)len);
	if (ret == 0)
		ret = ktls__sys->setsockopt(pair[KTLS__SERVER], KTLS__SOL_TLS,
					    KTLS__TLS_RX, info, (socklen_t)len);
	if (ret == 0)
		ret = send_ping(pair[KTLS__CLIENT]);
	return ret > 0 ? receive_ping(pair[KTLS__SERVER]) : ret;
}

/* An option exists where it can be read back as it was set. */
static int try_option(int fd, int name, const void *val, socklen_t len)
{
	uint8_t got[4] = {0};
	socklen_t got_len = len;

	return ktls__sys->setsockopt(fd, KTLS__SOL_TLS, name, val, len) == 0 &&
	       ktls__sys->getsockopt(fd, KTLS__SOL_TLS, name, got, &got_len) ==
		       0 &&
	       got_len == len && memcmp(got, val, len) == 0;
}

static int try_options(const int pair[2])
{
	static const unsigned on = 1;
	static const uint16_t payload_len = 1024;
	int found = 0;

	if (try_option(pair[KTLS__CLIENT], KTLS__TLS_TX_ZEROCOPY_RO, &on,
		       sizeof(on)))
		found |= ZEROCOPY_RO;
	if (try_option(pair[KTLS__SERVER], KTLS__TLS_RX_EXPECT_NO_PAD, &on,
		       sizeof(on)))
		found |= EXPECT_NO_PAD;
	if (try_option(pair[KTLS__CLIENT], KTLS__TLS_TX_MAX_PAYLOAD_LEN,
		       &payload_len, sizeof(payload_len)))
		found |= MAX_PAYLOAD;
	return found;
}

static int try_extras(const int pair[2], const struct ktls__suite *suite)
{
	int found, ret = try_directions(pair, suite);

	if (ret < 0)
		return ret;
	found = try_options(pair);
	ret = try_rekey(pair, suite);
	if (ret < 0)
		return is_transient(ret) ? ret : found;
	return found | (ret ? REKEY : 0);
}

/* The first suite that works both ways; those of TLS 1.3 stand first. */
static int usable_suite(const struct ktls__suite **found)
{
	for (unsigned i = 0; (*found = ktls__suite_at(i)); i++) {
		int dirs = probe_dirs(*found);

		if (dirs < 0)
			return dirs;
		if ((dirs & ~KNOWN) == (KTLS_TX | KTLS_RX))
			return 1;
	}
	return 0;
}

static int probe_extras(void)
{
	int known = atomic_load_explicit(&extras_known, memory_order_relaxed);
	const struct ktls__suite *suite;

	if (known)
		return known;
	known = usable_suite(&suite);
	if (known == 1)
		known = on_pair(try_extras, suite);
	if (known >= 0)
		atomic_store_explicit(&extras_known, known | KNOWN,
				      memory_order_relaxed);
	return known;
}

int ktls__probe_rekey(void)
{
	int extras = probe_extras();

	return extras < 0 ? extras : (extras & REKEY) != 0;
}

static int add_suites(struct ktls_features *f)
{
	const struct ktls__suite *suite;

	for (unsigned i = 0; (suite = ktls__suite_at(i)); i++) {
		int is_1_3 = suite->version == KTLS_TLS_1_3;
		int dirs = probe_dirs(suite);

		if (dirs < 0)
			return dirs;
		if (dirs & KTLS_TX)
			*(is_1_3 ? &f->tx_1_3 : &f->tx_1_2) |=
				suite->cipher_bit;
		if (dirs & KTLS_RX)
			*(is_1_3 ? &f->rx_1_3 : &f->rx_1_2) |=
				suite->cipher_bit;
	}
	return 0;
}

static int add_extras(struct ktls_features *f)
{
	int extras = probe_extras();

	if (extras < 0)
		return extras;
	f->rekey = (extras & REKEY) != 0;
	f->zerocopy_ro = (extras & ZEROCOPY_RO) != 0;
	f->expect_no_pad = (extras & EXPECT_NO_PAD) != 0;
	f->max_payload = (extras & MAX_PAYLOAD) != 0;
	return 0;
}

/* Only whole members that the caller knows; all are as long as an int. */
static void hand_out(struct ktls_features *out, const struct ktls_features *f)
{
	const size_t head = offsetof(struct ktls_features, ulp);
	size_t len = out->size < sizeof(*f) ? out->size : sizeof(*f);

	len -= len % sizeof(int);
	if (len > head)
		memcpy((char *)out + head, (const char *)f + head, len - head);
}

int ktls_probe(struct ktls_features *out)
{
	struct ktls_features f = {0};
	int err;

	if (out->size < sizeof(out->size))
		return -EINVAL;
	err = probe_ulp(&f.ulp);
	if (err == 0 && f.ulp == 0) {
		err = add_suites(&f);
		if (err == 0)
			err = add_extras(&f);
	}
	if (err == 0)
		hand_out(out, &f);
	return err;
}
