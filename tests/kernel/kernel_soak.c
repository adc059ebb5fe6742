/* SPDX-License-Identifier: MIT */
/*
 * A life of hours in a minute: a long sendfile whose key seals 8 records and
 * no more, to an SSL that asks for new keys at random and writes too; then a
 * shorter one where each change of key is an answer.  Both streams are
 * compared byte by byte, and ours by its SHA-256.
 *
 *   kernel_soak [--path PATH] [--bytes N] [--threads] [--seed N]
 *               [--suite SUITE] [--userspace | --library]
 *
 *   --path PATH  kernel, userspace or library; without it the kernel, or
 *                userspace where the kernel cannot change keys
 *   --bytes N    of the first life: 1 GiB in a kernel, else 64 MiB
 *   --threads    a reader and a writer, blocking; else one that polls
 *   --seed N     of the peer (KTLS_SEED)
 */
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "certs.h"
#include "soak.h"
#include "tests/tls_calls.h"

#define MIB ((uint64_t)1024 * 1024)
#define FILE_SIZE ((size_t)(16 * MIB + 4097)) /* no multiple of a record */
#define LIMIT_RECORDS 8
#define RECORD 16384
#define LIMIT_SECONDS 1200 /* what hangs */

static int failures;

static void judge(int good, const char *what)
{
	printf("%sok - %s\n", good ? "" : "not ", what);
	failures += !good;
}

/* --------------------------------------------------------------- judgement */

static int hash_is(const struct soak *s, const uint8_t sha256[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint64_t left = s->bytes;
	uint8_t wanted[32];
	int i;

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	while (left > 0) {
		size_t n = left < s->size ? (size_t)left : s->size;

		EVP_DigestUpdate(ctx, s->data, n);
		left -= n;
	}
	EVP_DigestFinal_ex(ctx, wanted, NULL);
	EVP_MD_CTX_free(ctx);
	printf("    sha256 ");
	for (i = 0; i < 32; i++)
		printf("%02x", sha256[i]);
	printf("\n");
	return memcmp(wanted, sha256, sizeof(wanted)) == 0;
}

static void show(const struct soak_ours *o, const struct soak_account *peer,
		 const struct ktls_conn_info *info)
{
	printf("    tx %s, rx %s, %s, %s\n", ktls_path_name(info->tx.path),
	       ktls_path_name(info->rx.path), o->s->suite,
	       o->s->threads ? "two threads" : "one thread");
	printf("    writer: %s, reader: %s, peer: %s\n",
	       o->writer ? ktls_strerror(o->writer) : "well",
	       o->reader ? ktls_strerror(o->reader) : "well",
	       peer->fault[0] ? peer->fault : "well");
	printf("    sent %llu, received %llu\n", (unsigned long long)o->sent,
	       (unsigned long long)o->got);
	printf("    KeyUpdates: %llu sent (%llu by the limit), %llu received,"
	       " %llu of them asked\n",
	       (unsigned long long)info->key_updates_sent,
	       (unsigned long long)info->limits_hit,
	       (unsigned long long)info->key_updates_received,
	       (unsigned long long)o->asked);
	printf("    records under one key: %llu at most; by our account %llu\n",
	       (unsigned long long)peer->most, (unsigned long long)o->most);
}

static void judge_updates(const struct soak_ours *o,
			  const struct soak_account *peer,
			  const struct ktls_conn_info *info)
{
	uint64_t limit = o->s->records;

	judge(info->key_updates_sent == peer->updates,
	      "as many KeyUpdates came as we sent");
	judge(info->key_updates_received == peer->asked &&
	      o->asked == peer->asked && peer->asked > 0,
	      "we got each that the peer sent");
	judge(!peer->wanting, "the last of them was answered");
	if (limit > 0) {
		judge(info->key_updates_sent >= o->s->bytes / RECORD / limit,
		      "the limit changed the key often enough");
		judge(info->key_updates_sent > info->limits_hit,
		      "and answers did besides");
		judge(peer->most <= limit, "no key sealed more records");
		judge(o->most <= limit, "nor by our account");
	} else {
		judge(info->limits_hit == 0 && peer->updates <= peer->asked,
		      "every KeyUpdate was an answer");
	}
}

static void judge_all(const struct soak_ours *o,
		      const struct soak_account *peer)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ktls_info(o->k, &info);
	show(o, peer, &info);
	judge(o->writer == 0 && o->reader == 0 && peer->fault[0] == '\0' &&
	      info.tx.error == 0 && info.rx.error == 0, "no error");
	judge((int)info.tx.path == (int)o->s->path &&
	      (int)info.rx.path == (int)o->s->path, "the path");
	judge(peer->got == o->s->bytes && hash_is(o->s, peer->sha256),
	      "the peer got our bytes");
	judge(o->got == peer->sent && o->got > 0, "we got the peer's");
	judge(o->shut && o->ended && peer->closed,
	      "close_notify came both ways");
	judge_updates(o, peer, &info);
}

/* ------------------------------------------------------------------ a life */

/* With little room on the way: else the streams would be so far apart that
 * one answer of ours serves for many requests. */
