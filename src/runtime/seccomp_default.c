/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile of dlenv's own containers: what is not listed does not exist
 * (ENOSYS), so that programs fall back as on an older kernel; what is known and
 * dangerous is not permitted (EPERM). 32-bit programs get ENOSYS throughout.
 *
 * Not permitted: mounts and the new mount API, other namespaces, keyrings (not
 * separated by namespaces), bpf, perf, io_uring, userfaultfd, modules, kexec, the
 * clock, swap, handles of files. clone3 does not exist because a filter cannot
 * see its flags; clone and unshare are permitted without namespace flags.
 * ptrace is permitted: since Linux 4.8 it does not get around a filter.
 */
#include "runtime/runtime.h"

#define NAMES_ALLOWED                                                                              \
	"\"accept\",\"accept4\",\"access\",\"adjtimex\",\"alarm\",\"arch_prctl\","                 \
	"\"arm_fadvise64_64\",\"bind\",\"brk\",\"cachestat\",\"capget\",\"capset\",\"chdir\","     \
	"\"chmod\",\"chown\",\"chroot\",\"clock_adjtime64\",\"clock_getres\","                     \
	"\"clock_getres_time64\",\"clock_gettime\",\"clock_gettime64\",\"clock_nanosleep\","       \
	"\"clock_nanosleep_time64\",\"clock_settime64\",\"close\",\"close_range\","                \
	"\"connect\",\"copy_file_range\",\"creat\",\"dup\",\"dup2\",\"dup3\","                     \
	"\"epoll_create\",\"epoll_create1\",\"epoll_ctl\",\"epoll_pwait\",\"epoll_pwait2\","       \
	"\"epoll_wait\",\"eventfd\",\"eventfd2\",\"execve\",\"execveat\",\"exit\","                \
	"\"exit_group\",\"faccessat\",\"faccessat2\",\"fadvise64\",\"fadvise64_64\","              \
	"\"fallocate\",\"fanotify_mark\",\"fchdir\",\"fchmod\",\"fchmodat\",\"fchmodat2\","        \
	"\"fchown\",\"fchownat\",\"fcntl\",\"fcntl64\",\"fdatasync\",\"fgetxattr\","               \
	"\"flistxattr\",\"flock\",\"fork\",\"fremovexattr\",\"fsetxattr\",\"fstat\","              \
	"\"fstat64\",\"fstatat\",\"fstatat64\",\"fstatfs\",\"fstatfs64\",\"fsync\","               \
	"\"ftruncate\",\"ftruncate64\",\"futex\",\"futex_requeue\",\"futex_time64\","              \
	"\"futex_wait\",\"futex_waitv\",\"futex_wake\",\"futimesat\",\"get_mempolicy\","           \
	"\"get_robust_list\",\"get_thread_area\",\"getcpu\",\"getcwd\",\"getdents\","              \
	"\"getdents64\",\"getegid\",\"geteuid\",\"getgid\",\"getgroups\",\"getitimer\","           \
	"\"getpeername\",\"getpgid\",\"getpgrp\",\"getpid\",\"getppid\",\"getpriority\","          \
	"\"getrandom\",\"getresgid\",\"getresuid\",\"getrlimit\",\"getrusage\",\"getsid\","        \
	"\"getsockname\",\"getsockopt\",\"gettid\",\"gettimeofday\",\"getuid\",\"getxattr\","      \
	"\"getxattrat\",\"inotify_add_watch\",\"inotify_init\",\"inotify_init1\","                 \
	"\"inotify_rm_watch\",\"io_cancel\",\"io_destroy\",\"io_getevents\","                      \
	"\"io_pgetevents\",\"io_pgetevents_time64\",\"io_setup\",\"io_submit\",\"ioctl\","         \
	"\"ioprio_get\",\"ioprio_set\",\"kcmp\",\"kill\",\"landlock_add_rule\","                   \
	"\"landlock_create_ruleset\",\"landlock_restrict_self\",\"lchown\",\"lgetxattr\","         \
	"\"link\",\"linkat\",\"listen\",\"listmount\",\"listxattr\",\"listxattrat\","              \
	"\"llistxattr\",\"llseek\",\"lremovexattr\",\"lseek\",\"lsetxattr\",\"lstat\","            \
	"\"lstat64\",\"madvise\",\"map_shadow_stack\",\"mbind\",\"membarrier\","                   \
	"\"memfd_create\",\"memfd_secret\",\"migrate_pages\",\"mincore\",\"mkdir\","               \
	"\"mkdirat\",\"mknod\",\"mknodat\",\"mlock\",\"mlock2\",\"mlockall\",\"mmap\","            \
	"\"mmap2\",\"modify_ldt\",\"move_pages\",\"mprotect\",\"mq_getsetattr\","                  \
	"\"mq_notify\",\"mq_open\",\"mq_timedreceive\",\"mq_timedreceive_time64\","                \
	"\"mq_timedsend\",\"mq_timedsend_time64\",\"mq_unlink\",\"mremap\",\"mseal\","             \
	"\"msgctl\",\"msgget\",\"msgrcv\",\"msgsnd\",\"msync\",\"munlock\",\"munlockall\","        \
	"\"munmap\",\"name_to_handle_at\",\"nanosleep\",\"newfstatat\",\"open\",\"openat\","       \
	"\"openat2\",\"pause\",\"pidfd_getfd\",\"pidfd_open\",\"pidfd_send_signal\",\"pipe\","     \
	"\"pipe2\",\"pkey_alloc\",\"pkey_free\",\"pkey_mprotect\",\"poll\",\"ppoll\","             \
	"\"ppoll_time64\",\"prctl\",\"pread64\",\"preadv\",\"preadv2\",\"prlimit64\","             \
	"\"process_madvise\",\"process_mrelease\",\"process_vm_readv\",\"process_vm_writev\","     \
	"\"pselect6\",\"pselect6_time64\",\"ptrace\",\"pwrite64\",\"pwritev\",\"pwritev2\","       \
	"\"read\",\"readahead\",\"readlink\",\"readlinkat\",\"readv\",\"recvfrom\","               \
	"\"recvmmsg\",\"recvmmsg_time64\",\"recvmsg\",\"remap_file_pages\",\"removexattr\","       \
	"\"removexattrat\",\"rename\",\"renameat\",\"renameat2\",\"restart_syscall\","             \
	"\"riscv_flush_icache\",\"rmdir\",\"rseq\",\"rt_sigaction\",\"rt_sigpending\","            \
	"\"rt_sigprocmask\",\"rt_sigqueueinfo\",\"rt_sigreturn\",\"rt_sigsuspend\","               \
	"\"rt_sigtimedwait\",\"rt_sigtimedwait_time64\",\"rt_tgsigqueueinfo\","                    \
	"\"sched_get_priority_max\",\"sched_get_priority_min\",\"sched_getaffinity\","             \
	"\"sched_getattr\",\"sched_getparam\",\"sched_getscheduler\","                             \
	"\"sched_rr_get_interval\",\"sched_rr_get_interval_time64\",\"sched_setaffinity\","        \
	"\"sched_setattr\",\"sched_setparam\",\"sched_setscheduler\",\"sched_yield\","             \
	"\"seccomp\",\"select\",\"semctl\",\"semget\",\"semop\",\"semtimedop\","                   \
	"\"semtimedop_time64\",\"sendfile\",\"sendfile64\",\"sendmmsg\",\"sendmsg\","              \
	"\"sendto\",\"set_mempolicy\",\"set_mempolicy_home_node\",\"set_robust_list\","            \
	"\"set_thread_area\",\"set_tid_address\",\"setfsgid\",\"setfsuid\",\"setgid\","            \
	"\"setgroups\",\"setitimer\",\"setpgid\",\"setpriority\",\"setregid\",\"setresgid\","      \
	"\"setresuid\",\"setreuid\",\"setrlimit\",\"setsid\",\"setsockopt\",\"setuid\","           \
	"\"setxattr\",\"setxattrat\",\"shmat\",\"shmctl\",\"shmdt\",\"shmget\",\"shutdown\","      \
	"\"sigaltstack\",\"signalfd\",\"signalfd4\",\"socketpair\",\"splice\",\"stat\","           \
	"\"stat64\",\"statfs\",\"statfs64\",\"statmount\",\"statx\",\"symlink\","                  \
	"\"symlinkat\",\"sync\",\"sync_file_range\",\"sync_file_range2\",\"syncfs\","              \
	"\"sysinfo\",\"tee\",\"tgkill\",\"time\",\"timer_create\",\"timer_delete\","               \
	"\"timer_getoverrun\",\"timer_gettime\",\"timer_gettime64\",\"timer_settime\","            \
	"\"timer_settime64\",\"timerfd_create\",\"timerfd_gettime\",\"timerfd_gettime64\","        \
	"\"timerfd_settime\",\"timerfd_settime64\",\"times\",\"tkill\",\"truncate\","              \
	"\"truncate64\",\"umask\",\"uname\",\"unlink\",\"unlinkat\",\"utime\",\"utimensat\","      \
	"\"utimensat_time64\",\"utimes\",\"vfork\",\"vmsplice\",\"wait4\",\"waitid\","             \
	"\"write\",\"writev\""

