/* SPDX-License-Identifier: MIT */
/* Short connections: handshake, one small exchange, close. */
#include <stdlib.h>
#include <unistd.h>

#include "jobs.h"

#define MESSAGE 1024

struct server {
	SSL_CTX *ctx, *client;
	bool handoff;
};

/* What the server does once the request is there. */
static int serve(struct server *s, struct end *e)
{
	uint8_t message[MESSAGE];

	if (s->handoff && end_handoff(e) < 0)
		return -1;
	if (end_read(e, message, sizeof(message)) < 0 ||
	    end_write(e, message, sizeof(message)) < 0)
		return -1;
	if (e->k)
		ktls_shutdown(e->k);
	else
		SSL_shutdown(e->ssl);
	ktls_free(e->k);
	SSL_free(e->ssl);
	close(e->fd);
	*e = (struct end){ .fd = -1 };
	return 0;
}

static int once(struct server *s, double *took)
{
	uint8_t message[MESSAGE] = { 0 };
	struct conn c;
	double began;
	int err = conn_shake(&c, s->ctx, s->client, took);

	if (err == 0)
		err = end_write(&c.client, message, sizeof(message));
	began = cpu_now();
	if (err == 0)
		err = serve(s, &c.server);
	*took += cpu_now() - began;
	if (err == 0)
		err = end_read(&c.client, message, sizeof(message));
	conn_close(&c);
	return err;
}

static double run(struct way *w, long calls)
{
	double took = 0;

	for (; calls > 0; calls--)
		if (once(w->state, &took) < 0)
			return -1;
	return took;
}

static void close_server(struct way *w)
{
	struct server *s = w->state;

	SSL_CTX_free(s->ctx);
	SSL_CTX_free(s->client);
	free(s);
	w->state = NULL;
}

static int add(struct race *r, const char *name, enum role role,
	       enum drive drive)
{
	struct server *s = calloc(1, sizeof(*s));
	struct way *w;

	if (!s)
		return -1;
	s->ctx = tls_context(1, drive, &suites[0]);
	s->client = tls_context(0, DRIVE_SSL, &suites[0]);
	s->handoff = drive == DRIVE_KTLS;
	w = race_add(r, name, role);
	w->run = run;
	w->close = close_server;
	w->state = s;
	return s->ctx && s->client ? 0 : -1;
}

int bench_connections(void)
{
	static struct race r;

	r = (struct race){ .name = "connections", .size = MESSAGE,
			   .version = suites[0].version,
			   .suite = suites[0].name, .unit = UNIT_RATE };
	if (!race_wanted(&r))
		return 0;
	if (add(&r, "libktls", ROLE_OURS, DRIVE_KTLS) < 0 ||
	    add(&r, "SSL", ROLE_PEER, DRIVE_SSL) < 0)
		return race_failed(&r, "set-up");
	return race_run(&r);
}
