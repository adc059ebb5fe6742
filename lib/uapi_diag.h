/* SPDX-License-Identifier: MIT */
/*
 * Netlink and inet_diag in our own copies, as in uapi.h: a libc that comes
 * without the kernel's headers is enough.  All in the byte order of the host
 * but for addresses and ports.
 */
#ifndef KTLS_UAPI_DIAG_H
#define KTLS_UAPI_DIAG_H

#include <stdint.h>

#define KTLS__NETLINK_SOCK_DIAG 4
#define KTLS__SOCK_DIAG_BY_FAMILY 20
#define KTLS__NLM_F_REQUEST 1
#define KTLS__NLMSG_ERROR 2
#define KTLS__NLA_TYPE_MASK 0x3fff /* without the two flags */
#define KTLS__NLA_ALIGNTO 4

struct ktls__sockaddr_nl {
	uint16_t family;
	uint16_t pad;
	uint32_t pid;    /* 0: the kernel */
	uint32_t groups;
};

/* What it heads follows at once: its length is a multiple of four. */
struct ktls__nlmsghdr {
	uint32_t len;    /* of the message, with this */
	uint16_t type;
	uint16_t flags;
	uint32_t seq;
	uint32_t pid;
};

struct ktls__nlmsgerr {
	int32_t error;   /* -errno */
	struct ktls__nlmsghdr msg;
};

struct ktls__nlattr {
	uint16_t len;    /* with this, without what pads it */
	uint16_t type;
};

struct ktls__inet_diag_sockid {
	uint16_t sport;
	uint16_t dport;
	uint32_t src[4];
	uint32_t dst[4];
	uint32_t interface;
	uint32_t cookie[2];
};

struct ktls__inet_diag_req_v2 {
	uint8_t family;
	uint8_t protocol;
	uint8_t ext;     /* 1 << (INET_DIAG_... - 1) */
	uint8_t pad;
	uint32_t states; /* 1 << TCP_... */
	struct ktls__inet_diag_sockid id;
};

struct ktls__inet_diag_msg {
	uint8_t family;
	uint8_t state;
	uint8_t timer;
	uint8_t retrans;
	struct ktls__inet_diag_sockid id;
	uint32_t expires;
	uint32_t rqueue;
	uint32_t wqueue;
	uint32_t uid;
	uint32_t inode;
};

/* An extension to ask for; what comes with it is in uapi.h. */
#define KTLS__INET_DIAG_INFO 2

#endif
