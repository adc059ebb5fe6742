/* SPDX-License-Identifier: MIT */
/* The peer as a thread that takes all there is, by its SSL. */
#include "rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void *read_on(void *arg)
{
	struct rig_reader *reader = arg;
	SSL *ssl = reader->rig->peer;
	int n;

	for (;;) {
		size_t room = reader->room - reader->len;

		/* one byte too many is a failure of the test, not of ours */
		n = SSL_read(ssl, reader->data + reader->len,
			     (int)(room < 65536 ? room : 65536));
		if (n <= 0)
			break;
		reader->len += (size_t)n;
	}
	reader->closed = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
	return NULL;
}

void rig_reader_start(struct rig_reader *reader, struct rig *rig, size_t room)
{
	memset(reader, 0, sizeof(*reader));
	reader->rig = rig;
	reader->room = room + 1;
	reader->data = malloc(room + 1);
	ck_assert_ptr_nonnull(reader->data);
	ck_assert_int_eq(pthread_create(&reader->thread, NULL, read_on, reader),
			 0);
}

void rig_reader_join(struct rig_reader *reader)
{
	ck_assert_int_eq(pthread_join(reader->thread, NULL), 0);
}

void rig_reader_free(struct rig_reader *reader)
{
	free(reader->data);
	reader->data = NULL;
}
