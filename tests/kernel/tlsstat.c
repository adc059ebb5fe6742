/* SPDX-License-Identifier: MIT */
/* What the kernel has done, as /proc/net/tls_stat counts it. */
#include "tlsstat.h"

#include <stdio.h>
#include <string.h>

static void add(struct tlsstat *out, const char *name, long value)
{
	if (strcmp(name, "TlsTxSw") == 0 || strcmp(name, "TlsTxDevice") == 0)
		out->tx += value;
	if (strcmp(name, "TlsRxSw") == 0 || strcmp(name, "TlsRxDevice") == 0)
		out->rx += value;
	if (strcmp(name, "TlsDecryptError") == 0)
		out->decrypt_error = value;
	if (strcmp(name, "TlsRxNoPadViolation") == 0)
		out->no_pad_violation = value;
}

void tlsstat_read(struct tlsstat *out)
{
	FILE *file = fopen("/proc/net/tls_stat", "r");
	char name[64];
	long value;

	memset(out, 0, sizeof(*out));
	if (!file)
		return;
	while (fscanf(file, "%63s %ld", name, &value) == 2)
		add(out, name, value);
	fclose(file);
}
