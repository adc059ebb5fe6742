/* SPDX-License-Identifier: MIT */
/*
 * Connections of other TLS stacks, by their keys.  Everything that can fail
 * comes before TX has its key; RX then deals with what was received before,
 * in userspace, and goes to the kernel where that ends at a boundary.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "choice.h"
#include "commit.h"
#include "destination.h"
#include "key_limit.h"
#include "object.h"
#include "options.h"
#include "probe.h"
#include "record_path.h"
#include "session.h"
#include "sys.h"
#include "uapi.h"
#include "wipe.h"

static int int_option(int fd, int name, int *val)
{
	socklen_t len = sizeof(*val);

	*val = 0;
	return ktls__sys->getsockopt(fd, SOL_SOCKET, name, val, &len);
}

/* A TCP socket, with a peer. */
static int check_socket(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int type, domain, protocol;
	int err = int_option(fd, SO_TYPE, &type);

	if (err == 0)
		err = int_option(fd, SO_DOMAIN, &domain);
	if (err == 0)
		err = int_option(fd, SO_PROTOCOL, &protocol);
	if (err < 0)
		return err;
	if (type != SOCK_STREAM || (domain != AF_INET && domain != AF_INET6) ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP))
		return -EOPNOTSUPP;
	return ktls__sys->getpeername(fd, (struct sockaddr *)&peer, &len);
}

/* There is no SSL here to stay with, nor to keep. */
static int read_opts(struct ktls_opts *opts, unsigned *by_operator,
		     const struct ktls_opts *in)
{
	int err = ktls__options_read(opts, in);

	if (err < 0)
		return err;
	if (opts->tx == KTLS_LIBRARY || opts->rx == KTLS_LIBRARY ||
	    (opts->flags & (KTLS_KEEP_SSL | KTLS_TAKE_SSL)) != 0)
		return -EINVAL;
	err = ktls__choice_read(&opts->tx, &opts->rx, by_operator);
	if (opts->tx == KTLS_LIBRARY)
		opts->tx = KTLS_USERSPACE;
	if (opts->rx == KTLS_LIBRARY)
		opts->rx = KTLS_USERSPACE;
	return err;
}

static void take_keys(struct ktls *k, const struct ktls__session *s)
{
	k->hs = s->hs;
	k->tx.seq0 = s->tx.seq;
	k->rx.seq0 = s->rx.seq;
	k->engine->rx_seq = s->rx.seq;
	k->tx.secret_len = s->tx_secret_len;
	k->rx.secret_len = s->rx_secret_len;
	memcpy(k->tx.secret, s->tx_secret, sizeof(k->tx.secret));
	memcpy(k->rx.secret, s->rx_secret, sizeof(k->rx.secret));
}

/* Whatever the kernel says later, userspace is ready. */
static int key_engine(struct ktls *k, const struct ktls__session *s)
{
	int err = 0;

	if (!ktls__cipher_takes(k->hs.row))
		return 0;
	err = ktls__sealer_key(&k->engine->sealer, &s->tx);
	if (err == 0)
		err = ktls__inbox_key(&k->engine->inbox, &s->rx);
	if (err == 0)
		err = ktls__inbox_feed(&k->engine->inbox, s->ciphertext,
				       s->ciphertext_len);
	return err;
}

static int keep_plaintext(struct ktls *k, const struct ktls__session *s)
{
	struct ktls__chunk *c;

	if (s->plaintext_len == 0)
		return 0;
	c = ktls__chunk_new(s->plaintext_len);
	if (c == NULL)
		return -ENOMEM;
	memcpy(c->data, s->plaintext, s->plaintext_len);
	c->len = s->plaintext_len;
	ktls__leftover_add(&k->leftover, c);
	k->left = true;
	return 0;
}

/* Without a userspace path what keeps a direction out is an error. */
static int refusal(const struct ktls *k, const struct ktls__side *side)
{
	if (side->path == KTLS_PATH_KERNEL || ktls__cipher_takes(k->hs.row))
		return 0;
	if (side->reason_errno != 0)
		return -side->reason_errno;
	if (side->reason == KTLS_REASON_UNPROVEN)
		return -KTLS_EUNPROVEN;
	return side->reason == KTLS_REASON_KERNEL_SUITE ? -EINVAL : -EOPNOTSUPP;
}

static int refusal_of_either(const struct ktls *k)
{
	int err = refusal(k, &k->tx);

	return err < 0 ? err : refusal(k, &k->rx);
}

/* Paths, as far as they are known before the kernel has a key.  0; -EBUSY;
 * a refusal. */
static int choose(struct ktls *k, const struct ktls_opts *opts,
		  unsigned by_operator)
{
	const bool careful = opts->rx == KTLS_AUTO && k->rx.secret_len > 0;
	bool to_kernel;
	int err;

	ktls__choose(k, opts->tx, opts->rx, by_operator);
	/* Before the socket gets the ULP, which it would keep. */
	err = refusal_of_either(k);
	if (err < 0)
		return err;
	to_kernel = ktls__to_kernel(&k->tx) || ktls__to_kernel(&k->rx);
	if ((to_kernel ? ktls__attach(k) : !ktls__probe_lacks_ulp()) &&
	    ktls__has_keys(k))
		return -EBUSY;
	ktls__check_kernel(k, careful);
	return refusal_of_either(k);
}

