/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlrun: the runtime alone, as a small program for tests and bench/.
 *   dlrun run [--bundle DIR] [--detach] [--userns PID] ID
 *   dlrun exec --bundle DIR [--tty] [--user UID:GID] [--cwd DIR] PID -- CMD...
 *   dlrun userns CMD...    run a command as root in the caller's mapping
 *   dlrun profile          print the default seccomp profile
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/process_id.h"
#include "runtime/runtime.h"

static int report(const struct err *e)
{
	(void)fprintf(stderr, "dlrun: %s\n", e->msg);
	if (e->hint[0])
		(void)fprintf(stderr, "       %s\n", e->hint);
	return err_status(e->code);
}

static void warn(void *arg UNUSED, const char *text)
{
	(void)fprintf(stderr, "dlrun: warning: %s\n", text);
}

static int usage(void)
{
	(void)fputs("usage: dlrun run [--bundle DIR] [--detach] [--prepare] [--userns PID] ID\n"
		    "       dlrun exec --bundle DIR [--tty] [--user UID:GID] [--cwd DIR] PID -- "
		    "CMD...\n"
		    "       dlrun userns CMD...\n"
		    "       dlrun profile\n",
		    stderr);
	return err_status(ERR_USAGE);
}

static int number(const char *text, uint64_t max)
{
	struct err e;
	uint64_t n;

	if (parse_uint(text, max, "number", &n, &e) < 0)
		exit(report(&e));
	return (int)n;
}

static int cmd_run(int argc, char **argv)
{
	static const struct option options[] = {{"bundle", required_argument, NULL, 'b'},
						{"detach", no_argument, NULL, 'd'},
						{"prepare", no_argument, NULL, 'p'},
						{"userns", required_argument, NULL, 'u'},
						{NULL, 0, NULL, 0}};
	struct rt_opts o = {
		.bundle = ".",
		.seccomp_cache = getenv("DLENV_SECCOMP_CACHE"),
		.flags = RT_FORWARD,
		.stdio = {-1, -1, -1},
		.on_warning = warn,
	};
	struct rt_process_id id;
	struct err e = {0};
	int status = 0;
	int c;

	while ((c = getopt_long(argc, argv, "+b:d", options, NULL)) != -1) {
		if (c == 'b')
			o.bundle = optarg;
		else if (c == 'd')
			o.flags = RT_DETACH;
		else if (c == 'p')
			o.flags = RT_PREPARE;
		else if (c == 'u')
			o.userns_pid = number(optarg, INT32_MAX);
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	o.id = argv[optind];
	if (o.flags & RT_DETACH) {
		if (rt_start(&o, &id, &e) < 0)
			return report(&e);
		(void)printf("%d\n", (int)id.pid);
		return 0;
	}
	return rt_run(&o, &status, &e) < 0 ? report(&e) : status;
}

static int cmd_exec(int argc, char **argv)
{
	static const struct option options[] = {{"bundle", required_argument, NULL, 'b'},
						{"tty", no_argument, NULL, 't'},
						{"user", required_argument, NULL, 'u'},
						{"cwd", required_argument, NULL, 'c'},
						{NULL, 0, NULL, 0}};
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
		NULL};
	struct rt_exec x = {
		.bundle = ".",
		.seccomp_cache = getenv("DLENV_SECCOMP_CACHE"),
		.env = env,
		.cwd = "/",
		.stdio = {-1, -1, -1},
	};
	struct err e = {0};
	int status = 0;
	int c;

	while ((c = getopt_long(argc, argv, "+b:tu:c:", options, NULL)) != -1) {
		if (c == 'b')
			x.bundle = optarg;
		else if (c == 't')
			x.tty = true;
		else if (c == 'c')
			x.cwd = optarg;
		else if (c == 'u' && strchr(optarg, ':')) {
			char *gid = strchr(optarg, ':');

			*gid++ = '\0';
			x.uid = (uint32_t)number(optarg, INT32_MAX);
			x.gid = (uint32_t)number(gid, INT32_MAX);
		} else {
			return usage();
		}
	}
	if (optind + 2 > argc)
		return usage();
	if (process_id((pid_t)number(argv[optind], INT32_MAX), &x.target, &e) < 0)
		return report(&e);
	optind++;
	if (str_eq(argv[optind], "--"))
		optind++;
	if (optind >= argc)
		return usage();
	x.args = (const char *const *)argv + optind;
	return rt_exec(&x, &status, &e) < 0 ? report(&e) : status;
}

static int run_command(void *arg, struct err *e)
{
	char **argv = arg;

	(void)execvp(argv[0], argv);
	return err_sys(e, "cannot execute '%s'", argv[0]);
}

static int cmd_userns(int argc, char **argv)
{
	CLEANUP(user_fini) struct user u = {0};
	struct idmap m;
	struct err e = {0};

	if (argc < 2)
		return usage();
	if (user_init(&u, &e) < 0 || idmap_keep(&m, &u, &e) < 0 ||
	    userns_call(&m, run_command, argv + 1, &e) < 0)
		return report(&e);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage();
	if (str_eq(argv[1], "run"))
		return cmd_run(argc - 1, argv + 1);
	if (str_eq(argv[1], "exec")) {
		rt_seal(argv);
		return cmd_exec(argc - 1, argv + 1);
	}
	if (str_eq(argv[1], "userns"))
		return cmd_userns(argc - 1, argv + 1);
	if (str_eq(argv[1], "profile"))
		return puts(rt_default_seccomp_json()) < 0;
	return usage();
}
