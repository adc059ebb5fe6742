/* SPDX-License-Identifier: MIT */
/*
 * Ask inet_diag about exactly one socket: one request, one answer that is
 * queued by the time the request returns, so nothing here waits.
 */
#include "diag.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "sys.h"
#include "uapi.h"
#include "uapi_diag.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

#define ANY_SEQ 1
#define ALL_STATES 0xffffffffU
/* One TCP socket with tcp_info takes less than 1 KiB. */
#define ANSWER_MAX 4096
#define HEAD sizeof(struct ktls__nlmsghdr)

union answer {
	struct ktls__nlmsghdr align;
	uint8_t bytes[ANSWER_MAX];
};

struct request {
	struct ktls__nlmsghdr header;
	struct ktls__inet_diag_req_v2 diag;
};

/* A run of netlink attributes, each bounded by the one around it. */
struct attrs {
	const uint8_t *at;
	size_t len;
};

/* Address and port of one end; an IPv6 address fills all four words. */
static int set_end(const struct sockaddr_storage *addr, uint8_t *family,
		   uint16_t *port, uint32_t ip[4])
{
	if (addr->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)addr;

		*port = in->sin_port;
		ip[0] = in->sin_addr.s_addr;
	} else if (addr->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)addr;

		*port = in6->sin6_port;
		memcpy(ip, &in6->sin6_addr, sizeof(in6->sin6_addr));
	} else {
		return -EAFNOSUPPORT;
	}
	*family = (uint8_t)addr->ss_family;
	return 0;
}

static int set_ends(int fd, struct ktls__inet_diag_req_v2 *diag)
{
	struct sockaddr_storage addr = {0};
	struct ktls__inet_diag_sockid *id = &diag->id;
	socklen_t len = sizeof(addr);
	int err;

	err = ktls__sys->getsockname(fd, (struct sockaddr *)&addr, &len);
	if (err == 0)
		err = set_end(&addr, &diag->family, &id->sport, id->src);
	if (err < 0)
		return err;
	len = sizeof(addr);
	err = ktls__sys->getpeername(fd, (struct sockaddr *)&addr, &len);
	if (err == 0)
		err = set_end(&addr, &diag->family, &id->dport, id->dst);
	return err;
}

/* The cookie says that the answer is about this socket and not about one with
 * the same addresses in another network namespace. */
static int set_cookie(int fd, struct ktls__inet_diag_sockid *id)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int err;

	err = ktls__sys->getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	if (err < 0)
		return err;
	id->cookie[0] = (uint32_t)cookie;
	id->cookie[1] = (uint32_t)(cookie >> 32);
	return 0;
}

/* A socket bound to an interface is found by that interface only. */
static void set_interface(int fd, struct ktls__inet_diag_sockid *id)
{
	int index = 0;
	socklen_t len = sizeof(index);

	if (ktls__sys->getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index,
				  &len) == 0)
		id->interface = (uint32_t)index;
}

static int fill_request(int fd, struct request *req)
{
	int err;

	memset(req, 0, sizeof(*req));
	req->header.len = sizeof(*req);
	req->header.type = KTLS__SOCK_DIAG_BY_FAMILY;
	req->header.flags = KTLS__NLM_F_REQUEST;
	req->header.seq = ANY_SEQ;
	req->diag.protocol = IPPROTO_TCP;
	/* Without tcp_info the kernel leaves out the ULP too. */
	req->diag.ext = 1 << (KTLS__INET_DIAG_INFO - 1);
	req->diag.states = ALL_STATES;
	err = set_ends(fd, &req->diag);
	if (err == 0)
		err = set_cookie(fd, &req->diag.id);
	if (err == 0)
		set_interface(fd, &req->diag.id);
	return err;
}

/* Returns the answer's length. */
static ssize_t ask(int netlink, struct request *req, union answer *answer)
{
	struct iovec out = {req, sizeof(*req)};
	struct iovec in = {answer, sizeof(*answer)};
	struct ktls__sockaddr_nl from = {0};
	struct msghdr msg = {.msg_iov = &out, .msg_iovlen = 1};
	ssize_t n;

	n = ktls__sys->sendmsg(netlink, &msg, MSG_DONTWAIT);
	if (n < 0)
		return n;
	msg = (struct msghdr){.msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &in,
			      .msg_iovlen = 1};
	n = ktls__sys->recvmsg(netlink, &msg, MSG_DONTWAIT);
	if (n >= 0 && (from.pid != 0 || (msg.msg_flags & MSG_TRUNC)))
		return -EBADMSG;
	return n;
}

