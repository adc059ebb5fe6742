/* SPDX-License-Identifier: MIT */
/* The bytes that are sent: no two blocks of them are alike. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conn.h"
#include "race.h"

static void fill(uint64_t *block, size_t words, uint64_t *state)
{
	size_t i;

	for (i = 0; i < words; i++) {
		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		block[i] = *state;
	}
}

static int fill_file(int fd, size_t size)
{
	static uint64_t block[1 << 17];
	uint64_t state = 0x6b746c7362656e63;
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		fill(block, sizeof(block) / sizeof(block[0]), &state);
		n = write(fd, block, sizeof(block));
		if (n != (ssize_t)sizeof(block))
			return -1;
		done += sizeof(block);
	}
	return 0;
}

/* It has no name: nothing is left behind, however we end. */
static int temporary(void)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "%s/ktls-bench-XXXXXX", dir);
	fd = mkstemp(path);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int make(struct source *s)
{
	s->size = settings.quick ? SOURCE_WINDOW : SOURCE_FILE;
	s->fd = temporary();
	s->memory = aligned_alloc(4096, SOURCE_MEMORY);
	if (s->fd < 0 || !s->memory || fill_file(s->fd, s->size) < 0)
		return -1;
	s->map = mmap(NULL, s->size, PROT_READ, MAP_SHARED, s->fd, 0);
	if (s->map == MAP_FAILED)
		return -1;
	memcpy(s->memory, s->map, SOURCE_MEMORY);
	return 0;
}

const struct source *source_get(void)
{
	static struct source source;

	if (source.size == 0 && make(&source) < 0) {
		complain("no temporary file (TMPDIR)", -errno);
		source.size = 0;
		return NULL;
	}
	return &source;
}
