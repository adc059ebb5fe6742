/* SPDX-License-Identifier: MIT */
/* Names of errors, paths and reasons for people.  A leaf. */
#include <stddef.h>
#include <string.h>

#include "ktls/ktls.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Not in one line with the test for glibc: elsewhere it does not parse. */
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 32)
#define HAVE_STRERRORDESC_NP
#endif
#endif

/* The kernel's own: net/tls let it out to callers before 5.5. */
#define ENOTSUPP 524

enum { FIRST = KTLS_EVERSION };

static const char *const errors[] = {
	[KTLS_EVERSION - FIRST] = "neither TLS 1.2 nor TLS 1.3",
	[KTLS_ESUITE - FIRST] = "cipher suite not supported",
	[KTLS_ECRYPTO - FIRST] = "the crypto library failed",
	[KTLS_EUNPROVEN - FIRST] = "the socket does not prove that it encrypts",
	[KTLS_ECMSG - FIRST] = "a record came without its type",
	[KTLS_ENOTREADY - FIRST] = "the handshake is not finished",
	[KTLS_EPENDING - FIRST] = "an SSL_write() is unfinished",
	[KTLS_ECLOSED - FIRST] = "the TLS connection is already shut down",
	[KTLS_ETRUNCATED - FIRST] = "the stream ended without close_notify",
	[KTLS_EALERT - FIRST] = "the peer sent a fatal alert",
	[KTLS_EBADRECORD - FIRST] = "a record failed authentication",
	[KTLS_EOVERSIZE - FIRST] = "a record is longer than TLS allows",
	[KTLS_EPROTOCOL - FIRST] = "the peer broke the protocol",
	[KTLS_EKEYUPDATE - FIRST] = "a KeyUpdate that cannot be followed",
	[KTLS_EHANDSHAKE - FIRST] =
		"a handshake message that cannot be answered",
	[KTLS_ENOTFILE - FIRST] = "not a regular file",
	[KTLS_ERETRY - FIRST] =
		"a write did not go on where the last one stopped",
	[KTLS_ESSL - FIRST] = "the TLS library failed",
	[KTLS_EKEYLIMIT - FIRST] = "the key has sealed its number of records",
	[KTLS_EFLOOD - FIRST] = "the peer floods with control records",
	[KTLS_ENOTPIPE - FIRST] = "not a pipe",
};

_Static_assert(COUNT(errors) == KTLS_EEND - FIRST,
	       "each error has a text");

static const char *const paths[] = {
	[KTLS_PATH_KERNEL] = "kernel",
	[KTLS_PATH_USERSPACE] = "userspace",
	[KTLS_PATH_LIBRARY] = "library",
};

static const char *const reasons[] = {
	[KTLS_REASON_NONE] = "none",
	[KTLS_REASON_POLICY] = "another path was asked for",
	[KTLS_REASON_NO_MODULE] = "no kernel TLS",
	[KTLS_REASON_NO_REKEY] = "the kernel cannot change TLS 1.3 keys",
	[KTLS_REASON_KERNEL_SUITE] = "the kernel lacks this cipher suite",
	[KTLS_REASON_VERSION] = "neither TLS 1.2 nor TLS 1.3",
	[KTLS_REASON_SUITE] = "cipher suite not supported",
	[KTLS_REASON_COMPRESSION] = "TLS compression is on",
	[KTLS_REASON_MAX_FRAGMENT] = "max_fragment_length was negotiated",
	[KTLS_REASON_PADDING] = "records are padded",
	[KTLS_REASON_NOT_PREPARED] = "the SSL_CTX was not prepared",
	[KTLS_REASON_NO_SECRETS] = "no traffic secret was seen",
	[KTLS_REASON_TRANSPORT] = "not on a TCP socket",
	[KTLS_REASON_ALREADY_ON] = "keys are in the kernel already",
	[KTLS_REASON_PARTIAL_RECORD] = "half a record was received",
	[KTLS_REASON_PENDING_WRITE] = "the SSL still owes a write",
	[KTLS_REASON_SEQUENCE] = "the sequence number is not proven",
	[KTLS_REASON_ATTACH] = "the kernel refused to attach TLS",
	[KTLS_REASON_INSTALL] = "the kernel refused the keys",
	[KTLS_REASON_UNPROVEN] = "the kernel did not echo the keys",
	[KTLS_REASON_NO_MEMORY] = "out of memory",
	[KTLS_REASON_ENVIRONMENT] = "the environment (KTLS_PATH)",
};

_Static_assert(COUNT(reasons) == KTLS_REASON_END, "each reason has a name");

static const char *entry(const char *const *table, size_t count, size_t i)
{
	return i < count ? table[i] : NULL;
}

/* NULL for a number that has no constant text.  strerror() itself would
 * build one for it in a buffer that others overwrite. */
static const char *errno_text(int number)
{
#if defined(HAVE_STRERRORDESC_NP)
	return strerrordesc_np(number);
#elif defined(__GLIBC__)
	char built[64];
	const char *text = strerror_r(number, built, sizeof(built));

	return text == built ? NULL : text;
#else
	/* musl: constant for every number. */
	return strerror(number);
#endif
}

const char *ktls_strerror(int err)
{
	/* In unsigned arithmetic INT_MIN has an absolute value too. */
	const unsigned number = err < 0 ? 0u - (unsigned)err : (unsigned)err;
	const char *text;

	if (number == 0)
		return "success";
	if (number == ENOTSUPP)
		return "operation not supported by this old kernel";
	if (number >= FIRST)
		text = entry(errors, COUNT(errors), number - FIRST);
	else
		text = errno_text((int)number);
	return text ? text : "unknown error";
}

const char *ktls_path_name(enum ktls_path path)
{
	const char *name = entry(paths, COUNT(paths), (size_t)path);

	return name ? name : "unknown";
}

const char *ktls_reason_name(enum ktls_reason reason)
{
	const char *name = entry(reasons, COUNT(reasons), (size_t)reason);

	return name ? name : "unknown";
}
