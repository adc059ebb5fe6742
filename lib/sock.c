/* SPDX-License-Identifier: MIT */
/*
 * From keys to a socket that encrypts: attach the ULP, install a direction's
 * keys and have the kernel show them.  Nothing above sends on a socket that
 * has not passed here.
 */
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "suite.h"
#include "sys.h"
#include "uapi.h"
#include "wipe.h"

/* The kernel's own ENOTSUPP, which leaked to userspace before Linux 5.5. */
#define KERNEL_ENOTSUPP 524

int ktls_sock_attach(int fd)
{
	static const char name[] = "tls";
	int err;

	err = ktls__sys->setsockopt(fd, KTLS__SOL_TCP, KTLS__TCP_ULP, name,
				    sizeof(name) - 1);
	if (err == -EEXIST)
		return 0;
	if (err == -KERNEL_ENOTSUPP)
		return -EOPNOTSUPP;
	return err;
}

static int option(int dir)
{
	return dir == KTLS_TX ? KTLS__TLS_TX : KTLS__TLS_RX;
}

/* The first four bytes of crypto_info, no secret.  -EBUSY: the ULP is there,
 * but no keys are. */
static int read_info(int fd, int dir, struct ktls__tls_crypto_info *info)
{
	socklen_t len = sizeof(*info);
	int err;

	memset(info, 0, sizeof(*info));
	err = ktls__sys->getsockopt(fd, KTLS__SOL_TLS, option(dir), info, &len);
	if (err < 0)
		return err;
	/* A sandbox that has an answer to every option has none that is a
	 * version of TLS. */
	if (len != sizeof(*info) ||
	    (info->version != KTLS_TLS_1_2 && info->version != KTLS_TLS_1_3))
		return -KTLS_EUNPROVEN;
	return 0;
}

int ktls__sock_has_keys(int fd, int dir)
{
	struct ktls__tls_crypto_info info;
	int err = read_info(fd, dir, &info);

	/* No ULP: EOPNOTSUPP from IPv4, ENOPROTOOPT from IPv6. */
	if (err == -EBUSY || err == -EOPNOTSUPP || err == -ENOPROTOOPT)
		return 0;
	return err < 0 ? err : 1;
}

/*
 * Ask before any install.  Linux 6.14 would take a second key of TLS 1.3 for
 * a rekey; and a kernel that cannot show this direction's keys afterwards
 * (TLS_RX before 5.11: ENOPROTOOPT) must not get them, as it could never
 * prove that it took them.
 */
static int check_vacant(int fd, int dir)
{
	struct ktls__tls_crypto_info info;
	int err = read_info(fd, dir, &info);

	if (err == 0)
		return -EBUSY;
	if (err == -EBUSY)
		return 0;
	return err == -EOPNOTSUPP ? -ENOPROTOOPT : err;
}

/* An ENOPROTOOPT or EINVAL of this one getsockopt() is no excuse: keys that
 * cannot be read back are not proven. */
static int check_echo(int fd, int dir, const uint8_t *info, size_t info_len)
{
	uint8_t echo[KTLS_CRYPTO_INFO_MAX] = {0};
	socklen_t len = (socklen_t)info_len;
	int err;

	err = ktls__sys->getsockopt(fd, KTLS__SOL_TLS, option(dir), echo, &len);
	if (err < 0 || len != info_len || memcmp(echo, info, info_len) != 0)
		err = -KTLS_EUNPROVEN;
	ktls__wipe(echo, sizeof(echo));
	return err;
}

static int give(int fd, int dir, const uint8_t *info, size_t info_len)
{
	int err;

	err = ktls__sys->setsockopt(fd, KTLS__SOL_TLS, option(dir), info,
				    (socklen_t)info_len);
	if (err == -KERNEL_ENOTSUPP)
		err = -EOPNOTSUPP;
	if (err < 0)
		return err;
	return check_echo(fd, dir, info, info_len);
}

static int install(int fd, int dir, const uint8_t *info, size_t info_len)
{
	int err = check_vacant(fd, dir);

	return err < 0 ? err : give(fd, dir, info, info_len);
}

int ktls__sock_rekey(int fd, int dir, const struct ktls_keys *keys)
{
	uint8_t info[KTLS_CRYPTO_INFO_MAX] = {0};
	int err = ktls_crypto_info(info, sizeof(info), keys);

	if (err > 0)
		err = give(fd, dir, info, (size_t)err);
	ktls__wipe(info, sizeof(info));
	return err;
}

int ktls__sock_resume(int fd, const struct ktls__suite *suite)
{
	uint8_t info[KTLS_CRYPTO_INFO_MAX] = {0};
	socklen_t len = suite->info_len;
	int err;

	err = ktls__sys->getsockopt(fd, KTLS__SOL_TLS, KTLS__TLS_RX, info,
				    &len);
	if (err == 0)
		err = give(fd, KTLS_RX, info, len);
	ktls__wipe(info, sizeof(info));
	return err;
}

int ktls_sock_install(int fd, int dir, const struct ktls_keys *keys)
{
	uint8_t info[KTLS_CRYPTO_INFO_MAX] = {0};
	int err;

	if (dir != KTLS_TX && dir != KTLS_RX)
		return -EINVAL;
	err = ktls_crypto_info(info, sizeof(info), keys);
	if (err > 0)
		err = install(fd, dir, info, (size_t)err);
	ktls__wipe(info, sizeof(info));
	return err;
}

static uint64_t big_endian(const uint8_t bytes[8])
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | bytes[i];
	return n;
}

int ktls__sock_rec_seq(int fd, int dir, const struct ktls__suite *suite,
		       uint64_t *seq)
{
	uint8_t blob[KTLS_CRYPTO_INFO_MAX] = {0};
	struct ktls__tls_crypto_info info;
	socklen_t len = suite->info_len;
	int err;

	err = ktls__sys->getsockopt(fd, KTLS__SOL_TLS, option(dir), blob, &len);
	memcpy(&info, blob, sizeof(info));
	if (err == 0 &&
	    (len != suite->info_len || info.version != suite->version ||
	     info.cipher_type != suite->cipher_type))
		err = -KTLS_EUNPROVEN;
	/* rec_seq ends every one of the kernel's structs. */
	if (err == 0)
		*seq = big_endian(blob + suite->info_len - 8);
	ktls__wipe(blob, sizeof(blob));
	return err;
}

static int get_int(int fd, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return ktls__sys->getsockopt(fd, IPPROTO_TCP, name, value, &len);
}

static int set_int(int fd, int name, int value)
{
	return ktls__sys->setsockopt(fd, IPPROTO_TCP, name, &value,
				     sizeof(value));
}

/* Setting TCP_NODELAY, even again, pushes. */
void ktls__sock_push(int fd)
{
	int before = 0;

	if (get_int(fd, TCP_NODELAY, &before) < 0)
		return;
	(void)set_int(fd, TCP_NODELAY, 1);
	if (before == 0)
		(void)set_int(fd, TCP_NODELAY, 0);
}

bool ktls__sock_cork(int fd)
{
	int before = 1;

	return get_int(fd, TCP_CORK, &before) == 0 && before == 0 &&
	       set_int(fd, TCP_CORK, 1) == 0;
}

void ktls__sock_uncork(int fd)
{
	(void)set_int(fd, TCP_CORK, 0);
}