static void tcp_pair(int fd[2])
{
	const int room = 128 * 1024;
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(listener, (void *)&addr, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (void *)&addr, &len) < 0 ||
	    connect(fd[1], (void *)&addr, len) < 0) {
		perror("loopback");
		exit(1);
	}
	fd[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	close(listener);
}

static SSL_CTX *context(const struct soak *s, int server,
			const struct certs *certs)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() :
					    TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	if (tls_set_suites(ctx, s->suite) != 1 ||
	    (server && (certs_use(certs, ctx) < 0 ||
			ktls_prepare(ctx, 0) < 0))) {
		printf("no context for %s\n", s->suite);
		exit(1);
	}
	return ctx;
}

static pid_t start_peer(const struct soak *s, SSL_CTX *ctx, const int fd[2],
			const int account[2])
{
	struct soak_account out;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid != 0)
		return pid;
	alarm(LIMIT_SECONDS);
	close(fd[0]);
	fcntl(fd[1], F_SETFL, O_RDWR | O_NONBLOCK);
	soak_peer(s, ctx, fd[1], &out);
	if (write(account[1], &out, sizeof(out)) != sizeof(out))
		_exit(1);
	_exit(0);
}

static void live(const struct soak *s, const struct certs *certs)
{
	struct soak_account peer = { .fault = "no account" };
	SSL_CTX *ctx = context(s, 1, certs);
	SSL_CTX *peer_ctx = context(s, 0, certs);
	struct soak_ours o = { .s = s };
	int account[2];
	int fd[2];
	int status;
	pid_t pid;

	tcp_pair(fd);
	if (pipe2(account, O_CLOEXEC) < 0)
		exit(1);
	pid = start_peer(s, peer_ctx, fd, account);
	close(fd[1]);
	close(account[1]);
	soak_ours(&o, ctx, fd[0]);
	if (read(account[0], &peer, sizeof(peer)) != sizeof(peer))
		printf("    the peer gave no account\n");
	waitpid(pid, &status, 0);
	if (o.k)
		judge_all(&o, &peer);
	else
		judge(0, ktls_strerror(o.writer));
	ktls_free(o.k);
	SSL_CTX_free(ctx);
	SSL_CTX_free(peer_ctx);
	close(fd[0]);
	close(account[0]);
}

/* -------------------------------------------------------------------- main */

static void make_file(struct soak *s)
{
	uint64_t random = s->seed | 1;
	uint8_t *data = MAP_FAILED;
	size_t i;

	s->file = memfd_create("soak", MFD_CLOEXEC);
	s->size = FILE_SIZE;
	if (s->file >= 0 && ftruncate(s->file, (off_t)s->size) == 0)
		data = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    s->file, 0);
	if (data == MAP_FAILED) {
		perror("memfd");
		exit(1);
	}
	for (i = 0; i < s->size; i++)
		data[i] = (uint8_t)soak_random(&random);
	s->data = data;
}

static void choose(struct soak *s, const char *path)
{
	struct ktls_features f = { .size = sizeof(f) };

	ktls_probe(&f);
	s->path = f.rekey ? KTLS_KERNEL : KTLS_USERSPACE;
	if (path && strcmp(path, "kernel") == 0)
		s->path = KTLS_KERNEL;
	else if (path && strcmp(path, "userspace") == 0)
		s->path = KTLS_USERSPACE;
	else if (path)
		s->path = KTLS_LIBRARY;
	if (s->bytes == 0)
		s->bytes = s->path == KTLS_KERNEL ? 1024 * MIB : 64 * MIB;
}

static int parse(struct soak *s, const char **path, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "path", required_argument, NULL, 'p' },
		{ "userspace", no_argument, NULL, 'u' },
		{ "library", no_argument, NULL, 'l' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "threads", no_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "suite", required_argument, NULL, 'S' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'p': *path = optarg; break;
		case 'u': *path = "userspace"; break;
		case 'l': *path = "library"; break;
		case 'b': s->bytes = strtoull(optarg, NULL, 0); break;
		case 't': s->threads = 1; break;
		case 's': s->seed = strtoull(optarg, NULL, 0); break;
		case 'S': s->suite = optarg; break;
		default: return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct soak s = { .seed = 20261, .records = LIMIT_RECORDS,
			  .suite = "TLS_AES_128_GCM_SHA256" };
	const char *path = NULL;
	struct certs certs;

	if (getenv("KTLS_SEED"))
		s.seed = strtoull(getenv("KTLS_SEED"), NULL, 0);
	if (parse(&s, &path, argc, argv) < 0) {
		fprintf(stderr, "usage: see the head of kernel_soak.c\n");
		return 2;
	}
	alarm(LIMIT_SECONDS);
	choose(&s, path);
	make_file(&s);
	if (certs_make(&certs, "P-256") < 0)
		return 1;
	printf("seed %llu\n", (unsigned long long)s.seed);
	live(&s, &certs);
	s.records = 0;
	s.bytes /= 8;
	live(&s, &certs);
	certs_free(&certs);
	close(s.file);
	return failures ? 1 : 0;
}
