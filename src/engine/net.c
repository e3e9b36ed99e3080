/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/proc.h"

static const char *const names[] = {
	[NET_AUTO] = "auto",	     [NET_HOST] = "host", [NET_PASTA] = "pasta",
	[NET_SLIRP] = "slirp4netns", [NET_NONE] = "none",
};

const char *net_name(enum net_mode mode)
{
	return names[mode];
}

/* A tap device is what both helpers move packets through. */
static bool tun_is_usable(void)
{
	CLEANUP(fd_closep) int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	return fd >= 0;
}

static const char *why_not(enum net_mode mode)
{
	CLEANUP(freep) char *program = proc_find(names[mode]);

	if (geteuid() == 0)
		return N_("it is for ordinary users");
	if (!program)
		return N_("it is not installed");
	if (!tun_is_usable())
		return N_("/dev/net/tun may not be opened");
	return NULL;
}

int net_choose(enum net_mode wanted, enum net_mode *ret, const char **ret_why, struct err *e)
{
	const char *why = NULL;

	*ret_why = NULL;
	if (wanted == NET_HOST || wanted == NET_NONE) {
		*ret = wanted;
		return 0;
	}
	if (wanted != NET_AUTO) {
		why = why_not(wanted);
		if (why) {
			(void)err_set(e, ERR_ABSENT, "the network '%s' cannot be used: %s",
				      names[wanted], tr(why));
			return err_hint(e, "set run.network to auto or host in dlenv.yaml");
		}
		*ret = wanted;
		return 0;
	}
	*ret_why = why_not(NET_PASTA);
	if (!*ret_why)
		*ret = NET_PASTA;
	else
		*ret = why_not(NET_SLIRP) ? NET_HOST : NET_SLIRP;
	return 0;
}

static int pasta_argv(pid_t pid, bool own_userns, const uint16_t *ports, const char *pid_file,
		      struct strs *argv)
{
	strs_add(argv, "pasta");
	strs_add(argv, "--config-net");
	strs_add(argv, "--quiet");
	strs_fmt(argv, "--pid=%s", pid_file);
	/* Nothing of the host is reachable through the container's loopback, and only our ports
	 * inwards. */
	for (const char *const *none = (const char *const[]){"-T", "-U", "-u", NULL}; *none;
	     none++) {
		strs_add(argv, *none);
		strs_add(argv, "none");
	}
	strs_add(argv, "-t");
	if (!ports[0])
		strs_add(argv, "none");
	for (; *ports; ports++) {
		strs_fmt(argv, "127.0.0.1/%u", *ports);
		if (ports[1])
			strs_add(argv, "-t");
	}
	if (own_userns)
		strs_fmt(argv, "--userns=/proc/%d/ns/user", (int)pid);
	strs_fmt(argv, "--netns=/proc/%d/ns/net", (int)pid);
	return 0;
}

/* The helper's process from the pid file that it writes when it is ready. */
static int helper_pid(const char *pid_file, struct rt_process_id *ret, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	uint64_t pid;

	if (file_read(AT_FDCWD, pid_file, 32, &text, NULL, e) < 0)
		return -(int)e->code;
	text[strcspn(text, "\n")] = '\0';
	if (parse_uint(text, INT32_MAX, "process id", &pid, e) < 0)
		return -(int)e->code;
	*ret = (struct rt_process_id){.pid = (pid_t)pid, .start_time = rt_start_time((pid_t)pid)};
	return 0;
}

static int attach_pasta(pid_t pid, bool own_userns, const uint16_t *ports, const char *run_dir,
			struct rt_process_id *ret, struct err *e)
{
	CLEANUP(freep) char *pid_file = str_fmt("%s/pasta.pid", run_dir);
	CLEANUP(strs_fini) struct strs argv = {0};
	CLEANUP(buf_fini) struct buf last = {.max = 400};
	struct proc p = {.last = &last, .timeout_ms = 10000};
	int status = 0;

	(void)pasta_argv(pid, own_userns, ports, pid_file, &argv);
	p.argv = (const char *const *)argv.v;
	if (proc_run(&p, &status, e) < 0)
		return err_wrap(e, "cannot attach the network");
	if (status) {
		(void)err_set(e, ERR_RUNTIME, "pasta failed with status %d: %s", status,
			      last.data ? last.data : "");
		return err_hint(e, "set run.network to host in dlenv.yaml, or DLENV_NETWORK=host");
	}
	return helper_pid(pid_file, ret, e);
}

/* slirp4netns stays in the foreground: it is left behind as a daemon of its own session. */
static int attach_slirp(pid_t pid, const char *run_dir, struct rt_process_id *ret, struct err *e)
{
	CLEANUP(freep) char *program = proc_find("slirp4netns");
	CLEANUP(freep) char *number = str_fmt("%d", (int)pid);
	CLEANUP(freep) char *log = str_fmt("%s/slirp4netns.log", run_dir);
	int ready[2];
	pid_t child;
	char one;

	if (!program || pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(e, "cannot start slirp4netns");
	child = fork();
	if (child == 0) {
		int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		(void)setsid();
		if (dup2(ready[1], 3) < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
		    dup2(out, 2) < 0)
			_exit(127);
		(void)execl(program, "slirp4netns", "--configure", "--mtu=65520",
			    "--disable-host-loopback", "--ready-fd=3", number, "tap0",
			    (char *)NULL);
		_exit(127);
	}
	(void)close(ready[1]);
	if (child < 0 || read(ready[0], &one, 1) != 1) {
		(void)close(ready[0]);
		return err_set(e, ERR_RUNTIME, "slirp4netns could not attach the network; see '%s'",
			       log);
	}
	(void)close(ready[0]);
	*ret = (struct rt_process_id){.pid = child, .start_time = rt_start_time(child)};
	return 0;
}

int net_attach(enum net_mode mode, pid_t pid, bool own_userns, const uint16_t *ports,
	       const char *run_dir, struct rt_process_id *ret, struct err *e)
{
	static const uint16_t none[] = {0};

	*ret = (struct rt_process_id){0};
	if (mode == NET_PASTA)
		return attach_pasta(pid, own_userns, ports ? ports : none, run_dir, ret, e);
	if (mode == NET_SLIRP)
		return attach_slirp(pid, run_dir, ret, e);
	return 0;
}

bool port_is_free(uint16_t port)
{
	CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int yes = 1;

	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
}
