/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor [--user] [--tmpfs|--upper DIR] ROOT CMD...
 *
 * The bare floor that the runtime is measured against: what the kernel alone costs for a
 * complete container. The same namespaces, mounts, masks, limits, capabilities and number
 * of filter instructions as the `full` bundle of bench/run.sh, all of it fixed at compile
 * time: nothing is parsed, checked, recorded, or made safe against a hostile ROOT. It is
 * a yardstick, never a runtime.
 *
 * Without --tmpfs or --upper ROOT is bound; with them it is the lower layer of an overlay whose
 * upper layer is in memory, or in DIR/upper with DIR/work beside it. --user: a user namespace where
 * the caller is root (no subordinate ids).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> exclude each other in older C libraries. */
int umount2(const char *target, int flags);
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
enum { MS_REC_PRIVATE = 16384 | (1 << 18), DETACH = 2 };

struct job {
	bool user;
	bool tmpfs;
	const char *upper;
	const char *root;
	char **command;
};

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* A new file system of that type, detached. options: key, value, key, value, NULL. */
static int make_fs(const char *type, const char *const *options, unsigned int attr)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		die(type);
	for (; options && *options; options += 2)
		if (syscall(SYS_fsconfig, fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			    options[0], options[1], 0) < 0)
			die(options[0]);
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		die(type);
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
	if (fd < 0)
		die(type);
	close(fs);
	return fd;
}

