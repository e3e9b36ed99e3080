/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver [-n ROUNDS] [-w WARMUPS] [-o FILE] [-p AT_ONCE -t TOTAL] LIST
 *
 * Times the command lines of LIST, one a line, fields separated by tabs: a name, then the
 * arguments; `{n}` in an argument becomes a number that no other run has. Rounds are
 * interleaved, so that a slow moment of the machine hits all alike: medians, not means.
 * With -p: starts per second of TOTAL runs, AT_ONCE at a time, ROUNDS passes.
 *
 * The table goes to stdout; FILE gets `name median p90 min rss_kib` (or `name per_second`).
 * A command that fails is run once more with its output shown and is then left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 64, MAX_ARGS = 64, MAX_ROUNDS = 1000, ARG_SIZE = 512 };

struct command {
	char *line; /* owns the fields */
	const char *name;
	char *args[MAX_ARGS + 1];
	double ms[MAX_ROUNDS];
	int runs;
	long rss_kib;
	bool failed;
};

struct options {
	int rounds, warmups, at_once, total;
	const char *out;
};

extern char **environ;
static struct command commands[MAX_COMMANDS];
static int commands_n;
static unsigned long serial;

static void die(const char *what)
{
	fprintf(stderr, "driver: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void read_list(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		die(path);
	while (commands_n < MAX_COMMANDS && getline(&line, &size, f) > 0) {
		struct command *c = &commands[commands_n];
		char *rest;
		int n = 0;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		rest = c->line = strdup(line);
		if (!rest)
			die("memory");
		c->name = strsep(&rest, "\t");
		while (rest && n < MAX_ARGS)
			c->args[n++] = strsep(&rest, "\t");
		if (n > 0)
			commands_n++;
	}
	free(line);
	fclose(f);
}

/* The arguments of one run; texts are in a buffer that the next call overwrites. */
static char **expand(const struct command *c)
{
	static char texts[MAX_ARGS][ARG_SIZE];
	static char *args[MAX_ARGS + 1];
	int i;

	serial++;
	for (i = 0; c->args[i]; i++) {
		const char *mark = strstr(c->args[i], "{n}");

		args[i] = c->args[i];
		if (!mark)
			continue;
		snprintf(texts[i], ARG_SIZE, "%.*s%d-%lu%s", (int)(mark - c->args[i]), c->args[i],
			 (int)getpid(), serial, mark + 3);
		args[i] = texts[i];
	}
	args[i] = NULL;
	return args;
}

/* glibc's posix_spawn shares memory until the exec: as cheap as vfork. */
static pid_t start(const struct command *c, bool loud)
{
	static posix_spawn_file_actions_t quiet, shown;
	static bool ready;
	pid_t pid;
	int rc;

	if (!ready) {
		posix_spawn_file_actions_init(&quiet);
		posix_spawn_file_actions_init(&shown);
		posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDWR, 0);
		posix_spawn_file_actions_adddup2(&quiet, 0, 1);
		posix_spawn_file_actions_adddup2(&quiet, 0, 2);
		posix_spawn_file_actions_addopen(&shown, 0, "/dev/null", O_RDWR, 0);
		posix_spawn_file_actions_adddup2(&shown, 2, 1);
		ready = true;
	}
	rc = posix_spawnp(&pid, c->args[0], loud ? &shown : &quiet, NULL, expand(c), environ);
	errno = rc;
	return rc ? -1 : pid;
}