static int commit_tx(struct ktls *k, const struct ktls_keys *keys)
{
	ktls__commit_base(k);
	if (ktls__to_kernel(&k->tx))
		ktls__commit_kernel(k, KTLS_TX, keys);
	if (k->tx.err < 0)
		return k->tx.err;
	ktls__limit_init(k);
	return refusal(k, &k->tx);
}

/* true: RX stands at the beginning of a record, and of a message. */
static bool settle_rx(struct ktls *k)
{
	int err;

	if (!ktls__record_path_drain(k))
		return false;
	err = ktls__inbox_complete(&k->engine->inbox, k->fd);
	/* The socket tells of its end once. */
	if (err < 0)
		(void)ktls__fail_read(k, err);
	return err == 0 && ktls__record_path_drain(k);
}

/* They may be others by now. */
static int present_rx(const struct ktls *k, struct ktls_keys *keys)
{
	int err = 0;

	if (k->rx.secret_len > 0)
		err = ktls_keys_tls13(keys, k->hs.suite, k->rx.secret,
				      k->rx.secret_len);
	keys->seq = k->engine->inbox.opener.seq;
	return err;
}

/* What the ciphertext holds comes first, and where it ends RX may go on in the
 * kernel. */
static void read_ciphertext(struct ktls *k, struct ktls__session *s)
{
	const bool wanted = ktls__to_kernel(&k->rx);

	if (wanted)
		ktls__keep_out(&k->rx, KTLS_REASON_PARTIAL_RECORD, 0);
	if (!settle_rx(k) || !wanted)
		return;
	/* One number more, and no record could have it. */
	if (k->engine->inbox.opener.seq == UINT64_MAX)
		return;
	k->rx.path = KTLS_PATH_KERNEL;
	k->rx.reason = KTLS_REASON_NONE;
	if (present_rx(k, &s->rx) < 0)
		ktls__keep_out(&k->rx, KTLS_REASON_NO_MEMORY, 0);
}

static int commit_rx(struct ktls *k, struct ktls__session *s)
{
	if (s->ciphertext_len > 0)
		read_ciphertext(k, s);
	if (!ktls__to_kernel(&k->rx))
		return 0;
	ktls__commit_kernel(k, KTLS_RX, &s->rx);
	ktls__commit_no_pad(k);
	/* Too late to refuse: records have been read, and answered under
	 * numbers that nobody may use again. */
	if (s->ciphertext_len > 0)
		return 0;
	return k->rx.err < 0 ? k->rx.err : refusal(k, &k->rx);
}

static int prepare(struct ktls *k, const struct ktls__session *s,
		   const struct ktls_opts *opts, unsigned by_operator)
{
	int err;

	take_keys(k, s);
	ktls__options_keep(k, opts);
	err = key_engine(k, s);
	if (err == 0)
		err = keep_plaintext(k, s);
	return err < 0 ? err : choose(k, opts, by_operator);
}

/* The kernel's alone from here on: what stayed here would outlive them. */
static void drop_unused_keys(struct ktls *k)
{
	if (k->tx.path == KTLS_PATH_KERNEL)
		ktls__sealer_wipe(&k->engine->sealer);
	if (k->rx.path == KTLS_PATH_KERNEL)
		ktls__inbox_wipe(&k->engine->inbox);
}

static void tell_of(struct ktls *k, const struct ktls_opts *opts)
{
	k->event = opts->event;
	k->event_arg = opts->event_arg;
}

static int open_session(struct ktls **out, int fd, struct ktls__session *s,
			const struct ktls_opts *opts, unsigned by_operator)
{
	struct ktls *k = ktls__object_new(fd);
	int err;

	if (k == NULL)
		return -ENOMEM;
	err = prepare(k, s, opts, by_operator);
	if (err == 0)
		err = commit_tx(k, &s->tx);
	if (err == 0) {
		*out = k;
		/* Nothing refuses it any more, and there may be events. */
		if (s->ciphertext_len > 0)
			tell_of(k, opts);
		err = commit_rx(k, s);
	}
	if (err == 0) {
		tell_of(k, opts);
		drop_unused_keys(k);
		k->untold = k->eof || k->rx.err < 0;
		/* An event's ktls_info() may have asked too early. */
		k->device_known = false;
		ktls__object_trim(k);
		return 0;
	}
	*out = NULL;
	ktls__object_free(k);
	return err;
}

int ktls_open(struct ktls **out, int fd, const struct ktls_session *session,
	      const struct ktls_opts *in)
{
	struct ktls__session s = { .tx_secret_len = 0 };
	struct ktls_opts opts;
	unsigned by_operator = 0;
	int err;

	if (out == NULL)
		return -EINVAL;
	*out = NULL;
	if (session == NULL)
		return -EINVAL;
	err = read_opts(&opts, &by_operator, in);
	if (err == 0)
		err = ktls__session_read(&s, session);
	if (err == 0)
		err = check_socket(fd);
	if (err == 0)
		err = ktls__session_try(&s);
	if (err == 0)
		err = open_session(out, fd, &s, &opts, by_operator);
	ktls__wipe(&s, sizeof(s));
	return err;
}
