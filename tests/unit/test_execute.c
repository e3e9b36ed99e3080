/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor with operations on files, which need neither root nor a package manager: in order,
 * skipped, failed, and killed at every place. Whatever happened, running again must end in the
 * same tree as a run that nobody disturbed, and undoing in the tree from before.
 */
#include "setup/execute.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "setup/journal.h"
#include "setup/setup.h"
#include "test.h"

/* A machine and a place for the state, in a folder of its own. */
struct machine {
	char folder[40];
	struct root root;
	char *state;
};

static void put(const struct machine *m, const char *path, const char *text, mode_t mode)
{
	CLEANUP(freep) char *folder = str_dup(below(path));
	struct err e = {0};

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make(m->root.fd, folder, 0755, &e), 0);
	assert_int_equal(file_write(m->root.fd, below(path), text, strlen(text), mode, 0, &e), 0);
}

static void machine_make(struct machine *m)
{
	CLEANUP(freep) char *root = NULL;
	struct err e = {0};

	/* Syncing is nothing on a tmpfs, and there is a lot of it. */
	(void)snprintf(m->folder, sizeof(m->folder), "%s/dlenv-execute-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(m->folder));
	root = str_fmt("%s/root", m->folder);
	m->state = str_fmt("%s/state", m->folder);
	assert_int_equal(mkdir(root, 0755), 0);
	assert_int_equal(root_open(&m->root, root, &e), 0);
	put(m, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
	    0644);
	put(m, "/etc/subuid", "bob:100000:65536\n", 0644);
	put(m, "/etc/there", "old text\n", 0600);
	put(m, "/etc/conf.d/in-the-way", "away\n", 0640);
}

static void machine_remove(struct machine *m)
{
	struct err e = {0};

	root_close(&m->root);
	assert_int_equal(tree_remove(AT_FDCWD, m->folder, &e), 0);
	freep(&m->state);
}

static void add_tree(int dir, const char *path, struct buf *ret)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = -1;
	struct err e = {0};

	assert_int_equal(dir_open(dir, path, &fd, &e), 0);
	assert_int_equal(dir_list(fd, ".", &names, &e), 0);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *file = str_fmt("%s/%s", path, names.v[i]);
		CLEANUP(freep) char *text = NULL;
		struct stat st;

		assert_int_equal(fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW), 0);
		buf_fmt(ret, "%s %o\n", file, st.st_mode);
		if (S_ISDIR(st.st_mode))
			add_tree(dir, file, ret);
		else if (file_read(dir, file, 1 << 20, &text, NULL, &e) == 0)
			buf_fmt(ret, "%s", text);
	}
}

/* Every path with its mode and text. */
static char *tree_of(const struct machine *m)
{
	struct buf b = {0};

	add_tree(m->root.fd, ".", &b);
	return TAKE(b.data);
}

static void make_plan(struct plan *p)
{
	static const struct op ops[] = {
		{.kind = &op_write_file,
		 .path = "/etc/new/deep/file",
		 .text = "new\n",
		 .mode = 0644},
		{.kind = &op_write_file, .path = "/etc/there", .text = "new text\n", .mode = 0644},
		{.kind = &op_move_aside, .path = "/etc/conf.d/in-the-way"},
		{.kind = &op_grant_subids, .user = "alice"},
		{.kind = &op_write_file, .path = "/etc/new/other", .text = "", .mode = 0600},
		{.kind = &op_write_file, .path = "/etc/there", .text = "newer\n", .mode = 0640},
	};

	for (size_t i = 0; i < COUNT(ops); i++)
		plan_add(p, &ops[i])->step = "tools";
}

static int open_machine(struct executor *x, const struct machine *m, const struct setup_options *o,
			struct err *e)
{
	struct setup s = {.options = o, .root = &m->root};

	return executor_open(x, &s, m->state, NULL, e);
}

static int run_plan(const struct machine *m, const struct plan *p, const struct setup_options *o,
		    struct err *e)
{
	CLEANUP(executor_close) struct executor x = {0};