/* One run: false when it did not exit with 0. */
static bool run_once(struct command *c, bool loud, double *ret_ms)
{
	struct rusage usage;
	double begin = now_ms();
	pid_t pid = start(c, loud);
	int status;

	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		return false;
	*ret_ms = now_ms() - begin;
	if (usage.ru_maxrss > c->rss_kib)
		c->rss_kib = usage.ru_maxrss;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void give_up(struct command *c)
{
	double ms;

	c->failed = true;
	fprintf(stderr, "driver: '%s' could not be run; what it says:\n", c->name);
	if (run_once(c, true, &ms))
		fprintf(stderr, "  (the second time it worked: it fails now and then)\n");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(struct command *c, double q)
{
	qsort(c->ms, c->runs, sizeof(c->ms[0]), by_value);
	return c->ms[(int)(q * (c->runs - 1) + 0.5)];
}

static void measure(const struct options *o)
{
	double ms;

	for (int round = -o->warmups; round < o->rounds; round++)
		for (int i = 0; i < commands_n; i++) {
			struct command *c = &commands[i];

			if (c->failed)
				continue;
			if (!run_once(c, false, &ms))
				give_up(c);
			else if (round >= 0)
				c->ms[c->runs++] = ms;
		}
}

/* TOTAL runs of one command, AT_ONCE at a time: starts per second, or 0 when one failed. */
static double pass(struct command *c, int at_once, int total)
{
	double begin = now_ms();
	int running = 0, started = 0, status;
	bool good = true;

	while (started < total || running > 0) {
		while (good && started < total && running < at_once) {
			if (start(c, false) < 0) {
				good = false;
				break;
			}
			started++;
			running++;
		}
		if (running == 0)
			break;
		if (wait(&status) < 0)
			die("wait");
		running--;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			good = false;
	}
	return good ? total / ((now_ms() - begin) / 1e3) : 0;
}

static void measure_parallel(const struct options *o)
{
	for (int round = 0; round < o->rounds; round++)
		for (int i = 0; i < commands_n; i++) {
			struct command *c = &commands[i];
			double rate = c->failed ? 0 : pass(c, o->at_once, o->total);

			if (rate > 0)
				c->ms[c->runs++] = rate;
			else if (!c->failed)
				give_up(c);
		}
}

static void report(const struct options *o, FILE *out)
{
	printf(o->at_once ? "  %-34s %9s\n" : "  %-34s %9s %9s %9s %9s\n", "",
	       o->at_once ? "per s" : "median ms", "p90", "min", "RSS MiB");
	for (int i = 0; i < commands_n; i++) {
		struct command *c = &commands[i];

		if (c->failed || c->runs == 0) {
			printf("  %-34s %9s\n", c->name, "failed");
			continue;
		}
		if (o->at_once) {
			printf("  %-34s %9.0f\n", c->name, quantile(c, 0.5));
			if (out)
				fprintf(out, "%s\t%.1f\n", c->name, quantile(c, 0.5));
			continue;
		}
		printf("  %-34s %9.2f %9.2f %9.2f %9.1f\n", c->name, quantile(c, 0.5),
		       quantile(c, 0.9), quantile(c, 0), c->rss_kib / 1024.0);
		if (out)
			fprintf(out, "%s\t%.3f\t%.3f\t%.3f\t%ld\n", c->name, quantile(c, 0.5),
				quantile(c, 0.9), quantile(c, 0), c->rss_kib);
	}
}

static int number(const char *text, int max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 0 || n > max) {
		fprintf(stderr, "driver: '%s' is not a number from 0 to %d\n", text, max);
		exit(2);
	}
	return (int)n;
}

int main(int argc, char **argv)
{
	struct options o = {.rounds = 40, .warmups = 2, .total = 100};
	FILE *out = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "n:w:o:p:t:")) != -1) {
		switch (opt) {
		case 'n':
			o.rounds = number(optarg, MAX_ROUNDS);
			break;
		case 'w':
			o.warmups = number(optarg, MAX_ROUNDS);
			break;
		case 'p':
			o.at_once = number(optarg, 1000);
			break;
		case 't':
			o.total = number(optarg, 100000);
			break;
		case 'o':
			o.out = optarg;
			break;
		default:
			return 2;
		}
	}
	if (optind != argc - 1) {
		fprintf(stderr, "usage: driver [-n ROUNDS] [-w WARMUPS] [-o FILE] "
				"[-p AT_ONCE -t TOTAL] LIST\n");
		return 2;
	}
	if (o.out && !(out = fopen(o.out, "we")))
		die(o.out);
	read_list(argv[optind]);
	if (o.at_once)
		measure_parallel(&o);
	else
		measure(&o);
	report(&o, out);
	if (out && fclose(out) != 0)
		die(o.out);
	return 0;
}