#define NAMES_DENIED                                                                               \
	"\"acct\",\"add_key\",\"bpf\",\"clock_adjtime\",\"clock_settime\",\"delete_module\","      \
	"\"fanotify_init\",\"finit_module\",\"fsconfig\",\"fsmount\",\"fsopen\",\"fspick\","       \
	"\"init_module\",\"io_uring_enter\",\"io_uring_register\",\"io_uring_setup\","             \
	"\"ioperm\",\"iopl\",\"kexec_file_load\",\"kexec_load\",\"keyctl\","                       \
	"\"lookup_dcookie\",\"mount\",\"mount_setattr\",\"move_mount\",\"nfsservctl\","            \
	"\"open_by_handle_at\",\"open_tree\",\"open_tree_attr\",\"perf_event_open\","              \
	"\"pivot_root\",\"quotactl\",\"quotactl_fd\",\"reboot\",\"request_key\","                  \
	"\"setdomainname\",\"sethostname\",\"setns\",\"settimeofday\",\"swapoff\",\"swapon\","     \
	"\"syslog\",\"umount\",\"umount2\",\"userfaultfd\",\"vhangup\""

/* The call with this bit in its first argument is not permitted. */
#define DENY_BIT(name, bit)                                                                        \
	"{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,\"args\":"         \
	"[{\"index\":0,\"value\":" bit ",\"valueTwo\":" bit ",\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"

