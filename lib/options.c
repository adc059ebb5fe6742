/* SPDX-License-Identifier: MIT */
/* See options.h. */
#include "options.h"

#include <errno.h>
#include <string.h>

#define FLAGS \
	((unsigned)(KTLS_KEEP_SSL | KTLS_NO_WAIT | KTLS_LEAVE_UNANSWERED | \
		    KTLS_EXCEED_KEY_LIMIT | KTLS_EXPECT_NO_PAD | \
		    KTLS_TAKE_SSL))

static bool is_choice(enum ktls_choice choice)
{
	return choice == KTLS_AUTO || choice == KTLS_KERNEL ||
	       choice == KTLS_USERSPACE || choice == KTLS_LIBRARY;
}

/* An older caller's struct is shorter than ours, a newer one's longer. */
int ktls__options_read(struct ktls_opts *opts, const struct ktls_opts *in)
{
	static const struct ktls_opts defaults = KTLS_OPTS_INIT;

	*opts = defaults;
	if (in != NULL && in->size < sizeof(in->size))
		return -EINVAL;
	if (in != NULL)
		memcpy(opts, in, in->size < sizeof(*opts) ? in->size :
							    sizeof(*opts));
	if (!is_choice(opts->tx) || !is_choice(opts->rx) ||
	    (opts->flags & ~FLAGS) != 0 || opts->key_records == 1)
		return -EINVAL;
	return 0;
}

static uint32_t or_default(uint32_t run)
{
	return run == 0 ? KTLS_CONTROL_RUN : run;
}

void ktls__options_keep(struct ktls *k, const struct ktls_opts *opts)
{
	k->flags = opts->flags;
	k->limits.key_records = opts->key_records;
	k->limits.key_update_run = or_default(opts->key_update_run);
	k->limits.ticket_run = or_default(opts->ticket_run);
	k->limits.warning_run = or_default(opts->warning_run);
	k->limits.empty_run = or_default(opts->empty_run);
}
