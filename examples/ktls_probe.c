/* SPDX-License-Identifier: MIT */
/*
 * ktls_probe - what the running kernel's TLS can do: a table for people,
 * --json for programs.  Exit status 0: it can send TLS 1.3 AES-128-GCM;
 * 1: it cannot, or could not be asked; 2: usage.
 *
 *   cc -std=c11 ktls_probe.c -o ktls_probe $(pkg-config --cflags --libs ktls)
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <ktls/ktls.h>

static const struct cipher {
	unsigned bit;
	const char *name;
} ciphers[] = {
	{ KTLS_CIPHER_AES_128_GCM, "AES-128-GCM" },
	{ KTLS_CIPHER_AES_256_GCM, "AES-256-GCM" },
	{ KTLS_CIPHER_CHACHA20_POLY1305, "CHACHA20-POLY1305" },
};

#define N_CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

static const char *yes(int b)
{
	return b ? "yes" : "no";
}

static void print_table(const struct ktls_features *f)
{
	size_t i;
	unsigned bit;

	printf("kernel TLS        %s\n",
	       f->ulp == 0 ? "yes" : ktls_strerror(f->ulp));
	printf("%-18s %-10s %-10s %-10s %-10s\n", "", "1.2 send",
	       "1.2 recv", "1.3 send", "1.3 recv");
	for (i = 0; i < N_CIPHERS; i++) {
		bit = ciphers[i].bit;
		printf("%-18s %-10s %-10s %-10s %-10s\n", ciphers[i].name,
		       yes((f->tx_1_2 & bit) != 0),
		       yes((f->rx_1_2 & bit) != 0),
		       yes((f->tx_1_3 & bit) != 0),
		       yes((f->rx_1_3 & bit) != 0));
	}
	printf("TLS 1.3 rekey     %s\n", yes(f->rekey));
	printf("zero-copy send    %s\n", yes(f->zerocopy_ro));
	printf("expect no padding %s\n", yes(f->expect_no_pad));
	printf("payload limit     %s\n", yes(f->max_payload));
}

static void json_ciphers(const char *name, unsigned mask)
{
	const char *sep = "";
	size_t i;

	printf("  \"%s\": [", name);
	for (i = 0; i < N_CIPHERS; i++) {
		if (!(mask & ciphers[i].bit))
			continue;
		printf("%s\"%s\"", sep, ciphers[i].name);
		sep = ", ";
	}
	printf("],\n");
}

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

static const char *json_bool(int b)
{
	return b ? "true" : "false";
}

static void print_json(const struct ktls_features *f)
{
	printf("{\n  \"libktls\": \"%s\",\n", ktls_version());
	printf("  \"kernel_tls\": %s,\n", json_bool(f->ulp == 0));
	printf("  \"kernel_tls_error\": ");
	if (f->ulp == 0)
		printf("null");
	else
		json_string(ktls_strerror(f->ulp));
	printf(",\n");
	json_ciphers("tx_1_2", f->tx_1_2);
	json_ciphers("rx_1_2", f->rx_1_2);
	json_ciphers("tx_1_3", f->tx_1_3);
	json_ciphers("rx_1_3", f->rx_1_3);
	printf("  \"rekey\": %s,\n", json_bool(f->rekey));
	printf("  \"zerocopy_ro\": %s,\n", json_bool(f->zerocopy_ro));
	printf("  \"expect_no_pad\": %s,\n", json_bool(f->expect_no_pad));
	printf("  \"max_payload\": %s\n}\n", json_bool(f->max_payload));
}

int main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	struct ktls_features f = { .size = sizeof(f) };
	int c, err, json = 0, bad = 0;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 'j')
			json = 1;
		else
			bad = 1;
	}
	if (bad || optind != argc) {
		fprintf(stderr, "usage: %s [--json]\n", argv[0]);
		return 2;
	}
	err = ktls_probe(&f);
	if (err < 0) {
		fprintf(stderr, "cannot ask the kernel: %s\n",
			ktls_strerror(err));
		return 1;
	}
	if (json)
		print_json(&f);
	else
		print_table(&f);
	return f.ulp == 0 && (f.tx_1_3 & KTLS_CIPHER_AES_128_GCM) ? 0 : 1;
}
