/* SPDX-License-Identifier: MIT */
/*
 * The command line of file_server.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_server.h"

static const char usage[] =
	"usage: file_server [OPTIONS]\n"
	"  --root DIR         serve what is below DIR (default: .)\n"
	"  --address ADDRESS  listen here (default: 127.0.0.1)\n"
	"  --port PORT        0 takes a free one (default: 8443)\n"
	"  --cert FILE        PEM certificate chain, with --key; without both\n"
	"  --key FILE         a self-signed certificate is made at start\n"
	"  --workers N        threads, each with its own socket (default: 1)\n"
	"  --connections N    at a time, per worker (default: 512)\n"
	"  --timeout SECONDS  without progress (default: 30)\n"
	"  --ktls MODE        auto: what libktls finds best (default)\n"
	"                     both: both directions in the kernel\n"
	"                     tx, rx: one direction in the kernel\n"
	"                     off: none\n"
	"  -v, --verbose      a line per connection and per request\n"
	"  --help             this text\n";

static const struct mode {
	const char *name;
	enum ktls_choice tx, rx;
} modes[] = {
	{ "auto", KTLS_AUTO, KTLS_AUTO },
	{ "both", KTLS_KERNEL, KTLS_KERNEL },
	{ "tx", KTLS_KERNEL, KTLS_LIBRARY },
	{ "rx", KTLS_LIBRARY, KTLS_KERNEL },
	{ "off", KTLS_LIBRARY, KTLS_LIBRARY },
};

static int set_mode(struct options *o, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, name) != 0)
			continue;
		o->tx = modes[i].tx;
		o->rx = modes[i].rx;
		return 0;
	}
	return -1;
}

static int set_number(unsigned *out, const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n < 1 || n > max)
		return -1;
	*out = (unsigned)n;
	return 0;
}

static int set_option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'r': o->root = arg; return 0;
	case 'a': o->address = arg; return 0;
	case 'p': o->port = arg; return 0;
	case 'c': o->cert = arg; return 0;
	case 'k': o->key = arg; return 0;
	case 'v': o->verbose = true; return 0;
	case 'w': return set_number(&o->workers, arg, 1024);
	case 'n': return set_number(&o->connections, arg, 1000000);
	case 't': return set_number(&o->timeout, arg, 86400);
	case 'm': return set_mode(o, arg);
	default: return -1;
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "workers", required_argument, NULL, 'w' },
		{ "connections", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "ktls", required_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c, bad = 0;

	*o = (struct options){ .root = ".", .address = "127.0.0.1",
			       .port = "8443", .workers = 1,
			       .connections = 512, .timeout = 30,
			       .tx = KTLS_AUTO, .rx = KTLS_AUTO };
	while ((c = getopt_long(argc, argv, "v", longopts, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (set_option(o, c, optarg) < 0)
			bad = 1;
	}
	if (!bad && optind == argc && !o->cert == !o->key)
		return 0;
	fputs(usage, stderr);
	return -1;
}
