/* SPDX-License-Identifier: MIT */
/* What the parts of the suite look for at both ends. */
#include <string.h>

#include "conn.h"
#include "rig.h"

const uint8_t conn_ticket[CONN_TICKET_LEN] = {
	4, 0, 0, 27,
	0, 0, 14, 16,           /* lifetime */
	1, 2, 3, 4,             /* age_add */
	2, 0, 0,                /* nonce */
	0, 12, 't', 'i', 'c', 'k', 'e', 't', '-', 'b', 'y', 't', 'e', 's',
	0, 0                    /* extensions */
};

void conn_expect_data(struct rig *rig, const char *text)
{
	char buf[32];
	size_t len = strlen(text);

	ck_assert_int_eq(rig_read_all(rig, buf, len), (ssize_t)len);
	ck_assert_mem_eq(buf, text, len);
}

void conn_expect_error(struct rig *rig, int err)
{
	char buf[32];
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(rig_read(rig, buf, sizeof(buf)), err);
	ck_assert_int_eq(rig_info(rig).rx.error, err);
}

void conn_expect_alert(struct rig *rig, uint8_t level, uint8_t description)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	ck_assert_int_eq(rig_recv(rig, &type, buf), 2);
	ck_assert_int_eq(type, KTLS_RECORD_ALERT);
	ck_assert_int_eq(buf[0], level);
	ck_assert_int_eq(buf[1], description);
	ck_assert_int_eq(rig_info(rig).alert_sent, description);
}

void conn_bytes_arrive(struct rig *rig, size_t len, uint64_t at)
{
	uint8_t buf[RIG_RECORD_MAX];
	uint8_t type;

	while (len > 0) {
		ssize_t n = rig_recv(rig, &type, buf);

		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(type, KTLS_RECORD_DATA);
		ck_assert_uint_le((size_t)n, len);
		ck_assert(rig_same(buf, (size_t)n, at));
		at += (uint64_t)n;
		len -= (size_t)n;
	}
}

/* However many records they are. */
void conn_arrives(struct rig *rig, const char *text)
{
	uint8_t buf[RIG_RECORD_MAX];
	size_t len = strlen(text);
	uint8_t type;

	while (len > 0) {
		ssize_t n = rig_recv(rig, &type, buf);

		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(type, KTLS_RECORD_DATA);
		ck_assert_uint_le((size_t)n, len);
		ck_assert_mem_eq(buf, text, (size_t)n);
		text += n;
		len -= (size_t)n;
	}
}

void conn_expect_sent(struct rig *rig, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	ck_assert_int_eq(rig_write_all(rig, text, (size_t)len), len);
	conn_arrives(rig, text);
}
