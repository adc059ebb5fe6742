/* SPDX-License-Identifier: MIT */
/* Overwriting secrets.  A leaf: whatever held one ends here. */
#include <string.h>

#include "wipe.h"

/* Volatile: the compiler cannot know that this is memset(), so it can
 * neither see that the memory is dead nor drop the call. */
static void *(*const volatile fill)(void *, int, size_t) = memset;

void ktls__wipe(void *p, size_t len)
{
	if (len > 0)
		fill(p, 0, len);
}
