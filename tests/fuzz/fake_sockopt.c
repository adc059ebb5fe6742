/* SPDX-License-Identifier: MIT */
/* The fake kernel's socket options: ULP, keys, and their echo. */
#include "fake_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sys.h"
#include "lib/wipe.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#define OPT_ZEROCOPY_RO 3
#define OPT_EXPECT_NO_PAD 4

static int is_tcp(int fd)
{
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	return ktls__sys_linux.getsockopt(fd, SOL_SOCKET, SO_PROTOCOL,
					  &protocol, &len) == 0 &&
	       protocol == IPPROTO_TCP;
}

static int is_established(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return ktls__sys_linux.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info,
					  &len) == 0 &&
	       info.tcpi_state == TCP_ESTABLISHED;
}

/* The name is looked up first, then the state: as tcp_set_ulp() does. */
static int attach(int fd, const void *val, socklen_t len)
{
	struct fake_sock *s;

	if (len < 3 || memcmp(val, "tls", 3) != 0)
		return -ENOENT;
	s = fake_find_or_add(fd);
	if (!s)
		return -ENOMEM;
	if (s->refuse[FAKE_ULP]) {
		atomic_fetch_add(&fake_counters.refused, 1);
		return -s->refuse[FAKE_ULP];
	}
	if (s->ulp)
		return -EEXIST;
	if (!is_established(fd))
		return -ENOTCONN;
	s->ulp = 1;
	atomic_fetch_add(&fake_counters.attached, 1);
	return 0;
}

