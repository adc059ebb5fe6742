/* SPDX-License-Identifier: MIT */
/* record.c: the record type in a message of one's own. */
#include <string.h>
#include <sys/socket.h>

#include "ktls/ktls.h"
#include "suite_main.h"
#include "uapi.h"

union control {
	struct cmsghdr align;
	uint8_t bytes[2 * KTLS_CMSG_SPACE];
};

START_TEST(cmsg_set)
{
	struct msghdr msg = {.msg_flags = 7};
	union control control;
	struct cmsghdr *cmsg;

	memset(&control, 0xff, sizeof(control));
	ktls_cmsg_set(&msg, &control, KTLS_RECORD_ALERT);
	ck_assert_ptr_eq(msg.msg_control, &control);
	ck_assert_uint_eq(msg.msg_controllen, CMSG_SPACE(1));
	cmsg = CMSG_FIRSTHDR(&msg);
	ck_assert_int_eq(cmsg->cmsg_level, 282);
	ck_assert_int_eq(cmsg->cmsg_type, 1);
	ck_assert_uint_eq(cmsg->cmsg_len, CMSG_LEN(1));
	ck_assert_uint_eq(*CMSG_DATA(cmsg), KTLS_RECORD_ALERT);
	ck_assert_uint_eq(control.bytes[KTLS_CMSG_SPACE], 0xff);
}
END_TEST

static void add_cmsg(struct msghdr *msg, int level, int type, uint8_t byte)
{
	struct cmsghdr *cmsg =
		(void *)((char *)msg->msg_control + msg->msg_controllen);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = byte;
	msg->msg_controllen += CMSG_SPACE(1);
}

START_TEST(cmsg_get)
{
	union control control = {.bytes = {0}};
	struct msghdr msg = {.msg_control = &control};

	ck_assert_int_eq(ktls_cmsg_get(&msg), 0);
	add_cmsg(&msg, SOL_SOCKET, KTLS__TLS_GET_RECORD_TYPE, 99);
	ck_assert_int_eq(ktls_cmsg_get(&msg), 0);
	add_cmsg(&msg, KTLS__SOL_TLS, KTLS__TLS_GET_RECORD_TYPE, 255);
	ck_assert_int_eq(ktls_cmsg_get(&msg), 255);
	msg.msg_flags = MSG_CTRUNC;
	ck_assert_int_eq(ktls_cmsg_get(&msg), -KTLS_ECMSG);
	msg.msg_flags = 0;
	msg.msg_controllen = 0;
	add_cmsg(&msg, KTLS__SOL_TLS, KTLS__TLS_SET_RECORD_TYPE, 21);
	ck_assert_int_eq(ktls_cmsg_get(&msg), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cmsg");
	TCase *tcase = tcase_create("cmsg");

	tcase_add_test(tcase, cmsg_set);
	tcase_add_test(tcase, cmsg_get);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
