/* SPDX-License-Identifier: MIT */
/* What the kernel has done, as /proc/net/tls_stat counts it. */
#ifndef KTLS_TEST_TLSSTAT_H
#define KTLS_TEST_TLSSTAT_H

struct tlsstat {
	long tx;            /* installs, in software or in a NIC */
	long rx;
	long decrypt_error;
	long no_pad_violation;
};

/* All zero where there is no such file. */
void tlsstat_read(struct tlsstat *out);

#endif
