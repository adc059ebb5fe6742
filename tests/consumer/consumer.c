/* SPDX-License-Identifier: MIT */
/* Built outside the tree: the header compiles, the library links and runs. */
#include <ktls/ktls.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STRING(x) #x
#define VERSION(a, b, c) STRING(a) "." STRING(b) "." STRING(c)

/* What is done with the keys of a handshake is the same in each library; what
 * is done with an SSL_CTX is not. */
static const char *backend(void)
{
	switch (ktls_prepare(NULL, 0)) {
	case -EINVAL:
		return "with a TLS library";
	case -EOPNOTSUPP:
		return "keys only";
	default:
		return "broken";
	}
}

int main(void)
{
	struct ktls_features features;
	int err;

	if (strcmp(ktls_version(), VERSION(KTLS_VERSION_MAJOR,
					   KTLS_VERSION_MINOR,
					   KTLS_VERSION_PATCH)) != 0)
		return 1;
	if (strlen(ktls_strerror(-KTLS_ETRUNCATED)) == 0)
		return 2;
	memset(&features, 0, sizeof(features));
	features.size = sizeof(features);
	err = ktls_probe(&features);
	if (err < 0) {
		fprintf(stderr, "ktls_probe: %s\n", ktls_strerror(err));
		return 3;
	}
	printf("libktls %s, %s, kernel TLS: %s\n", ktls_version(), backend(),
	       features.ulp == 0 ? "there" : ktls_strerror(features.ulp));
	return 0;
}