/* The call with none of these bits is permitted. */
#define ALLOW_WITHOUT(name, bits)                                                                  \
	"{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"                        \
	"[{\"index\":0,\"value\":" bits ",\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"

#define ALLOW_IF(name, value, op)                                                                  \
	"{\"names\":[\"" name "\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"                        \
	"[{\"index\":0,\"value\":" value ",\"op\":\"SCMP_CMP_" op "\"}]},"

/* All CLONE_NEW* bits; in clone the lowest byte is a signal, in unshare 0x80 is a time namespace.
 */
#define NAMESPACES "2114060288"
#define NAMESPACES_AND_TIME "2114060416"

static const char profile[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":["
	/* Families 38 to 40: the kernel's cryptography, NFC, the virtual machine's host. */
	ALLOW_IF("socket", "38", "LT") ALLOW_IF("socket", "40", "GT")
	/* Linux, 32 bits, ignored bits of old programs, and gdb's fixed addresses. */
	ALLOW_IF("personality", "0", "EQ") ALLOW_IF("personality", "8", "EQ") ALLOW_IF(
		"personality", "131072",
		"EQ") ALLOW_IF("personality", "131080",
			       "EQ") ALLOW_IF("personality", "262144",
					      "EQ") ALLOW_IF("personality", "4294967295",
							     "EQ") ALLOW_WITHOUT("clone",
										 NAMESPACES)
		ALLOW_WITHOUT("unshare", NAMESPACES_AND_TIME) DENY_BIT("clone", "131072") DENY_BIT(
			"clone", "33554432") DENY_BIT("clone", "67108864") DENY_BIT("clone",
										    "134217728")
			DENY_BIT("clone", "268435456") DENY_BIT("clone", "536870912") DENY_BIT(
				"clone", "1073741824") DENY_BIT("unshare", "131072")
				DENY_BIT("unshare", "33554432") DENY_BIT("unshare", "67108864")
					DENY_BIT("unshare", "134217728") DENY_BIT(
						"unshare", "268435456") DENY_BIT("unshare",
										 "536870912")
						DENY_BIT("unshare", "1073741824") DENY_BIT(
							"unshare",
							"128") "{\"names\":[" NAMES_DENIED
							       "],\"action\":\"SCMP_ACT_ERRNO\","
							       "\"errnoRet\":1},"
							       "{\"names\":[" NAMES_ALLOWED
							       "],\"action\":\"SCMP_ACT_ALLOW\"}]}";

const char *rt_default_seccomp_json(void)
{
	return profile;
}
