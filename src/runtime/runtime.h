/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/idmap.h"

/*
 * The OCI runtime, embedded: a bundle's config.json goes in, a running process
 * comes out. runtime-spec 1.2 for what is listed in doc/design/runtime.md;
 * a required field that is not carried out is an error, never ignored (R9).
 */

struct json_t;
struct spec_more;

enum rt_flags {
	RT_DETACH = 1 << 0, /* own session, stdio from stdio[] or /dev/null; do not wait */
	RT_FORWARD =
		1 << 1, /* pass SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH on to the container */
	/*
	 * Stop when the root is ready, with status 0: only what mounts and the annotation
	 * dlenv.tree leave in the upper folder is wanted. Nothing of the image is run. Where the
	 * kernel refuses the overlay it is an error.
	 */
	RT_PREPARE = 1 << 2,
};

struct rt_opts {
	const char *bundle; /* folder with config.json; root.path is relative to it */
	/*
	 * What config.json says, when the caller has just written it: it is not read then. The
	 * section linux.seccomp is not in it, but a text of its own. Or NULL.
	 */
	const struct json_t *config;
	const struct spec_more *more; /* besides config; or NULL */
	const char *seccomp;
	const char *id;		   /* names the cgroup; [A-Za-z0-9_.-]+ */
	const char *seccomp_cache; /* folder for compiled filters, or NULL */
	int userns_pid;	    /* join this process's user namespace instead of making one; 0: none */
	unsigned int flags; /* enum rt_flags */
	int stdio[3];	    /* descriptors for 0, 1, 2; -1 takes the caller's */
	int preserve_fds;   /* pass on 3 .. 3+n-1 */
	/*
	 * Called in the parent when the container's namespaces exist and its
	 * process has not been executed yet: the place to attach a network. Or NULL.
	 */
	int (*on_created)(void *arg, pid_t pid, struct err *e);
	void *on_created_arg;
	/* What was degraded and why ("rlimit nofile lowered to 20000"), one call each. Or NULL. */
	void (*on_warning)(void *arg, const char *text);
	void *on_warning_arg;
};

struct rt_process_id {
	pid_t pid;
	uint64_t start_time; /* field 22 of /proc/PID/stat: with pid names a process for good */
};

/*
 * Start the container. Returns when its process has been executed: a command
 * that does not exist is ERR_NOCMD here, one that may not be executed ERR_NOEXEC;
 * everything else that fails before is ERR_RUNTIME or a more precise code.
 */
int rt_start(const struct rt_opts *o, struct rt_process_id *ret, struct err *e) MUST_USE;

/* rt_start, then wait; *ret_status is the exit status (128 + signal). Cleans its cgroup. */
int rt_run(const struct rt_opts *o, int *ret_status, struct err *e) MUST_USE;

/* The start time of a live process (field 22 of /proc/PID/stat), 0 when there is none. */
uint64_t rt_start_time(pid_t pid);

/* The default seccomp section of a config.json, as JSON text. */
const char *rt_default_seccomp_json(void);

/* Is that process still the one that was started? */
bool rt_alive(const struct rt_process_id *id);

/*
 * Send a signal through a pidfd. ERR_ABSENT when it has gone.
 */
int rt_kill(const struct rt_process_id *id, int sig, struct err *e) MUST_USE;
/* Wait until it has gone: ERR_BUSY after timeout_ms. */
int rt_wait_gone(const struct rt_process_id *id, int timeout_ms, struct err *e) MUST_USE;

/* Remove what a container left outside: its cgroup (killing what is still in it). */
int rt_cleanup(const char *id, struct err *e) MUST_USE;

/* The bounding set that process.capabilities of an environment gets, as OCI names. */
extern const char *const rt_default_caps[];

struct rt_exec {
	struct rt_process_id target; /* the container's PID 1 */
	const char
		*bundle; /* its bundle: seccomp, capabilities, rlimits are taken from config.json */
	const char *seccomp_cache;
	const char *id; /* its cgroup is joined */
	const char *const *args;
	const char *const *env; /* the whole environment */
	const char *cwd;	/* must exist inside */
	uint32_t uid;
	uint32_t gid;
	const uint32_t *groups;
	size_t groups_n;
	bool tty;     /* a terminal of the container's devpts, connected to ours */
	int stdio[3]; /* -1: the caller's */
};

/*
 * As root: run this program anew, with the same arguments, from a read-only
 * copy of its mount (0.5 ms), so that a container that gets hold of
 * /proc/PID/exe while it is entered cannot write to it (CVE-2019-5736). Call it
 * first thing in a command that calls rt_exec; it returns when there is nothing
 * to do: for others than root, in the copy, and on kernels before 5.12.
 */
void rt_seal(char *const *argv);

/* Run a command in a running container through its pidfd; waits. Codes as rt_start's. */
int rt_exec(const struct rt_exec *x, int *ret_status, struct err *e) MUST_USE;

/*
 * Mount an overlay (lowers bottom first) and whatever else a layer build needs
 * is an ordinary bundle: root.path may be left out and the annotations
 *   dlenv.overlay.lower  colon-separated folders, top first (as overlayfs wants)
 *   dlenv.overlay.upper  folder, or "tmpfs" (optionally "tmpfs:SIZE")
 *   dlenv.overlay.work   folder on the file system of upper
 * name an overlay to be mounted as the root instead. Kernel overlay first,
 * fuse-overlayfs where the kernel forbids it.
 */
