/* SPDX-License-Identifier: MIT */
/* The TLS library's errors in our own terms: see errors_ssl.h. */
#include <errno.h>

#include "backend.h"
#include "errors_ssl.h"
#include "tls_library.h"

#ifdef OPENSSL_IS_BORINGSSL

static int of_reason(int reason)
{
	switch (reason) {
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
	case SSL_R_DECRYPTION_FAILED:
	case SSL_R_BAD_PACKET_LENGTH:
		return -KTLS_EBADRECORD;
	case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
	case SSL_R_DATA_LENGTH_TOO_LONG:
		return -KTLS_EOVERSIZE;
	case SSL_R_TOO_MANY_WARNING_ALERTS:
	case SSL_R_TOO_MANY_KEY_UPDATES:
	case SSL_R_TOO_MANY_EMPTY_FRAGMENTS:
		return -KTLS_EFLOOD;
	case SSL_R_BAD_WRITE_RETRY:
		return -KTLS_EPENDING;
	case SSL_R_BAD_LENGTH: /* and it forgets the write that it was for */
	case SSL_R_PROTOCOL_IS_SHUTDOWN:
	case SSL_R_SHUTDOWN_WHILE_IN_INIT:
	case SSL_R_UNINITIALIZED:
		return -KTLS_ESSL; /* not the peer's doing */
	default:
		return -KTLS_EPROTOCOL;
	}
}

/* Those that all of its libraries have end below those of each. */
static bool is_general(int reason)
{
	return reason < SSL_R_APP_DATA_IN_HANDSHAKE;
}

static int system_error(unsigned long e)
{
	return ERR_GET_LIB(e) == ERR_LIB_SYS ? ERR_GET_REASON(e) : 0;
}

#else

/* From OpenSSL 3.2 on it follows the one that says what it was. */
#ifndef SSL_R_RECORD_LAYER_FAILURE
#define SSL_R_RECORD_LAYER_FAILURE 313
#endif

static int of_reason(int reason)
{
	switch (reason) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return -KTLS_ETRUNCATED;
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
	case SSL_R_DECRYPTION_FAILED:
	case SSL_R_LENGTH_TOO_SHORT:
		return -KTLS_EBADRECORD;
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
	case SSL_R_DATA_LENGTH_TOO_LONG:
		return -KTLS_EOVERSIZE;
	case SSL_R_TOO_MANY_WARN_ALERTS:
	case SSL_R_TOO_MANY_KEY_UPDATES:
	case SSL_R_RECORD_TOO_SMALL:
		return -KTLS_EFLOOD;
	case SSL_R_BAD_WRITE_RETRY:
	case SSL_R_PROTOCOL_IS_SHUTDOWN:
	case SSL_R_SHUTDOWN_WHILE_IN_INIT:
	case SSL_R_UNINITIALIZED:
		return -KTLS_ESSL; /* not the peer's doing */
	case SSL_R_RECORD_LAYER_FAILURE:
		return -KTLS_ESSL; /* no name of its own */
	default:
		return -KTLS_EPROTOCOL;
	}
}

/* Those that all of its libraries have bear flags far above an alert's. */
static bool is_general(int reason)
{
	return reason > SSL_AD_REASON_OFFSET + 255;
}

static int system_error(unsigned long e)
{
	return ERR_SYSTEM_ERROR(e) ? ERR_GET_REASON(e) : 0;
}

#endif

static int of_error(unsigned long e)
{
	int reason = ERR_GET_REASON(e);

	if (system_error(e) > 0)
		return -system_error(e);
	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return -KTLS_ESSL;
	if (reason == ERR_R_MALLOC_FAILURE)
		return -ENOMEM;
	if (is_general(reason) || reason > SSL_AD_REASON_OFFSET + 255)
		return -KTLS_ESSL;
	if (reason >= SSL_AD_REASON_OFFSET)
		return -KTLS_EALERT;
	return of_reason(reason);
}

/* The first that has a name of its own is taken. */
static int of_queue(void)
{
	int err = -KTLS_ESSL;
	unsigned long e;
	int next;

	while ((e = ERR_get_error()) != 0) {
		next = of_error(e);
		if (err == -KTLS_ESSL)
			err = next;
		else if (err == -KTLS_EPROTOCOL && next != -KTLS_ESSL)
			err = next;
	}
	return err;
}

static int of_syscall(int saved)
{
	if (ERR_peek_last_error() != 0)
		return of_queue();
	return saved != 0 ? -saved : -KTLS_ETRUNCATED;
}

/* It is empty nearly always, and emptying it costs as much as a cipher. */
void ktls__ssl_forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

int ktls__ssl_error(SSL *ssl, int ret)
{
	int saved = errno;
	int err;

	switch (SSL_get_error(ssl, ret)) {
	case SSL_ERROR_ZERO_RETURN:
		err = 0;
		break;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		err = -EAGAIN;
		break;
	case SSL_ERROR_SYSCALL:
		err = of_syscall(saved);
		break;
	case SSL_ERROR_SSL:
		err = of_queue();
		break;
	default:
		err = -KTLS_ESSL;
		break;
	}
	ktls__ssl_forget_errors();
	return err;
}
