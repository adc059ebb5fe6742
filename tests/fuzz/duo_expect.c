/* SPDX-License-Identifier: MIT */
/* What a hand-off of duo.h has to have come to. */
#include <check.h>

#include "duo.h"

/* POLICY stands for the library path here: see duo_paths(). */
static enum ktls_path path_of(enum ktls_reason reason)
{
	static const enum ktls_path paths[KTLS_REASON_END] = {
		[KTLS_REASON_NONE] = KTLS_PATH_KERNEL,
		[KTLS_REASON_NO_MODULE] = KTLS_PATH_USERSPACE,
		[KTLS_REASON_NO_REKEY] = KTLS_PATH_USERSPACE,
		[KTLS_REASON_KERNEL_SUITE] = KTLS_PATH_USERSPACE,
		[KTLS_REASON_ATTACH] = KTLS_PATH_USERSPACE,
		[KTLS_REASON_INSTALL] = KTLS_PATH_USERSPACE,
		[KTLS_REASON_UNPROVEN] = KTLS_PATH_USERSPACE,
	};

	return paths[reason] ? paths[reason] : KTLS_PATH_LIBRARY;
}

void duo_paths(struct ktls *k, enum ktls_path tx, enum ktls_path rx)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_str_eq(ktls_path_name(info.tx.path), ktls_path_name(tx));
	ck_assert_str_eq(ktls_path_name(info.rx.path), ktls_path_name(rx));
	ck_assert_int_eq(info.ssl_held, tx == KTLS_PATH_LIBRARY ||
						rx == KTLS_PATH_LIBRARY);
}

void duo_reasons(struct ktls *k, enum ktls_reason tx, enum ktls_reason rx)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_str_eq(ktls_reason_name(info.tx.reason),
			 ktls_reason_name(tx));
	ck_assert_str_eq(ktls_reason_name(info.rx.reason),
			 ktls_reason_name(rx));
	duo_paths(k, path_of(tx), path_of(rx));
}

void duo_expect(struct duo *d, const struct ktls_opts *opts,
		enum ktls_reason tx, enum ktls_reason rx)
{
	struct ktls *k;

	ck_assert_int_eq(ktls_handoff(&k, d->ssl, opts), 0);
	SSL_free(d->ssl);
	d->ssl = NULL;
	duo_reasons(k, tx, rx);
	duo_alive(d, k);
	duo_close(d, k);
}
