/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into the example programs by suites.sh: every context of theirs
 * gets what they have no options for, parameters for DHE and one pre-shared
 * key.
 *
 *   cc -shared -fPIC all_suites.c -o all_suites.so
 */
#include <dlfcn.h>
#include <string.h>

#include <openssl/ssl.h>

#define IDENTITY "test"
#define KEY_LEN 32

static unsigned copy_key(unsigned char *key, unsigned room)
{
	if (room < KEY_LEN)
		return 0;
	memset(key, 0x5a, KEY_LEN);
	return KEY_LEN;
}

static unsigned on_client(SSL *ssl, const char *hint, char *identity,
			  unsigned identity_room, unsigned char *key,
			  unsigned room)
{
	(void)ssl;
	(void)hint;
	if (identity_room < sizeof(IDENTITY))
		return 0;
	memcpy(identity, IDENTITY, sizeof(IDENTITY));
	return copy_key(key, room);
}

static unsigned on_server(SSL *ssl, const char *identity, unsigned char *key,
			  unsigned room)
{
	(void)ssl;
	return strcmp(identity, IDENTITY) == 0 ? copy_key(key, room) : 0;
}

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
	SSL_CTX *(*real)(const SSL_METHOD *);
	SSL_CTX *ctx;

	*(void **)&real = dlsym(RTLD_NEXT, "SSL_CTX_new");
	ctx = real(method);
	if (ctx) {
		SSL_CTX_set_dh_auto(ctx, 1);
		SSL_CTX_set_psk_client_callback(ctx, on_client);
		SSL_CTX_set_psk_server_callback(ctx, on_server);
	}
	return ctx;
}