/* The first attribute of a type; 0, or -ENOENT. */
static int find(struct attrs all, uint16_t type, struct attrs *found)
{
	struct ktls__nlattr attr;

	while (all.len >= sizeof(attr)) {
		size_t step;

		memcpy(&attr, all.at, sizeof(attr));
		if (attr.len < sizeof(attr) || attr.len > all.len)
			break;
		if ((attr.type & KTLS__NLA_TYPE_MASK) == type) {
			found->at = all.at + sizeof(attr);
			found->len = attr.len - sizeof(attr);
			return 0;
		}
		step = (attr.len + KTLS__NLA_ALIGNTO - 1U) &
		       ~(KTLS__NLA_ALIGNTO - 1U);
		if (step > all.len)
			break;
		all.at += step;
		all.len -= step;
	}
	return -ENOENT;
}

static enum ktls_device device(struct attrs tls, uint16_t type)
{
	struct attrs found;
	uint16_t conf;

	if (find(tls, type, &found) < 0 || found.len < sizeof(conf))
		return KTLS_DEVICE_UNKNOWN;
	memcpy(&conf, found.at, sizeof(conf));
	if (conf == KTLS__TLS_CONF_SW)
		return KTLS_DEVICE_SOFTWARE;
	if (conf == KTLS__TLS_CONF_HW || conf == KTLS__TLS_CONF_HW_RECORD)
		return KTLS_DEVICE_NIC;
	return KTLS_DEVICE_UNKNOWN;
}

/* A refusal is an answer too: NLMSG_ERROR with the errno in it. */
static int check_header(const union answer *answer, size_t len)
{
	const struct ktls__nlmsghdr *header = &answer->align;
	struct ktls__nlmsgerr refusal;

	if (len < sizeof(*header) || header->len > len ||
	    header->len < sizeof(*header) || header->seq != ANY_SEQ)
		return -EBADMSG;
	if (header->type == KTLS__NLMSG_ERROR) {
		if (header->len < HEAD + sizeof(refusal))
			return -EBADMSG;
		memcpy(&refusal, answer->bytes + HEAD, sizeof(refusal));
		return refusal.error < 0 ? refusal.error : -ENOENT;
	}
	if (header->type != KTLS__SOCK_DIAG_BY_FAMILY ||
	    header->len < HEAD + sizeof(struct ktls__inet_diag_msg))
		return -EBADMSG;
	return 0;
}

static int same_socket(const struct ktls__inet_diag_sockid *a,
		       const struct ktls__inet_diag_sockid *b)
{
	return a->sport == b->sport &&
	       a->dport == b->dport &&
	       memcmp(a->cookie, b->cookie, sizeof(a->cookie)) == 0;
}

static int parse(const union answer *answer, size_t len,
		 const struct request *req, struct attrs *tls)
{
	const size_t head = HEAD + sizeof(struct ktls__inet_diag_msg);
	struct ktls__inet_diag_msg msg;
	struct attrs all, ulp;
	int err = check_header(answer, len);

	if (err < 0)
		return err;
	memcpy(&msg, answer->bytes + HEAD, sizeof(msg));
	if (!same_socket(&msg.id, &req->diag.id))
		return -EBADMSG;
	all.at = answer->bytes + head;
	all.len = answer->align.len - head;
	err = find(all, KTLS__INET_DIAG_ULP_INFO, &ulp);
	if (err == 0)
		err = find(ulp, KTLS__INET_ULP_INFO_TLS, tls);
	return err;
}

int ktls__diag(int fd, enum ktls_device *tx, enum ktls_device *rx)
{
	union answer answer;
	struct attrs tls = {0};
	struct request req;
	ssize_t n;
	int netlink, err;

	*tx = KTLS_DEVICE_UNKNOWN;
	*rx = KTLS_DEVICE_UNKNOWN;
	err = fill_request(fd, &req);
	if (err < 0)
		return err;
	netlink = ktls__sys->socket(AF_NETLINK, SOCK_RAW,
				    KTLS__NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return netlink;
	n = ask(netlink, &req, &answer);
	ktls__sys->close(netlink);
	err = n < 0 ? (int)n : parse(&answer, (size_t)n, &req, &tls);
	if (err < 0)
		return err;
	*tx = device(tls, KTLS__TLS_INFO_TXCONF);
	*rx = device(tls, KTLS__TLS_INFO_RXCONF);
	return 0;
}