static void attach(int fd, const char *where)
{
	if (syscall(SYS_move_mount, fd, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die(where);
	close(fd);
}

static int clone_tree(const char *what, bool readonly)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, what, OPEN_TREE_CLONE | O_CLOEXEC);

	if (fd >= 0 && readonly &&
	    syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		die(what);
	return fd;
}

/* The root becomes the current folder. */
static void mount_root(const struct job *j)
{
	int lower = open(j->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char lowerdir[64];
	const char *options[] = {"source",  "floor",	"lowerdir",
				 lowerdir,  "upperdir", "upper",
				 "workdir", "work",	j->user ? "userxattr" : NULL,
				 NULL,	    NULL};

	if (lower < 0)
		die(j->root);
	if (!j->tmpfs && !j->upper) {
		attach(clone_tree(j->root, false), j->root);
	} else {
		/* By descriptor: the tmpfs is about to hide the path. */
		snprintf(lowerdir, sizeof(lowerdir), "/proc/self/fd/%d", lower);
		if (j->tmpfs)
			attach(make_fs("tmpfs", NULL, 0), j->root);
		if (chdir(j->tmpfs ? j->root : j->upper) < 0)
			die("upper");
		if (j->tmpfs && (mkdir("upper", 0755) < 0 || mkdir("work", 0755) < 0))
			die("upper");
		attach(make_fs("overlay", options, 0), j->root);
	}
	if (chdir(j->root) < 0)
		die(j->root);
}

static void mount_dev(bool user)
{
	static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
	static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
					       {"/proc/self/fd/0", "dev/stdin"},
					       {"/proc/self/fd/1", "dev/stdout"},
					       {"/proc/self/fd/2", "dev/stderr"},
					       {"pts/ptmx", "dev/ptmx"}};
	static const char *const dev[] = {"mode", "755", "size", "65536k", NULL};
	static const char *const shm[] = {"mode", "1777", "size", "65536k", NULL};
	/* Group 5 does not exist where only the caller's id is mapped. */
	const char *pts[] = {"mode", "0620", "ptmxmode", "0666", user ? NULL : "gid", "5", NULL};
	char path[64], host[64];

	attach(make_fs("tmpfs", dev, MOUNT_ATTR_NOSUID), "dev");
	if (mkdir("dev/pts", 0755) < 0 || mkdir("dev/shm", 01777) < 0 ||
	    mkdir("dev/mqueue", 01777) < 0)
		die("dev");
	attach(make_fs("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), "dev/pts");
	attach(make_fs("tmpfs", shm, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), "dev/shm");
	attach(make_fs("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), "dev/mqueue");
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "dev/%s", devices[i]);
		snprintf(host, sizeof(host), "/dev/%s", devices[i]);
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		if (fd < 0)
			die(path);
		close(fd);
		attach(clone_tree(host, false), path);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			die(links[i][1]);
}

static void mount_masks(void)
{
	static const char *const masked[] = {
		"proc/acpi",	      "proc/asound",	 "proc/kcore",	    "proc/keys",
		"proc/latency_stats", "proc/scsi",	 "proc/timer_list", "proc/timer_stats",
		"sys/firmware",	      "proc/sched_debug"};
	static const char *const readonly[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
					       "proc/sysrq-trigger"};
	struct stat st;

	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
		if (stat(masked[i], &st) < 0)
			continue;
		attach(S_ISDIR(st.st_mode) ? make_fs("tmpfs", NULL, MOUNT_ATTR_RDONLY)
					   : clone_tree("/dev/null", false),
		       masked[i]);
	}
	for (size_t i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++) {
		int fd = clone_tree(readonly[i], true);

		if (fd >= 0)
			attach(fd, readonly[i]);
		else if (errno != ENOENT)
			die(readonly[i]);
	}
}

static void limit(void)
{
	struct rlimit files = {1024, 1024};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	/* The fourteen that containers usually keep. */
	const uint64_t keep = 0xa80425fb;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		die("setrlimit");
	for (int cap = 0; cap <= 40; cap++)
		if (!(keep >> cap & 1))
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	data[0].effective = data[0].permitted = (uint32_t)keep;
	if (syscall(SYS_capset, &head, data) < 0)
		die("capset");
	(void)syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
}

/* As many instructions as the usual profile compiles to without a search tree. */
static void filter(void)
{
	enum { RULES = 178 };
	struct sock_filter code[4 + 2 * RULES];
	struct sock_fprog prog = {.filter = code};
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (unsigned int i = 0; i < RULES; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5000 + i, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		die("seccomp");
}

static void container(const struct job *j)
{
	static char path[] = "PATH=/usr/bin:/bin";
	char *const env[] = {path, NULL};

	if (mount(NULL, "/", NULL, MS_REC_PRIVATE, NULL) < 0)
		die("private mounts");
	mount_root(j);
	attach(make_fs("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
	       "proc");
	attach(make_fs("sysfs", NULL,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			       MOUNT_ATTR_NOEXEC),
	       "sys");
	mount_dev(j->user);
	mount_masks();
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", DETACH) < 0 || chdir("/") < 0)
		die("pivot_root");
	if (sethostname("floor", 5) < 0)
		die("hostname");
	limit();
	filter();
	execve(j->command[0], j->command, env);
	die(j->command[0]);
}

static void write_map(pid_t pid, const char *file, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void map_caller(pid_t pid)
{
	char text[64];

	write_map(pid, "setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", (unsigned int)getuid());
	write_map(pid, "uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1", (unsigned int)getgid());
	write_map(pid, "gid_map", text);
}

static int run(const struct job *j)
{
	unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			      CLONE_NEWNET | CLONE_NEWCGROUP | (j->user ? CLONE_NEWUSER : 0);
	int go[2], status;
	char byte = 0;
	pid_t pid;

	if (j->user && pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid < 0)
		die("clone");
	if (pid == 0) {
		if (j->user && read(go[0], &byte, 1) != 1)
			die("pipe");
		container(j);
	}
	if (j->user) {
		map_caller(pid);
		if (write(go[1], &byte, 1) != 1)
			die("pipe");
	}
	if (waitpid(pid, &status, 0) < 0)
		die("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct job j = {0};
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--user") == 0)
			j.user = true;
		else if (strcmp(argv[i], "--tmpfs") == 0)
			j.tmpfs = true;
		else if (strcmp(argv[i], "--upper") == 0 && i + 1 < argc)
			j.upper = argv[++i];
		else
			return 2;
	}
	if (argc - i < 2)
		return 2;
	j.root = argv[i];
	j.command = &argv[i + 1];
	return run(&j);
}
