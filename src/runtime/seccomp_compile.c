/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_compile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

enum { ARGS_MAX = 6, INSNS_MAX = 4096 };

struct arg {
	uint64_t index;
	uint64_t value;
	uint64_t value_two;
	const char *op;
};

struct rule {
	const char **names;
	const char *action;
	const char *errno_ret; /* as written: 0 is a value, absent is EPERM */
	struct doc_list args;
};

struct section {
	const char *default_action;
	int64_t default_errno;
	const char **architectures;
	struct doc_list rules;
	const char *listener;
};

static const struct doc_row arg_rows[] = {
	{.key = "index",
	 .type = DOC_AS_UINT,
	 .offset = offsetof(struct arg, index),
	 .flags = DOC_REQUIRED},
	{.key = "value",
	 .type = DOC_AS_UINT,
	 .offset = offsetof(struct arg, value),
	 .flags = DOC_REQUIRED},
	{.key = "valueTwo", .type = DOC_AS_UINT, .offset = offsetof(struct arg, value_two)},
	{.key = "op",
	 .type = DOC_AS_STR,
	 .offset = offsetof(struct arg, op),
	 .flags = DOC_REQUIRED},
	{0},
};

static const struct doc_row rule_rows[] = {
	{.key = "names",
	 .type = DOC_AS_STRS,
	 .offset = offsetof(struct rule, names),
	 .flags = DOC_REQUIRED},
	{.key = "action",
	 .type = DOC_AS_STR,
	 .offset = offsetof(struct rule, action),
	 .flags = DOC_REQUIRED},
	{.key = "errnoRet", .type = DOC_AS_STR, .offset = offsetof(struct rule, errno_ret)},
	{.key = "args",
	 .type = DOC_AS_LIST,
	 .offset = offsetof(struct rule, args),
	 .rows = arg_rows,
	 .item_size = sizeof(struct arg)},
	{0},
};

static const struct doc_row section_rows[] = {
	{.key = "defaultAction",
	 .type = DOC_AS_STR,
	 .offset = offsetof(struct section, default_action),
	 .flags = DOC_REQUIRED},
	{.key = "defaultErrnoRet",
	 .type = DOC_AS_INT,
	 .offset = offsetof(struct section, default_errno)},
	{.key = "architectures",
	 .type = DOC_AS_STRS,
	 .offset = offsetof(struct section, architectures)},
	{.key = "listenerPath", .type = DOC_AS_STR, .offset = offsetof(struct section, listener)},
	{.key = "syscalls",
	 .type = DOC_AS_LIST,
	 .offset = offsetof(struct section, rules),
	 .rows = rule_rows,
	 .item_size = sizeof(struct rule)},
	{0},
};

static int action_of(const char *name, int64_t errno_ret, uint32_t *ret, struct err *e)
{
	static const struct {
		const char *name;
		uint32_t action;
	} rows[] = {
		{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
		{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
		{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	};
	/* runtime-spec: without errnoRet it is EPERM. */
	uint32_t number = (uint32_t)(errno_ret < 0 ? EPERM : errno_ret) & 0xffff;

	if (str_eq(name, "SCMP_ACT_ERRNO") || str_eq(name, "SCMP_ACT_TRACE")) {
		*ret = str_eq(name, "SCMP_ACT_ERRNO") ? SCMP_ACT_ERRNO(number)
						      : SCMP_ACT_TRACE(number);
		return 0;
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].name, name)) {
			*ret = rows[i].action;
			return 0;
		}
	return err_set(e, ERR_CONFIG, "the seccomp action '%s' is not supported", name);
}

static int compare_of(const char *name, enum scmp_compare *ret, struct err *e)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} rows[] = {
		{"SCMP_CMP_NE", SCMP_CMP_NE},
		{"SCMP_CMP_LT", SCMP_CMP_LT},
		{"SCMP_CMP_LE", SCMP_CMP_LE},
		{"SCMP_CMP_EQ", SCMP_CMP_EQ},
		{"SCMP_CMP_GE", SCMP_CMP_GE},
		{"SCMP_CMP_GT", SCMP_CMP_GT},
		{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].name, name)) {
			*ret = rows[i].op;
			return 0;
		}
	return err_set(e, ERR_CONFIG, "the seccomp operator '%s' does not exist", name);
}

/* "SCMP_ARCH_X86_64" as libseccomp writes it: "x86_64". 0: unknown to this library. */
static uint32_t arch_of(const char *name)
{
	char lower[32] = "";
	size_t n = 0;

	if (!str_starts(name, "SCMP_ARCH_"))
		return 0;
	for (name += strlen("SCMP_ARCH_"); *name && n < sizeof(lower) - 1; name++)
		lower[n++] = (char)(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name);
	return seccomp_arch_resolve_name(lower);
}

static int add_architectures(scmp_filter_ctx *c, const struct section *s, struct err *e)
{
	for (const char **name = s->architectures; name && *name; name++) {
		uint32_t arch = arch_of(*name);
		int code;

		if (!arch)
			return err_set(e, ERR_CONFIG, "the architecture '%s' does not exist",
				       *name);
		code = seccomp_arch_add(c, arch);
		if (code < 0 && code != -EEXIST) {
			errno = -code;
			return err_sys(e, "cannot filter for the architecture '%s'", *name);
		}
	}
	return 0;
}

