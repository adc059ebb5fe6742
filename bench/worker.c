/* SPDX-License-Identifier: MIT */
/* The thread at the other end. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/sockios.h>

#include "conn.h"

static struct {
	sem_t job_given, job_done;
	int (*job)(void *arg);
	void *arg;
	int result;
	cpu_set_t allowed;
} worker;

/*
 * It naps by the clock, not on the socket: a receiver that waits there is
 * woken at the sender's cost, one that never rests fights for its lock and
 * acknowledges crumbs.
 */
static struct {
	int fd;
	atomic_int stop, ended;
	char discarded[1 << 20];
} drain;

/* The last one: on machines with SMT no sibling of the first. */
static void pin(int last)
{
	cpu_set_t one;
	size_t i, cpu = CPU_SETSIZE;

	for (i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &worker.allowed) &&
		    (cpu == CPU_SETSIZE || last))
			cpu = i;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void *work(void *unused)
{
	(void)unused;
	pin(1);
	prctl(PR_SET_TIMERSLACK, 1UL);
	for (;;) {
		while (sem_wait(&worker.job_given) < 0)
			continue;
		worker.result = worker.job(worker.arg);
		sem_post(&worker.job_done);
	}
	return NULL;
}

void pin_measured(void)
{
	if (sched_getaffinity(0, sizeof(worker.allowed), &worker.allowed) == 0)
		pin(0);
}

static int worker_make(void)
{
	static int made;
	pthread_t thread;

	if (made)
		return 0;
	sem_init(&worker.job_given, 0, 0);
	sem_init(&worker.job_done, 0, 0);
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		return complain("no thread", -EAGAIN);
	pthread_detach(thread);
	made = 1;
	return 0;
}

int worker_start(int (*job)(void *arg), void *arg)
{
	if (worker_make() < 0)
		return -1;
	worker.job = job;
	worker.arg = arg;
	sem_post(&worker.job_given);
	return 0;
}

int worker_wait(void)
{
	while (sem_wait(&worker.job_done) < 0)
		continue;
	return worker.result;
}

static int drain_until_stopped(void)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	ssize_t n;

	for (;;) {
		n = recv(drain.fd, drain.discarded, sizeof(drain.discarded),
			 MSG_TRUNC | MSG_DONTWAIT);
		if (n == 0)
			return complain("the stream ended", -ECONNRESET);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return complain("the stream ended", -errno);
		if (n < 0 && atomic_load(&drain.stop))
			return 0;
		if (n < (ssize_t)sizeof(drain.discarded))
			nanosleep(&nap, NULL);
	}
}

static int drain_job(void *unused)
{
	int err = drain_until_stopped();

	(void)unused;
	if (err < 0)
		shutdown(drain.fd, SHUT_RDWR);
	atomic_store(&drain.ended, 1);
	return err;
}

int drain_start(int fd)
{
	drain.fd = fd;
	atomic_store(&drain.stop, 0);
	atomic_store(&drain.ended, 0);
	return worker_start(drain_job, NULL);
}

int drain_stop(int sender_fd)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	int waiting = 0;

	while (!atomic_load(&drain.ended) &&
	       ioctl(sender_fd, SIOCOUTQ, &waiting) == 0 && waiting > 0)
		nanosleep(&nap, NULL);
	atomic_store(&drain.stop, 1);
	return worker_wait();
}