static const struct ktls__suite *suite_of(uint16_t version, uint16_t cipher)
{
	const struct ktls__suite *suite;
	unsigned i;

	for (i = 0; (suite = ktls__suite_at(i)); i++)
		if (suite->version == version && suite->cipher_type == cipher)
			return suite;
	return NULL;
}

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void put_be64(uint8_t *p, uint64_t v)
{
	int i;

	for (i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

/* The kernel's structs: version, cipher, then iv, key, salt, rec_seq. */
static void take_blob(struct fake_keys *k, const struct ktls__suite *suite,
		      const uint8_t *blob, size_t len)
{
	size_t salt = suite->salt_len;
	size_t iv = 12 - salt;
	const uint8_t *key = blob + 4 + iv;

	memset(&k->keys, 0, sizeof(k->keys));
	k->suite = suite;
	k->keys.version = suite->version;
	k->keys.suite = suite->id;
	memcpy(k->keys.iv, key + suite->key_len, salt);
	memcpy(k->keys.iv + salt, blob + 4, iv);
	memcpy(k->keys.key, key, suite->key_len);
	k->keys.seq = get_be64(key + suite->key_len + salt);
	memcpy(k->blob, blob, len);
	k->blob_len = len;
	k->on = 1;
}

/* TLS 1.2 AES-GCM counts its explicit nonce on from where it began. */
void fake_keys_advance(struct fake_keys *k)
{
	k->keys.seq++;
	put_be64(k->blob + k->blob_len - 8, k->keys.seq);
	if (!k->suite->explicit_len)
		return;
	put_be64(k->keys.iv + 4, get_be64(k->keys.iv + 4) + 1);
	memcpy(k->blob + 4, k->keys.iv + 4, 8);
}

static int check_blob(const struct fake_keys *k, const struct fake_keys *other,
		      const uint8_t *blob, size_t len,
		      const struct ktls__suite **suite)
{
	uint16_t info[2];

	if (!blob || len < sizeof(info))
		return -EINVAL;
	memcpy(info, blob, sizeof(info));
	if (k->on && !(fake_options.rekey && info[0] == KTLS_TLS_1_3 &&
		       k->keys.version == KTLS_TLS_1_3))
		return -EBUSY;
	*suite = suite_of(info[0], info[1]);
	if (!*suite || len != (*suite)->info_len)
		return -EINVAL;
	if (k->on)
		other = k;
	if (other->on && (other->suite->version != info[0] ||
			  other->suite->cipher_type != info[1]))
		return -EINVAL;
	return 0;
}

static int install(struct fake_sock *s, int dir, const void *val,
		   socklen_t len)
{
	struct fake_keys *k = dir == KTLS_TX ? &s->tx.k : &s->rx.k;
	struct fake_keys *other = dir == KTLS_TX ? &s->rx.k : &s->tx.k;
	const struct ktls__suite *suite;
	int again, err;

	if (s->refuse[dir]) {
		atomic_fetch_add(&fake_counters.refused, 1);
		return -s->refuse[dir];
	}
	pthread_mutex_lock(&s->tx.lock);
	pthread_mutex_lock(&s->rx.lock);
	again = k->on;
	err = check_blob(k, other, val, len, &suite);
	if (err == 0) {
		take_blob(k, suite, val, len);
		if (dir == KTLS_RX)
			s->rx.expired = 0;
	}
	pthread_mutex_unlock(&s->rx.lock);
	pthread_mutex_unlock(&s->tx.lock);
	if (err)
		return err;
	atomic_fetch_add(dir == KTLS_TX ? &fake_counters.installed_tx :
					  &fake_counters.installed_rx, 1);
	if (again)
		atomic_fetch_add(&fake_counters.rekeyed, 1);
	return 0;
}

static int set_tls(int fd, int name, const void *val, socklen_t len)
{
	struct fake_sock *s = fake_find(fd);

	if (!s || !s->ulp)
		return -ENOPROTOOPT;
	switch (name) {
	case FAKE_TLS_TX:
		return install(s, KTLS_TX, val, len);
	case FAKE_TLS_RX:
		return install(s, KTLS_RX, val, len);
	case OPT_ZEROCOPY_RO:
		return len == sizeof(int) ? 0 : -EINVAL;
	case OPT_EXPECT_NO_PAD:
		return len >= sizeof(int) && s->rx.k.on &&
		       s->rx.k.keys.version == KTLS_TLS_1_3 ? 0 : -EINVAL;
	default:
		return -ENOPROTOOPT;
	}
}

/* The real kernel's keys can be refused too, on its behalf. */
static int set_real(int fd, int level, int name, const void *val,
		    socklen_t len)
{
	struct fake_sock *s = fake_find(fd);
	int what = -1;

	if (level == IPPROTO_TCP && name == TCP_ULP)
		what = FAKE_ULP;
	else if (level == FAKE_SOL_TLS && name <= FAKE_TLS_RX)
		what = name;
	if (s && what >= 0 && s->refuse[what]) {
		atomic_fetch_add(&fake_counters.refused, 1);
		return -s->refuse[what];
	}
	return ktls__sys_linux.setsockopt(fd, level, name, val, len);
}

int fake_setsockopt(int fd, int level, int name, const void *val,
		    socklen_t len)
{
	if (fake_options.real)
		return set_real(fd, level, name, val, len);
	if (level == FAKE_SOL_TLS)
		return set_tls(fd, name, val, len);
	if (level == IPPROTO_TCP && name == TCP_ULP && is_tcp(fd))
		return attach(fd, val, len);
	return ktls__sys_linux.setsockopt(fd, level, name, val, len);
}

static int get_keys(pthread_mutex_t *lock, const struct fake_keys *k,
		    void *val, socklen_t *len)
{
	int err = 0;

	pthread_mutex_lock(lock);
	if (!val || *len < 4)
		err = -EINVAL;
	else if (!k->on)
		err = -EBUSY;
	else if (*len != 4 && *len != k->blob_len)
		err = -EINVAL;
	else
		memcpy(val, k->blob, *len);
	pthread_mutex_unlock(lock);
	return err;
}

static int get_tls(int fd, int name, void *val, socklen_t *len)
{
	struct fake_sock *s = fake_find(fd);

	if (!s || !s->ulp)
		return -EOPNOTSUPP;
	if (name == FAKE_TLS_TX)
		return get_keys(&s->tx.lock, &s->tx.k, val, len);
	if (name == FAKE_TLS_RX)
		return get_keys(&s->rx.lock, &s->rx.k, val, len);
	return -ENOPROTOOPT;
}

/* A name of 16 bytes, or nothing: as do_tcp_getsockopt(). */
static int get_ulp(int fd, void *val, socklen_t *len)
{
	static const char name[16] = "tls";
	struct fake_sock *s = fake_find(fd);

	if (!s || !s->ulp) {
		*len = 0;
		return 0;
	}
	*len = *len < sizeof(name) ? *len : sizeof(name);
	memcpy(val, name, *len);
	return 0;
}

/* sk_err holds what the TLS layer latched; reading it clears it. */
static int get_error(struct fake_sock *s, int fd, void *val, socklen_t *len)
{
	int err = s ? atomic_exchange(&s->sk_err, 0) : 0;
	int ret;

	if (err && *len >= sizeof(err)) {
		memcpy(val, &err, sizeof(err));
		*len = sizeof(err);
		return 0;
	}
	ret = ktls__sys_linux.getsockopt(fd, SOL_SOCKET, SO_ERROR, val, len);
	if (ret == 0 && s && *len >= sizeof(err)) {
		memcpy(&err, val, sizeof(err));
		if (err)
			atomic_store(&s->reset_told, 1);
	}
	return ret;
}

int fake_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	struct fake_sock *s = fake_find(fd);

	if (fake_options.real)
		return ktls__sys_linux.getsockopt(fd, level, name, val, len);
	if (level == FAKE_SOL_TLS)
		return get_tls(fd, name, val, len);
	if (level == SOL_SOCKET && name == SO_ERROR)
		return get_error(s, fd, val, len);
	if (level == IPPROTO_TCP && name == TCP_ULP && is_tcp(fd))
		return get_ulp(fd, val, len);
	if (level == IPPROTO_TCP && name == TCP_INFO && s)
		fake_tx_push(s);
	return ktls__sys_linux.getsockopt(fd, level, name, val, len);
}