static int add_call(scmp_filter_ctx *c, const char *name, uint32_t action, const struct rule *r,
		    const struct scmp_arg_cmp *args, struct err *e)
{
	int number = seccomp_syscall_resolve_name(name);
	int code;

	/* Names that this library does not know yet fall under the default action. */
	if (number == __NR_SCMP_ERROR)
		return 0;
	code = seccomp_rule_add_array(c, action, number, (unsigned int)r->args.n, args);
	if (code == 0 || code == -EACCES || code == -EEXIST) /* EACCES: same as the default */
		return 0;
	errno = -code;
	return err_sys(e, "cannot add a seccomp rule for '%s'", name);
}

static int add_rule(scmp_filter_ctx *c, const struct rule *r, struct err *e)
{
	struct scmp_arg_cmp args[ARGS_MAX] = {0};
	const struct arg *from = r->args.items;
	uint32_t action = 0;
	uint64_t number = 0;

	if ((r->errno_ret && parse_uint(r->errno_ret, UINT16_MAX, "errnoRet", &number, e) < 0) ||
	    action_of(r->action, r->errno_ret ? (int64_t)number : -1, &action, e) < 0)
		return -(int)e->code;
	if (r->args.n > ARGS_MAX)
		return err_set(e, ERR_CONFIG, "a seccomp rule has more than %d arguments",
			       ARGS_MAX);
	for (size_t i = 0; i < r->args.n; i++) {
		enum scmp_compare op = SCMP_CMP_EQ;

		if (from[i].index >= ARGS_MAX)
			return err_set(e, ERR_CONFIG, "a seccomp argument has an index above %d",
				       ARGS_MAX - 1);
		if (compare_of(from[i].op, &op, e) < 0)
			return -(int)e->code;
		args[i] = (struct scmp_arg_cmp){.arg = (unsigned int)from[i].index,
						.op = op,
						.datum_a = from[i].value,
						.datum_b = from[i].value_two};
	}
	for (const char **name = r->names; *name; name++)
		if (add_call(c, *name, action, r, args, e) < 0)
			return -(int)e->code;
	return 0;
}

/* libseccomp writes only to descriptors: 2.5 has no export to memory. */
static int export(scmp_filter_ctx *c, struct seccomp_filter *ret, struct err *e)
{
	CLEANUP(fd_closep) int fd = memfd_create("seccomp", MFD_CLOEXEC);
	CLEANUP(buf_fini) struct buf b = {.max = INSNS_MAX * sizeof(struct sock_filter)};
	int code;

	if (fd < 0)
		return err_sys(e, "cannot compile the seccomp filter");
	code = seccomp_export_bpf(c, fd);
	if (code < 0) {
		errno = -code;
		return err_sys(e, "cannot compile the seccomp filter");
	}
	if (lseek(fd, 0, SEEK_SET) < 0 || read_all(fd, &b) < 0)
		return err_sys(e, "cannot compile the seccomp filter");
	if (b.full || !b.len)
		return err_set(e, ERR_CONFIG, "the seccomp filter has more than %d instructions",
			       INSNS_MAX);
	ret->n = (uint16_t)(b.len / sizeof(struct sock_filter));
	ret->insns = (struct sock_filter *)(void *)TAKE(b.data);
	return 0;
}

int seccomp_flags(const struct doc *d, const struct doc_node *section, unsigned int *ret,
		  struct err *e)
{
	static const struct {
		const char *name;
		unsigned int flag;
	} rows[] = {
		{"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* there is one thread */
		{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
		{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	};
	const struct doc_node *list = doc_get(section, "flags");

	*ret = 0;
	if (!list || list->kind == DOC_NULL)
		return 0;
	for (const struct doc_node *n = list->first; n; n = n->next) {
		size_t i = 0;

		while (i < COUNT(rows) && !str_eq(rows[i].name, n->text))
			i++;
		if (i == COUNT(rows))
			return doc_err(d, n, e, "the seccomp flag '%s' is not supported",
				       n->text ? n->text : "");
		*ret |= rows[i].flag;
	}
	return 0;
}

static void release(scmp_filter_ctx *c)
{
	if (*c)
		seccomp_release(*c);
}

int seccomp_compile(const struct doc *d, const struct doc_node *section, struct seccomp_filter *ret,
		    struct err *e)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(release) scmp_filter_ctx c = NULL;
	struct section s = {.default_errno = -1};
	const struct rule *rules;
	uint32_t action = 0;

	if (doc_decode(d, section, section_rows, DOC_OPEN, &s, &a, e) < 0 ||
	    action_of(s.default_action, s.default_errno, &action, e) < 0)
		return -(int)e->code;
	if (s.listener && *s.listener)
		return err_set(e, ERR_CONFIG, "'linux.seccomp.listenerPath' is not supported");
	c = seccomp_init(action);
	if (!c)
		return err_set(e, ERR_RUNTIME, "libseccomp cannot make a filter");
	/* 2: a tree by number, so that a call passes few compares. NNP is set by a stage. */
	(void)seccomp_attr_set(c, SCMP_FLTATR_CTL_NNP, 0);
	(void)seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* Calls of another architecture (32-bit programs) do not exist, rather than kill. */
	(void)seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (add_architectures(c, &s, e) < 0)
		return -(int)e->code;
	rules = s.rules.items;
	for (size_t i = 0; i < s.rules.n; i++)
		if (add_rule(c, &rules[i], e) < 0)
			return -(int)e->code;
	return export(c, ret, e);
}
