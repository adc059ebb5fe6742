/* SPDX-License-Identifier: MIT */
/* What is played: the scripts, and the paths that they are played on. */
#include "fault.h"
#include "tests/tls_calls.h"

const struct fault_path fault_paths[] = {
	{ "kernel with rekey", KTLS_KERNEL, KTLS_KERNEL, 1, 1, 1 },
	{ "kernel without rekey", KTLS_KERNEL, KTLS_KERNEL, 0, 0, 0 },
	{ "userspace", KTLS_USERSPACE, KTLS_USERSPACE, 0, 1, 1 },
	{ "library", KTLS_LIBRARY, KTLS_LIBRARY, 0, 1, 1 },
	{ "kernel out, userspace in", KTLS_KERNEL, KTLS_USERSPACE, 0, 1, 0 },
	{ "userspace out, kernel in", KTLS_USERSPACE, KTLS_KERNEL, 1, 1, 1 },
	{ "kernel out, library in", KTLS_KERNEL, KTLS_LIBRARY, 1, 1, 1 },
	{ "library out, kernel in", KTLS_LIBRARY, KTLS_KERNEL, 1, 1, 1 },
};
const size_t fault_path_count = sizeof(fault_paths) / sizeof(*fault_paths);

const struct fault_script fault_scripts[] = {
	{ .name = "data", .roles = ROLE_BOTH, .versions = VERSION_BOTH,
	  .steps = { { STEP_WRITE, 100 }, { STEP_READ, 100 },
		     { STEP_WRITE, 40000 }, { STEP_READ, 40000 },
		     { STEP_FILE, 60000 }, { STEP_READ, 3 },
		     { STEP_WRITE, 1 }, { STEP_SHUTDOWN, 0 },
		     { STEP_READ, 500 }, { STEP_PEER_CLOSE, 0 } } },
	{ .name = "updates", .roles = ROLE_BOTH, .versions = VERSION_13,
	  .rekeys = 1,
	  .steps = { { STEP_WRITE, 10 }, { STEP_PEER_UPDATE, 0 },
		     { STEP_READ, 20 }, { STEP_PEER_UPDATE, 1 },
		     { STEP_READ, 20 }, { STEP_WRITE, 10 },
		     { STEP_UPDATE, 0 }, { STEP_WRITE, 20000 },
		     { STEP_UPDATE, KTLS_UPDATE_REQUESTED },
		     { STEP_READ, 20 }, { STEP_PEER_UPDATE, 1 },
		     { STEP_READ, 20 }, { STEP_UPDATE, 0 },
		     { STEP_FILE, 100 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "update at the end", .roles = ROLE_CLIENT,
	  .versions = VERSION_13, .rekeys = 1,
	  .steps = { { STEP_PEER_UPDATE, 1 }, { STEP_READ, 20 },
		     { STEP_PEER_UPDATE, 1 }, { STEP_PEER_UPDATE, 0 },
		     { STEP_READ, 20 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "key limit", .roles = ROLE_BOTH, .versions = VERSION_13,
	  .rekeys = 1, .key_records = 4,
	  .steps = { { STEP_WRITE, 100 }, { STEP_READ, 10 },
		     { STEP_WRITE, 150000 }, { STEP_FILE, 150000 },
		     { STEP_WRITE, 10 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "limit exceeded", .roles = ROLE_SERVER,
	  .versions = VERSION_BOTH, .cannot_rekey = 1,
	  .flags = KTLS_EXCEED_KEY_LIMIT, .key_records = 4,
	  .steps = { { STEP_WRITE, 100000 }, { STEP_UPDATE, 0 },
		     { STEP_FILE, 100000 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "limit refused", .roles = ROLE_SERVER,
	  .versions = VERSION_BOTH, .cannot_rekey = 1, .key_records = 4,
	  .steps = { { STEP_WRITE, 100 }, { STEP_LIMIT, 0 },
		     { STEP_READ, 100 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "unanswered", .roles = ROLE_SERVER, .versions = VERSION_13,
	  .cannot_rekey = 1, .flags = KTLS_LEAVE_UNANSWERED,
	  .steps = { { STEP_PEER_UPDATE, 0 }, { STEP_READ, 20 },
		     { STEP_PEER_UPDATE, 1 }, { STEP_READ, 20 },
		     { STEP_WRITE, 20000 }, { STEP_READ, 20 },
		     { STEP_SHUTDOWN, 0 }, { STEP_PEER_CLOSE, 0 } } },
	{ .name = "tickets", .roles = ROLE_CLIENT, .versions = VERSION_13,
	  .flags = KTLS_KEEP_SSL,
	  .steps = { { STEP_TICKET, 1 }, { STEP_READ, 100 },
		     { STEP_WRITE, 100 }, { STEP_TICKET, 2 },
		     { STEP_READ, 100 }, { STEP_WRITE, 20000 },
		     { STEP_SHUTDOWN, 0 }, { STEP_PEER_CLOSE, 0 } } },
	{ .name = "tickets and updates", .roles = ROLE_CLIENT,
	  .versions = VERSION_13, .rekeys = 1, .flags = KTLS_KEEP_SSL,
	  .steps = { { STEP_TICKET, 1 }, { STEP_PEER_UPDATE, 1 },
		     { STEP_READ, 10 }, { STEP_TICKET, 1 },
		     { STEP_READ, 10 }, { STEP_WRITE, 100 },
		     { STEP_UPDATE, 0 }, { STEP_TICKET, 1 },
		     { STEP_READ, 10 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "post-handshake", .roles = ROLE_SERVER,
	  .versions = VERSION_13, .flags = KTLS_KEEP_SSL,
	  .steps = { { STEP_WRITE, 10 }, { STEP_POST, 0 },
		     { STEP_WRITE, 10 }, { STEP_READ, 10 },
		     { STEP_POST, 0 }, { STEP_POST, 0 },
		     { STEP_FILE, 100 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "post-handshake and updates", .roles = ROLE_SERVER,
	  .versions = VERSION_13, .rekeys = 1, .flags = KTLS_KEEP_SSL,
	  .key_records = 4,
	  .steps = { { STEP_UPDATE, 0 }, { STEP_POST, 0 },
		     { STEP_WRITE, 40000 }, { STEP_PEER_UPDATE, 1 },
		     { STEP_READ, 10 }, { STEP_POST, 0 },
		     { STEP_WRITE, 40000 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "asked for a certificate", .roles = ROLE_CLIENT,
	  .versions = VERSION_13, .flags = KTLS_KEEP_SSL,
	  .steps = { { STEP_WRITE, 10 }, { STEP_ASKED, 0 },
		     { STEP_READ, 100 }, { STEP_WRITE, 20000 },
		     { STEP_ASKED, 0 }, { STEP_TICKET, 1 },
		     { STEP_READ, 10 }, { STEP_FILE, 100 },
		     { STEP_SHUTDOWN, 0 }, { STEP_PEER_CLOSE, 0 } } },
	{ .name = "asked, and updates", .roles = ROLE_CLIENT,
	  .versions = VERSION_13, .rekeys = 1, .flags = KTLS_KEEP_SSL,
	  .key_records = 4,
	  .steps = { { STEP_UPDATE, 0 }, { STEP_ASKED, 0 },
		     { STEP_PEER_UPDATE, 1 }, { STEP_READ, 100 },
		     { STEP_WRITE, 40000 }, { STEP_ASKED, 0 },
		     { STEP_READ, 10 }, { STEP_FILE, 40000 },
		     { STEP_SHUTDOWN, 0 }, { STEP_PEER_CLOSE, 0 } } },
	{ .name = "alerts", .roles = ROLE_BOTH, .versions = VERSION_BOTH,
	  .steps = { { STEP_WRITE, 100 }, { STEP_ALERT, 90 },
		     { STEP_WRITE, 20000 }, { STEP_FILE, 20000 },
		     { STEP_UNREAD, 100 }, { STEP_ALERT, 80 },
		     { STEP_LINGER, 0 } } },
	{ .name = "forged record", .roles = ROLE_BOTH,
	  .versions = VERSION_BOTH,
	  .steps = { { STEP_WRITE, 20000 }, { STEP_READ, 100 },
		     { STEP_WRITE, 10 }, { STEP_UNREAD, 100 },
		     { STEP_FORGED, 0 } } },
	{ .name = "linger", .roles = ROLE_BOTH, .versions = VERSION_BOTH,
	  .steps = { { STEP_WRITE, 30000 }, { STEP_READ, 100 },
		     { STEP_UNREAD, 40000 }, { STEP_LINGER, 0 } } },
	{ .name = "linger behind an update", .roles = ROLE_SERVER,
	  .versions = VERSION_13, .rekeys = 1,
	  .steps = { { STEP_WRITE, 30000 }, { STEP_PEER_UPDATE, 1 },
		     { STEP_READ, 100 }, { STEP_PEER_UPDATE, 1 },
		     { STEP_UNREAD, 100 }, { STEP_SHUTDOWN, 0 },
		     { STEP_LINGER, 0 } } },
	{ .name = "peer closes first", .roles = ROLE_SERVER,
	  .versions = VERSION_BOTH,
	  .steps = { { STEP_READ, 100 }, { STEP_PEER_CLOSE, 0 },
		     { STEP_WRITE, 20000 }, { STEP_FILE, 20000 },
		     { STEP_SHUTDOWN, 0 } } },
	{ .name = "pipes", .roles = ROLE_BOTH, .versions = VERSION_BOTH,
	  .steps = { { STEP_PIPE_OUT, 100 }, { STEP_PIPE_IN, 100 },
		     { STEP_PIPE_OUT, 40000 }, { STEP_PIPE_IN, 40000 },
		     { STEP_READ, 10 }, { STEP_WRITE, 10 },
		     { STEP_PIPE_IN, 20 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
	{ .name = "pipes and updates", .roles = ROLE_CLIENT,
	  .versions = VERSION_13, .rekeys = 1, .flags = KTLS_KEEP_SSL,
	  .key_records = 4,
	  .steps = { { STEP_PEER_UPDATE, 1 }, { STEP_PIPE_IN, 100 },
		     { STEP_PIPE_OUT, 40000 }, { STEP_TICKET, 1 },
		     { STEP_PEER_UPDATE, 0 }, { STEP_PIPE_IN, 20000 },
		     { STEP_UPDATE, 1 }, { STEP_PIPE_OUT, 100 },
		     { STEP_PIPE_IN, 10 }, { STEP_SHUTDOWN, 0 },
		     { STEP_PEER_CLOSE, 0 } } },
};
const size_t fault_script_count =
	sizeof(fault_scripts) / sizeof(*fault_scripts);

static int has_step(const struct fault_script *script,
		    enum fault_step_kind kind)
{
	size_t i;

	for (i = 0; script->steps[i].kind != STEP_END; i++)
		if (script->steps[i].kind == kind)
			return 1;
	return 0;
}

/* 1, and said so once per script: this TLS library cannot play it. */
static int lacks(const struct fault_script *s)
{
	static const struct fault_script *told;
	const int needs_tickets = has_step(s, STEP_TICKET) ||
				  has_step(s, STEP_POST);

	if ((!needs_tickets || tls_has(TLS_TICKETS_LATER)) &&
	    (!has_step(s, STEP_ASKED) || tls_has(TLS_LATE_AUTH)))
		return 0;
	if (told != s)
		tls_lacks(needs_tickets ? TLS_TICKETS_LATER : TLS_LATE_AUTH,
			  s->name);
	told = s;
	return 1;
}

int fault_fits(const struct fault_case *c)
{
	const struct fault_script *s = c->script;
	int is_13 = c->version == KTLS_TLS_1_3;
	int rekeys = is_13 && c->path->rekeys;

	if (!(s->roles & (c->server ? ROLE_SERVER : ROLE_CLIENT)) ||
	    !(s->versions & (is_13 ? VERSION_13 : VERSION_12)))
		return 0;
	if ((s->rekeys && !rekeys) || (s->cannot_rekey && rekeys))
		return 0;
	if (has_step(s, STEP_PEER_UPDATE) && !c->path->follows)
		return 0;
	return !lacks(s);
}

const char *fault_step_name(enum fault_step_kind kind)
{
	static const char *const names[] = {
		"end", "write", "sendfile", "splice_write", "read",
		"splice_read", "update_keys", "peer's update", "tickets",
		"post_handshake", "asked", "alert", "unread", "limit",
		"shutdown", "peer's close", "forged record", "linger"
	};

	return names[kind];
}

const char *fault_call_name(enum fault_call call)
{
	static const char *const names[] = {
		"sendmsg", "recvmsg", "sendfile", "pread", "setsockopt",
		"poll", "splice from", "splice to", "pipe"
	};

	return names[call];
}

const char *fault_kind_name(enum fault_kind kind)
{
	static const char *const names[] = { "none",   "eagain", "full",
					     "eintr",  "half",   "byte",
					     "enomem", "reset" };

	return names[kind];
}

int fault_applies(enum fault_kind kind, const struct fault_seen *seen)
{
	enum fault_call call = seen->call;

	switch (kind) {
	case FAULT_AGAIN:
		return call != CALL_KEYS && call != CALL_POLL && !seen->waits;
	case FAULT_FULL:
		return call != CALL_KEYS && call != CALL_POLL &&
		       call != CALL_PIPE && !seen->waits;
	case FAULT_INTR:
		return call != CALL_KEYS;
	case FAULT_HALF:
	case FAULT_BYTE:
		return call != CALL_KEYS && call != CALL_POLL && !seen->whole;
	case FAULT_NOMEM:
		return call == CALL_KEYS || call == CALL_SEND ||
		       call == CALL_RECV;
	case FAULT_RESET:
		return call != CALL_KEYS && call != CALL_POLL &&
		       call != CALL_PIPE && call != CALL_PREAD;
	default:
		return 1;
	}
}
