/* SPDX-License-Identifier: MIT */
/* The allocator and the copying functions of this program, counted. */
#include "costs.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct costs costs;
int costs_outside;

#if COSTS_OF_MEMORY

void *__libc_malloc(size_t len);
void __libc_free(void *p);

/* Before each block: what it is counted with when it goes back.  (The size
 * that malloc_usable_size() tells depends on what was free.) */
struct block {
	void *raw;
	uint32_t len;
	uint32_t counted;
};

/* malloc_usable_size() and 8, of a block that was cut to fit. */
static long cost(size_t len)
{
	return len < 24 ? 32 : (long)((len + 8 + 15) & ~(size_t)15);
}

static struct block *block_of(void *p)
{
	return (struct block *)p - 1;
}

static void *take(size_t align, size_t len)
{
	const size_t more = align + sizeof(struct block);
	const int fails = costs.fail_at > 0 && --costs.fail_at == 0;
	uint8_t *raw = len < UINT32_MAX && !fails ?
			       __libc_malloc(len + more) : NULL;
	struct block *b;

	if (!raw) {
		errno = ENOMEM;
		return NULL;
	}
	b = block_of((void *)(((uintptr_t)raw + more) & ~(align - 1)));
	b->raw = raw;
	b->len = (uint32_t)len;
	b->counted = !costs_outside;
	if (b->counted) {
		costs.live += cost(len);
		costs.allocs += costs.on != 0;
	}
	return b + 1;
}

void free(void *p)
{
	struct block *b;

	if (!p)
		return;
	b = block_of(p);
	if (costs.look)
		costs.look(p, b->len);
	if (b->counted)
		costs.live -= cost(b->len);
	__libc_free(b->raw);
}

void *malloc(size_t len)
{
	return take(16, len);
}

void *calloc(size_t n, size_t len)
{
	void *p = len == 0 || n < UINT32_MAX / len ? take(16, n * len) : NULL;

	return p ? memset(p, 0, n * len) : NULL;
}

void *realloc(void *p, size_t len)
{
	void *fresh;
	size_t had;

	if (p && len == 0) {
		free(p);
		return NULL;
	}
	fresh = take(16, len);
	if (fresh && p) {
		had = block_of(p)->len;
		memcpy(fresh, p, had < len ? had : len);
		free(p);
	}
	return fresh;
}

void *memalign(size_t align, size_t len)
{
	return take(align < 16 ? 16 : align, len);
}

void *aligned_alloc(size_t align, size_t len)
{
	return memalign(align, len);
}

int posix_memalign(void **out, size_t align, size_t len)
{
	*out = memalign(align, len);
	return *out ? 0 : ENOMEM;
}

static void *(*real_memmove)(void *, const void *, size_t);

/* Before the real one is known; volatile, or it would call itself. */
static void by_bytes(volatile uint8_t *to, const uint8_t *from, size_t len)
{
	size_t i;

	if ((uintptr_t)to <= (uintptr_t)from)
		for (i = 0; i < len; i++)
			to[i] = from[i];
	else
		for (i = len; i > 0; i--)
			to[i - 1] = from[i - 1];
}

__attribute__((constructor)) static void find_real(void)
{
	*(void **)&real_memmove = dlsym(RTLD_NEXT, "memmove");
}

static void *copy(void *to, const void *from, size_t len)
{
	if (costs.on && !costs_outside && len >= COSTS_COPY_MIN)
		costs.copied += len;
	if (real_memmove)
		return real_memmove(to, from, len);
	by_bytes(to, from, len);
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	return copy(to, from, len);
}

void *memmove(void *to, const void *from, size_t len)
{
	return copy(to, from, len);
}

#endif
