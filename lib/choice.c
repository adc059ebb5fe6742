/* SPDX-License-Identifier: MIT */
/* The environment variable KTLS_PATH: see choice.h. */
#include "choice.h"

#include <errno.h>
#include <string.h>

#include "sys.h"

struct choices {
	enum ktls_choice tx;
	enum ktls_choice rx;
	unsigned set;
};

static int parse_path(const char *text, size_t len, enum ktls_choice *choice)
{
	static const char *const names[] = {
		[KTLS_AUTO] = "auto",
		[KTLS_KERNEL] = "kernel",
		[KTLS_USERSPACE] = "userspace",
		[KTLS_LIBRARY] = "library",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) != len || memcmp(text, names[i], len) != 0)
			continue;
		*choice = (enum ktls_choice)i;
		return 0;
	}
	return -EINVAL;
}

/* Which directions this part speaks of; *text moves on to the path. */
static unsigned take_dirs(const char **text, size_t *len)
{
	unsigned dirs;

	if (*len < 3 || (*text)[2] != '=')
		return KTLS_TX | KTLS_RX;
	if (memcmp(*text, "tx", 2) == 0)
		dirs = KTLS_TX;
	else if (memcmp(*text, "rx", 2) == 0)
		dirs = KTLS_RX;
	else
		return KTLS_TX | KTLS_RX;
	*text += 3;
	*len -= 3;
	return dirs;
}

/* That nothing is said twice also leaves a part without direction alone. */
static int parse_part(const char *text, size_t len, struct choices *c)
{
	unsigned dirs = take_dirs(&text, &len);
	enum ktls_choice choice;
	int err = parse_path(text, len, &choice);

	if (err < 0)
		return err;
	if ((c->set & dirs) != 0)
		return -EINVAL;
	if ((dirs & KTLS_TX) != 0)
		c->tx = choice;
	if ((dirs & KTLS_RX) != 0)
		c->rx = choice;
	c->set |= dirs;
	return 0;
}

int ktls__choice_parse(const char *text, enum ktls_choice *tx,
		       enum ktls_choice *rx, unsigned *set)
{
	struct choices c = { .tx = *tx, .rx = *rx };
	size_t len = strcspn(text, ",");
	int err = parse_part(text, len, &c);

	if (err == 0 && text[len] == ',')
		err = parse_part(text + len + 1, strlen(text + len + 1), &c);
	if (err < 0)
		return err;
	*tx = c.tx;
	*rx = c.rx;
	*set = c.set;
	return 0;
}

int ktls__choice_read(enum ktls_choice *tx, enum ktls_choice *rx,
		      unsigned *set)
{
	const char *text = ktls__sys->getenv("KTLS_PATH");

	if (text != NULL && text[0] != '\0')
		return ktls__choice_parse(text, tx, rx, set);
	*set = 0;
	return 0;
}
