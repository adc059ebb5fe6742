/* SPDX-License-Identifier: MIT */
/* Queues and log of fake_sys.h. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "fake_script.h"

#define QUEUE 64
#define LOG 512

struct queue {
	struct fake_scripted items[QUEUE];
	size_t n;
	size_t next;
};

static struct queue queues[FAKE_CALLS];
static struct fake_log calls[LOG];
static size_t n_calls;

static struct fake_scripted *push(enum fake_call call)
{
	struct queue *q = &queues[call];
	struct fake_scripted *s;

	ck_assert_uint_lt(q->n, QUEUE);
	s = &q->items[q->n++];
	memset(s, 0, sizeof(*s));
	s->record_type = -1;
	return s;
}

void fake_push(enum fake_call call, long result)
{
	push(call)->result = result;
}

void fake_push_data(enum fake_call call, long result, const void *data,
		    size_t len)
{
	struct fake_scripted *s = push(call);

	ck_assert_uint_le(len, sizeof(s->data));
	s->result = result;
	s->len = len;
	memcpy(s->data, data, len);
}

void fake_push_record(int type, const void *data, size_t len, int msg_flags)
{
	struct fake_scripted *s;

	fake_push_data(FAKE_RECVMSG, (long)len, data, len);
	s = &queues[FAKE_RECVMSG].items[queues[FAKE_RECVMSG].n - 1];
	s->record_type = type;
	s->msg_flags = msg_flags;
}

void fake_push_real(enum fake_call call)
{
	push(call)->real = 1;
}

size_t fake_n(enum fake_call call)
{
	size_t n = 0;

	for (size_t i = 0; i < n_calls; i++)
		n += calls[i].call == call;
	return n;
}

const struct fake_log *fake_nth(enum fake_call call, size_t n)
{
	for (size_t i = 0; i < n_calls; i++)
		if (calls[i].call == call && n-- == 0)
			return &calls[i];
	ck_abort_msg("call was not made that often");
	return NULL;
}

size_t fake_left(void)
{
	size_t left = 0;

	for (int i = 0; i < FAKE_CALLS; i++)
		left += queues[i].n - queues[i].next;
	return left;
}

struct fake_log *fake_enter(enum fake_call call, int fd)
{
	struct fake_log *entry;

	ck_assert_uint_lt(n_calls, LOG);
	entry = &calls[n_calls++];
	memset(entry, 0, sizeof(*entry));
	entry->call = call;
	entry->fd = fd;
	entry->type = -1;
	return entry;
}

void fake_keep(struct fake_log *entry, const void *at, size_t len)
{
	entry->at = at;
	entry->len = len;
	if (at && len)
		memcpy(entry->bytes, at, len < FAKE_KEEP ? len : FAKE_KEEP);
}

const struct fake_scripted *fake_next(const struct fake_log *entry)
{
	struct queue *q = &queues[entry->call];
	static const struct fake_scripted closed = {.record_type = -1};

	if (q->next < q->n) {
		const struct fake_scripted *s = &q->items[q->next++];

		return s->real ? NULL : s;
	}
	if (entry->fd < FAKE_FD)
		return NULL;
	if (entry->call == FAKE_CLOSE)
		return &closed;
	ck_abort_msg("call %d on a fake descriptor is not scripted",
		     (int)entry->call);
	return NULL;
}

long fake_done(struct fake_log *entry, long result)
{
	entry->result = result;
	return result;
}

ssize_t fake_read_file(const char *path, void *buf, size_t len)
{
	(void)path;
	(void)buf;
	(void)len;
	return -ENOENT;
}

const char *fake_getenv(const char *name)
{
	(void)name;
	return NULL;
}

void fake_sys(void)
{
	memset(queues, 0, sizeof(queues));
	n_calls = 0;
	ktls__sys = &fake_table;
}

void fake_sys_end(void)
{
	ktls__sys = &ktls__sys_linux;
}
