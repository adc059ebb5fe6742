/* SPDX-License-Identifier: MIT */
/* See fake_kernel.h. */
#include "fake_kernel.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "aead.h"
#include "record.h"
#include "suite.h"
#include "uapi.h"

#define FDS 256
#define OPTIONS 8

struct fake_dir {
	int len; /* 0: no keys */
	uint8_t info[KTLS_CRYPTO_INFO_MAX];
	struct ktls_keys keys;
};

struct fake_socket {
	int ulp;
	struct fake_dir dirs[KTLS_RX + 1];
	struct {
		socklen_t len;
		uint8_t val[4];
	} options[OPTIONS];
};

struct fake_kernel fake_kernel_state;
static struct fake_socket sockets[FDS];

static struct fake_socket *at(int fd)
{
	ck_assert_int_lt(fd, FDS);
	return &sockets[fd];
}

static int is_connected(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	return ktls__sys_linux.getpeername(fd, (struct sockaddr *)&addr,
					   &len) == 0;
}

static int attach(int fd)
{
	int err = is_connected(fd) ? fake_kernel_state.ulp
				   : fake_kernel_state.ulp_unconnected;

	if (err == 0)
		at(fd)->ulp = 1;
	return err;
}

/* crypto_info back to keys: the suite is any of that cipher and version. */
static const struct ktls__suite *parse(struct ktls_keys *keys,
				       const uint8_t *info, size_t len)
{
	struct ktls__tls_crypto_info head;
	const struct ktls__suite *suite;
	size_t salt, iv;

	memcpy(&head, info, sizeof(head));
	for (unsigned i = 0; (suite = ktls__suite_at(i)); i++)
		if (suite->version == head.version &&
		    suite->cipher_type == head.cipher_type)
			break;
	if (!suite || len != suite->info_len)
		return NULL;
	salt = suite->salt_len;
	iv = 12 - salt;
	info += sizeof(head);
	memset(keys, 0, sizeof(*keys));
	keys->version = suite->version;
	keys->suite = suite->id;
	memcpy(keys->iv + salt, info, iv);
	memcpy(keys->key, info + iv, suite->key_len);
	memcpy(keys->iv, info + iv + suite->key_len, salt);
	return suite;
}

static int install(struct fake_socket *s, int dir, const void *info, size_t len)
{
	const struct fake_kernel *k = &fake_kernel_state;
	struct fake_dir *d = &s->dirs[dir];
	const struct ktls__suite *suite;
	struct ktls_keys keys;
	unsigned mask;

	fake_kernel_state.n_installs++;
	suite = parse(&keys, info, len);
	if (!suite)
		return -EINVAL;
	if (d->len && (!k->rekey || suite->version == KTLS_TLS_1_2))
		return -EBUSY;
	mask = (dir == KTLS_TX ? k->tx : k->rx)[suite->version == KTLS_TLS_1_3];
	if (!(mask & suite->cipher_bit))
		return k->install_err;
	d->len = (int)len;
	d->keys = keys;
	memcpy(d->info, info, len);
	return 0;
}

static int set_option(struct fake_socket *s, int name, const void *val,
		      socklen_t len)
{
	if (name >= OPTIONS || len > sizeof(s->options[name].val) ||
	    !(fake_kernel_state.options & 1U << name))
		return -ENOPROTOOPT;
	s->options[name].len = len;
	memcpy(s->options[name].val, val, len);
	return 0;
}

static int fake_setsockopt(int fd, int level, int name, const void *val,
			   socklen_t len)
{
	if (level == KTLS__SOL_TCP && name == KTLS__TCP_ULP)
		return attach(fd);
	if (level != KTLS__SOL_TLS)
		return ktls__sys_linux.setsockopt(fd, level, name, val, len);
	if (!at(fd)->ulp)
		return -ENOPROTOOPT;
	if (name == KTLS__TLS_TX || name == KTLS__TLS_RX)
		return install(at(fd), name, val, len);
	return set_option(at(fd), name, val, len);
}

static int get_keys(const struct fake_dir *d, void *val, socklen_t len)
{
	if (!d->len)
		return -EBUSY;
	if (len != 4 && len != (socklen_t)d->len)
		return -EINVAL;
	memcpy(val, d->info, len);
	return 0;
}

static int fake_getsockopt(int fd, int level, int name, void *val,
			   socklen_t *len)
{
	struct fake_socket *s = at(fd);

	if (level != KTLS__SOL_TLS)
		return ktls__sys_linux.getsockopt(fd, level, name, val, len);
	if (fake_kernel_state.no_echo)
		return -ENOPROTOOPT;
	if (!s->ulp)
		return -EOPNOTSUPP;
	if (name == KTLS__TLS_TX || name == KTLS__TLS_RX)
		return get_keys(&s->dirs[name], val, *len);
	if (name >= OPTIONS || s->options[name].len != *len)
		return -ENOPROTOOPT;
	memcpy(val, s->options[name].val, *len);
	if (fake_kernel_state.forgets_options)
		memset(val, 0, *len);
	return 0;
}

