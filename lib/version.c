/* SPDX-License-Identifier: MIT */
/* The version that this library was compiled as. */
#include "ktls/ktls.h"

#define TEXT(number) #number
#define VERSION(major, minor, patch) \
	TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *ktls_version(void)
{
	return VERSION(KTLS_VERSION_MAJOR, KTLS_VERSION_MINOR,
		       KTLS_VERSION_PATCH);
}