	if (open_machine(&x, m, o, e) < 0)
		return -(int)e->code;
	return execute(&x, p, o, e);
}

static int run(const struct machine *m, struct err *e)
{
	static const struct setup_options o = {0};
	CLEANUP(plan_fini) struct plan p = {0};

	make_plan(&p);
	return run_plan(m, &p, &o, e);
}

static int undo(const struct machine *m, struct err *e)
{
	static const struct setup_options o = {0};
	CLEANUP(executor_close) struct executor x = {0};

	if (open_machine(&x, m, &o, e) < 0)
		return -(int)e->code;
	return execute_undo(&x, 0, e);
}

typedef int work_fn(const struct machine *m, struct err *e);

static void must(work_fn *work, const struct machine *m)
{
	struct err e = {0};

	if (work(m, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.hint);
}

/* In a child with DLENV_FAULT: true when it died by it. */
static bool dies(work_fn *work, const struct machine *m, const char *fault, unsigned int n)
{
	CLEANUP(freep) char *value = str_fmt("%s:%u", fault, n);
	struct err e = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("DLENV_FAULT", value, 1);
		_exit(work(m, &e) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void check_tree(const struct machine *m, const char *want, const char *what, unsigned int n)
{
	CLEANUP(freep) char *is = tree_of(m);

	if (!str_eq(is, want))
		fail_msg("%s %u: the tree is\n%s\nand not\n%s", what, n, is, want);
}

struct trees {
	char *before;
	char *after;
};

static void trees_make(struct trees *t)
{
	struct machine m;

	machine_make(&m);
	t->before = tree_of(&m);
	must(run, &m);
	t->after = tree_of(&m);
	machine_remove(&m);
}

static void trees_fini(struct trees *t)
{
	freep(&t->before);
	freep(&t->after);
}

TEST(a_plan_is_carried_out_and_taken_back)
{
	CLEANUP(trees_fini) struct trees t = {0};
	struct machine m;
	struct err e = {0};

	trees_make(&t);
	assert_non_null(strstr(t.after, "alice:165536:65536"));
	assert_non_null(strstr(t.after, "newer"));
	assert_string_not_equal(t.before, t.after);
	machine_make(&m);
	must(run, &m);
	/* A file that is written twice is written twice again; the rest is done. */
	must(run, &m);
	check_tree(&m, t.after, "again", 0);
	must(undo, &m);
	check_tree(&m, t.before, "undo", 0);
	assert_int_equal(undo(&m, &e), -ERR_ABSENT);
	machine_remove(&m);
}

TEST(what_is_done_already_leaves_no_trace)
{
	static const struct setup_options o = {0};
	CLEANUP(plan_fini) struct plan p = {0};
	struct machine m;
	struct stat was;
	struct stat is;
	struct err e = {0};

	machine_make(&m);
	plan_add(&p, &(struct op){.kind = &op_grant_subids, .user = "alice"})->step = "dlenv";
	assert_int_equal(run_plan(&m, &p, &o, &e), 0);
	assert_int_equal(fstatat(m.root.fd, "../state/journal", &was, 0), 0);
	assert_int_equal(run_plan(&m, &p, &o, &e), 0);
	assert_int_equal(fstatat(m.root.fd, "../state/journal", &is, 0), 0);
	assert_int_equal(was.st_size, is.st_size);
	machine_remove(&m);
}

static void sweep(work_fn *work, bool undone, const char *fault)
{
	CLEANUP(trees_fini) struct trees t = {0};
	bool died = true;

	trees_make(&t);
	for (unsigned int n = 1; died; n++) {
		struct machine m;

		machine_make(&m);
		if (undone)
			must(run, &m);
		died = dies(work, &m, fault, n);
		must(work, &m);
		check_tree(&m, undone ? t.before : t.after, fault, n);
		if (!undone)
			must(undo, &m);
		check_tree(&m, t.before, fault, n);
		machine_remove(&m);
		if (!died)
			assert_int_equal(n, 7);
	}
}

/* The second undo of one that had ended finds nothing. */
static int undo_rest(const struct machine *m, struct err *e)
{
	int code = undo(m, e);

	return code == -ERR_ABSENT ? 0 : code;
}

TEST(a_run_that_is_killed_before_an_operation_goes_on)
{
	sweep(run, false, "kill");
}

TEST(a_run_that_is_killed_after_an_operation_goes_on)
{
	sweep(run, false, "killed");
}

TEST(an_undo_that_is_killed_goes_on)
{
	sweep(undo_rest, true, "kill");
	sweep(undo_rest, true, "killed");
}

/* Does it change something on a disk? */
static bool changes(uint64_t nr, const uint64_t *args)
{
	static const int numbers[] = {SYS_write,     SYS_pwrite64,  SYS_fsync,	  SYS_rename,
				      SYS_renameat,  SYS_renameat2, SYS_unlink,	  SYS_unlinkat,
				      SYS_rmdir,     SYS_mkdir,	    SYS_mkdirat,  SYS_ftruncate,
				      SYS_symlinkat, SYS_fchmod,    SYS_fchmodat, SYS_fchownat};

	if (nr == SYS_openat)
		return args[2] & O_CREAT;
	for (size_t i = 0; i < COUNT(numbers); i++)
		if ((int)nr == numbers[i])
			return true;
	return false;
}

/* Is the child about to enter a system call that changes something? */
static bool is_about_to_change(pid_t pid)
{
	struct __ptrace_syscall_info info = {0};

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && changes(info.entry.nr, info.entry.args);
}

/* In a child that is killed before its Nth change: -1 when this system has no tracing. */
static int dies_at(work_fn *work, const struct machine *m, unsigned int n)
{
	struct err e = {0};
	unsigned int seen = 0;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(99);
		(void)raise(SIGSTOP);
		_exit(work(m, &e) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		return -1;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return 0;
		}
		if (WIFSTOPPED(status) && is_about_to_change(pid) && ++seen == n)
			break;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return 1;
}

static void sweep_changes(work_fn *work, bool undone)
{
	CLEANUP(trees_fini) struct trees t = {0};
	int died = 1;

	trees_make(&t);
	for (unsigned int n = 1; died > 0; n++) {
		struct machine m;

		machine_make(&m);
		if (undone)
			must(run, &m);
		died = dies_at(work, &m, n);
		if (died < 0)
			machine_remove(&m);
		SKIP_UNLESS(died >= 0, "ptrace", "this system lets nobody trace processes");
		must(work, &m);
		check_tree(&m, undone ? t.before : t.after, "change", n);
		if (!undone)
			must(undo, &m);
		check_tree(&m, t.before, "change, undone", n);
		machine_remove(&m);
		assert_true(died || n > 50);
	}
}

TEST(a_run_goes_on_wherever_it_was_killed)
{
	sweep_changes(run, false);
}

TEST(an_undo_goes_on_wherever_it_was_killed)
{
	sweep_changes(undo_rest, true);
}

TEST(a_run_that_was_killed_anywhere_can_be_taken_back_at_once)
{
	CLEANUP(trees_fini) struct trees t = {0};
	int died = 1;

	trees_make(&t);
	for (unsigned int n = 1; died > 0; n++) {
		struct machine m;

		machine_make(&m);
		died = dies_at(run, &m, n);
		if (died < 0)
			machine_remove(&m);
		SKIP_UNLESS(died >= 0, "ptrace", "this system lets nobody trace processes");
		must(undo_rest, &m);
		check_tree(&m, t.before, "change, taken back", n);
		machine_remove(&m);
	}
}

TEST(a_failure_ends_the_run_and_the_next_one_goes_on)
{
	CLEANUP(trees_fini) struct trees t = {0};

	trees_make(&t);
	for (unsigned int n = 1; n <= 6; n++) {
		CLEANUP(freep) char *fault = str_fmt("fail:%u", n);
		struct machine m;
		struct err e = {0};

		machine_make(&m);
		assert_int_equal(setenv("DLENV_FAULT", fault, 1), 0);
		assert_int_equal(run(&m, &e), -ERR_FAIL);
		assert_non_null(strstr(e.hint, "--resume"));
		assert_int_equal(unsetenv("DLENV_FAULT"), 0);
		must(run, &m);
		check_tree(&m, t.after, "fail", n);
		must(undo, &m);
		check_tree(&m, t.before, "fail", n);
		machine_remove(&m);
	}
}

/* All of ops as one step, by an executor that stays open. */
static void carry_out(struct executor *x, const struct machine *m, bool live, struct plan *p,
		      const struct op *ops, size_t n)
{
	static const struct setup_options o = {0};
	struct err e = {0};

	for (size_t i = 0; i < n; i++)
		plan_add(p, &ops[i])->step = "tools";
	assert_int_equal(open_machine(x, m, &o, &e), 0);
	x->live = live;
	if (execute(x, p, &o, &e) < 0)
		fail_msg("%s", e.msg);
}

TEST(what_is_optional_may_fail)
{
	static const struct setup_options o = {0};
	static const struct op ops[] = {
		{.kind = &op_write_file,
		 .path = "/etc/there/below-a-file",
		 .text = "x",
		 .flags = OP_OPTIONAL},
		{.kind = &op_write_file, .path = "/etc/late", .text = "x"},
	};
	CLEANUP(plan_fini) struct plan p = {0};
	CLEANUP(executor_close) struct executor x = {0};
	struct machine m;
	struct err e = {0};

	machine_make(&m);
	carry_out(&x, &m, false, &p, ops, COUNT(ops));
	assert_true(root_has(&m.root, "/etc/late"));
	assert_int_equal(x.notes.n, 1);
	p.ops[0].flags = 0;
	assert_true(execute(&x, &p, &o, &e) < 0);
	machine_remove(&m);
}

/* To start anew is of no use where nothing was changed. */
TEST(what_nothing_here_can_do_is_left_and_said)
{
	static const struct op ops[] = {
		{.kind = &op_restart_unit, .name = "early.service"},
		{.kind = &op_write_file, .path = "/etc/late", .text = "x"},
		{.kind = &op_restart_unit, .name = "late.service"},
	};
	CLEANUP(plan_fini) struct plan p = {0};
	CLEANUP(executor_close) struct executor x = {0};
	struct machine m;

	machine_make(&m);
	carry_out(&x, &m, true, &p, ops, COUNT(ops));
	assert_int_equal(x.notes.n, 1);
	assert_non_null(strstr(x.notes.v[0], "left to you: restart late.service"));
	machine_remove(&m);
}

TEST(a_second_run_at_the_same_time_is_told_who_is_at_work)
{
	static const struct setup_options o = {0};
	CLEANUP(executor_close) struct executor x = {0};
	CLEANUP(freep) char *pid = str_fmt("process %d", (int)getpid());
	struct machine m;
	struct err e = {0};

	machine_make(&m);
	assert_int_equal(open_machine(&x, &m, &o, &e), 0);
	assert_int_equal(run(&m, &e), -ERR_BUSY);
	assert_non_null(strstr(e.msg, pid));
	machine_remove(&m);
}

TEST(a_signal_ends_the_run_between_two_operations)
{
	static const struct setup_options o = {0};
	CLEANUP(trees_fini) struct trees t = {0};
	CLEANUP(plan_fini) struct plan p = {0};
	struct executor x = {0};
	struct machine m;
	struct err e = {0};

	trees_make(&t);
	machine_make(&m);
	make_plan(&p);
	assert_int_equal(open_machine(&x, &m, &o, &e), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(execute(&x, &p, &o, &e), -ERR_FAIL);
	assert_non_null(strstr(e.msg, "stopped at operation 1 of 6"));
	executor_close(&x);
	check_tree(&m, t.before, "stopped", 0);
	must(run, &m);
	check_tree(&m, t.after, "stopped, again", 0);
	machine_remove(&m);
}

TEST(what_was_asked_for_is_asked_again)
{
	static const char *const trust[] = {"AAAA", "BBBB", NULL};
	struct setup_options o = {
		.targets = SETUP_DOCKER | SETUP_DLENV,
		.pin = {[VAR_DRIVER] = "580", [VAR_CUDA] = "12.4"},
		.user = "alice",
		.trust = trust,
		.rootless = true,
		.no_network = true,
	};
	CLEANUP(executor_close) struct executor x = {0};
	CLEANUP(plan_fini) struct plan p = {0};
	struct setup_options got = {0};
	struct machine m;
	struct err e = {0};

	machine_make(&m);
	make_plan(&p);
	assert_int_equal(setenv("DLENV_FAULT", "fail:2", 1), 0);
	assert_int_equal(run_plan(&m, &p, &o, &e), -ERR_FAIL);
	assert_int_equal(unsetenv("DLENV_FAULT"), 0);
	x.state = m.state;
	if (execute_unfinished(&x, &got, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(got.targets, o.targets);
	assert_string_equal(got.pin[VAR_DRIVER], "580");
	assert_string_equal(got.pin[VAR_CUDA], "12.4");
	assert_null(got.pin[VAR_TORCH]);
	assert_string_equal(got.user, "alice");
	assert_string_equal(got.trust[1], "BBBB");
	assert_null(got.trust[2]);
	assert_true(got.rootless && got.no_network && !got.reboot);
	assert_int_equal(run_plan(&m, &p, &o, &e), 0);
	assert_int_equal(execute_unfinished(&x, &got, &e), -ERR_ABSENT);
	machine_remove(&m);
}

TEST(one_target_is_taken_back_and_what_others_need_stays)
{
	static const struct setup_options o = {0};
	CLEANUP(executor_close) struct executor x = {0};
	CLEANUP(plan_fini) struct plan p = {0};
	CLEANUP(buf_fini) struct buf text = {0};
	struct machine m;
	struct err e = {0};

	machine_make(&m);
	for (size_t i = 0; setup_steps[i].id; i++) {
		CLEANUP(freep) char *path = str_fmt("/etc/of/%s", setup_steps[i].id);

		plan_add(&p, &(struct op){.kind = &op_write_file, .path = path, .text = "x"})
			->step = setup_steps[i].id;
	}
	assert_int_equal(open_machine(&x, &m, &o, &e), 0);
	assert_int_equal(execute(&x, &p, &o, &e), 0);
	assert_int_equal(undo_text(&x, SETUP_DOCKER, &text, &e), 0);
	assert_non_null(strstr(text.data, "/etc/of/docker"));
	assert_null(strstr(text.data, "/etc/of/podman"));
	assert_int_equal(execute_undo(&x, SETUP_DOCKER, &e), 0);
	assert_false(root_has(&m.root, "/etc/of/docker"));
	assert_true(root_has(&m.root, "/etc/of/podman"));
	assert_true(root_has(&m.root, "/etc/of/gpu"));
	assert_true(root_has(&m.root, "/etc/of/tools"));
	assert_int_equal(execute_undo(&x, 0, &e), 0);
	assert_false(root_has(&m.root, "/etc/of"));
	machine_remove(&m);
}

RUN(IT(a_plan_is_carried_out_and_taken_back), IT(what_is_done_already_leaves_no_trace),
    IT(a_run_that_is_killed_before_an_operation_goes_on),
    IT(a_run_that_is_killed_after_an_operation_goes_on), IT(an_undo_that_is_killed_goes_on),
    IT(a_run_goes_on_wherever_it_was_killed), IT(an_undo_goes_on_wherever_it_was_killed),
    IT(a_run_that_was_killed_anywhere_can_be_taken_back_at_once),
    IT(a_failure_ends_the_run_and_the_next_one_goes_on), IT(what_is_optional_may_fail),
    IT(what_nothing_here_can_do_is_left_and_said),
    IT(a_second_run_at_the_same_time_is_told_who_is_at_work),
    IT(a_signal_ends_the_run_between_two_operations), IT(what_was_asked_for_is_asked_again),
    IT(one_target_is_taken_back_and_what_others_need_stays))