static ssize_t fake_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct fake_dir *d = &at(fd)->dirs[KTLS_TX];
	uint8_t wire[512];
	struct iovec iov = {wire, 0};
	struct msghdr out = {.msg_iov = &iov, .msg_iovlen = 1};
	int len;

	if (!d->len || fake_kernel_state.no_encryption == 1)
		return ktls__sys_linux.sendmsg(fd, msg, flags);
	len = ktls__record_seal(wire, &d->keys, KTLS_RECORD_DATA,
				msg->msg_iov->iov_base, msg->msg_iov->iov_len);
	ck_assert_int_gt(len, 0);
	d->keys.seq++;
	if (fake_kernel_state.no_encryption)
		memcpy(wire + 5, msg->msg_iov->iov_base, msg->msg_iov->iov_len);
	iov.iov_len = (size_t)len;
	ck_assert_int_eq(ktls__sys_linux.sendmsg(fd, &out, flags), len);
	return (ssize_t)msg->msg_iov->iov_len;
}

static ssize_t read_wire(int fd, uint8_t *wire, size_t len)
{
	struct iovec iov = {wire, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return ktls__sys_linux.recvmsg(fd, &msg, MSG_WAITALL);
}

/* One record, as long as the caller has room for it. */
static ssize_t fake_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct fake_dir *d = &at(fd)->dirs[KTLS_RX];
	uint8_t wire[512], plain[512], type;
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	ssize_t len;
	int n;

	if (!d->len)
		return ktls__sys_linux.recvmsg(fd, msg, flags);
	len = read_wire(fd, wire, 5);
	if (len == 5)
		len += read_wire(fd, wire + 5, wire[4]);
	n = ktls__record_open(plain, &type, &d->keys, wire, (size_t)len);
	if (n < 0)
		return -EBADMSG;
	d->keys.seq++;
	ck_assert_uint_le((size_t)n, msg->msg_iov->iov_len);
	memcpy(msg->msg_iov->iov_base, plain, (size_t)n);
	cmsg->cmsg_level = KTLS__SOL_TLS;
	cmsg->cmsg_type = KTLS__TLS_GET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = type;
	return n;
}

static int opened(int fd)
{
	if (fd >= 0) {
		memset(at(fd), 0, sizeof(*at(fd)));
		fake_kernel_state.n_open++;
	}
	return fd;
}

static int fake_socket(int domain, int type, int protocol)
{
	fake_kernel_state.n_sockets++;
	if (fake_kernel_state.socket_err)
		return fake_kernel_state.socket_err;
	return opened(ktls__sys_linux.socket(domain, type, protocol));
}

static int fake_accept(int fd)
{
	return opened(ktls__sys_linux.accept(fd));
}

static int fake_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (fake_kernel_state.connect_err)
		return fake_kernel_state.connect_err;
	return ktls__sys_linux.connect(fd, addr, len);
}

static int fake_close(int fd)
{
	fake_kernel_state.n_open--;
	return ktls__sys_linux.close(fd);
}

static struct ktls__sys table;

void fake_kernel(void)
{
	const unsigned all = KTLS_CIPHER_AES_128_GCM | KTLS_CIPHER_AES_256_GCM |
			     KTLS_CIPHER_CHACHA20_POLY1305;

	fake_kernel_state = (struct fake_kernel){
		.ulp_unconnected = -ENOTCONN,
		.tx = {all, all},
		.rx = {all, all},
		.install_err = -EINVAL,
		.rekey = 1,
		.options = 1U << KTLS__TLS_TX_ZEROCOPY_RO |
			   1U << KTLS__TLS_RX_EXPECT_NO_PAD |
			   1U << KTLS__TLS_TX_MAX_PAYLOAD_LEN,
	};
	table = ktls__sys_linux;
	table.setsockopt = fake_setsockopt;
	table.getsockopt = fake_getsockopt;
	table.sendmsg = fake_sendmsg;
	table.recvmsg = fake_recvmsg;
	table.socket = fake_socket;
	table.accept = fake_accept;
	table.connect = fake_connect;
	table.close = fake_close;
	ktls__sys = &table;
}

static int take_any(int fd, int level, int name, const void *val, socklen_t len)
{
	if (level == SOL_SOCKET)
		return ktls__sys_linux.setsockopt(fd, level, name, val, len);
	return 0;
}

void fake_kernel_gullible(void)
{
	fake_kernel();
	fake_kernel_state.no_echo = 1;
	table.setsockopt = take_any;
}
