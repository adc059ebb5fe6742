/* SPDX-License-Identifier: MIT */
/* A file that is sent in pieces of many lengths. */
#ifndef KTLS_TEST_PIECES_H
#define KTLS_TEST_PIECES_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct pieces {
	const char *data;
	size_t size;
	unsigned count;
	size_t unit;            /* pieces are multiples of it long */
};

/* Each is one unit to nearly twice the mean long. */
static inline size_t piece_end(const struct pieces *p, unsigned i)
{
	size_t units = p->size / p->unit;

	if (i + 1 >= p->count)
		return p->size;
	return ((i + 1) * units / p->count -
		i * 2654435761U % (units / p->count)) * p->unit;
}

static inline int pieces_open(struct pieces *p, const char *path,
			      unsigned count, size_t unit)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && count > 0 &&
	    (size_t)st.st_size / unit >= count)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
			    fd, 0);
	if (fd >= 0)
		close(fd);
	if (data == MAP_FAILED) {
		fprintf(stderr, "%s: no file of %u pieces\n", path, count);
		return -1;
	}
	p->data = data;
	p->size = (size_t)st.st_size;
	p->count = count;
	p->unit = unit;
	return 0;
}

#endif
