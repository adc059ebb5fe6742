/* SPDX-License-Identifier: MIT */
/* Where the cases depend on the TLS library: what it lacks, and the answers
 * of its own that an SSL of BoringSSL's has. */
#include "life_run.h"

#include <string.h>

#include "tests/tls_calls.h"

int life_uses(const struct life_case *c, enum life_op op)
{
	const struct life_step *s;

	for (s = c->steps; s->op != LIFE_DONE; s++)
		if (s->op == op)
			return 1;
	return 0;
}

int life_lacks(const struct life_case *c, unsigned place,
	       const char *suite_1_3)
{
	if (suite_1_3 && place & LIFE_TLS_1_3 && !tls_has(TLS_CHOICE_1_3) &&
	    strcmp(suite_1_3, tls_suite_of_two()) != 0)
		return tls_lacks(TLS_CHOICE_1_3, c->name);
	if (c->late_auth || life_uses(c, LIFE_ASK_CERT))
		return tls_lacks(TLS_LATE_AUTH, c->name);
	return life_uses(c, LIFE_NEW_TICKET) &&
	       tls_lacks(TLS_TICKETS_LATER, c->name);
}

/* 0: the same as all others. */
static int alert_of(const struct life *l)
{
	const struct life_case *c = l->run->c;

	if (c->boring_server && l->env & LIFE_SERVER)
		return c->boring_server;
	return c->boring_alert;
}

void life_as_boringssl(const struct life *l, struct life_step *s)
{
	const int alert = alert_of(l);
	const int is_alert =
		s->op == LIFE_GETS_ALERT ||
		(s->op == LIFE_NUMBER &&
		 s->field == offsetof(struct ktls_conn_info, alert_sent));

	if (l->run->c->boring_err &&
	    (s->op == LIFE_FAILS || s->op == LIFE_DEAD))
		s->result = l->run->c->boring_err;
	if (alert && is_alert) {
		s->value = alert;
		/* through a TX of ours an alert has the level of its name */
		s->fatal = (l->env & LIFE_TX_LIBRARY) != 0;
	}
}
