/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works (v2): the program looks at the rules from the last to the
 * first and returns what the first match says; nothing matched: refused. Each
 * rule is a few compares that jump to the next rule.
 */
#include "runtime/cgroup_devices.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

enum {
	ACC_ALL = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE,
	RULES_MAX = 512,
	INSNS_PER_RULE = 12,
};

static const struct device_rule defaults[] = {
	{true, 'c', -1, -1, BPF_DEVCG_ACC_MKNOD},
	{true, 'b', -1, -1, BPF_DEVCG_ACC_MKNOD},
	{true, 'c', 1, 3, ACC_ALL},
	{true, 'c', 1, 5, ACC_ALL},
	{true, 'c', 1, 7, ACC_ALL},
	{true, 'c', 1, 8, ACC_ALL},
	{true, 'c', 1, 9, ACC_ALL},
	{true, 'c', 5, 0, ACC_ALL},
	{true, 'c', 5, 1, ACC_ALL},
	{true, 'c', 5, 2, ACC_ALL},
	{true, 'c', 136, -1, ACC_ALL},
};

static int rule_number(const char *text, int64_t *ret, struct err *e)
{
	uint64_t n = 0;

	*ret = -1;
	if (!text || str_eq(text, "-1"))
		return 0;
	if (parse_uint(text, UINT32_MAX, "device number", &n, e) < 0)
		return -(int)e->code;
	*ret = (int64_t)n;
	return 0;
}

static int rule_take(const struct spec_device_rule *from, struct device_rule *ret, struct err *e)
{
	const char *type = from->type ? from->type : "a";
	const char *access = from->access ? from->access : "rwm";

	*ret = (struct device_rule){.allow = from->allow, .type = type[0]};
	if (strlen(type) != 1 || !strchr("acb", type[0]))
		return err_set(e, ERR_CONFIG, "a device rule has the type '%s'", type);
	for (const char *p = access; *p; p++) {
		if (!strchr("rwm", *p))
			return err_set(e, ERR_CONFIG, "a device rule has the access '%s'", access);
		ret->access |= *p == 'r'   ? BPF_DEVCG_ACC_READ
			       : *p == 'w' ? BPF_DEVCG_ACC_WRITE
					   : BPF_DEVCG_ACC_MKNOD;
	}
	if (rule_number(from->major, &ret->major, e) < 0)
		return -(int)e->code;
	return rule_number(from->minor, &ret->minor, e);
}

int device_rules(const struct spec_resources *r, struct arena *a, struct doc_list *ret,
		 struct err *e)
{
	size_t n = r->devices.n;
	struct device_rule *rules;

	if (n > RULES_MAX)
		return err_set(e, ERR_CONFIG, "there are %zu device rules: at most %d are possible",
			       n, RULES_MAX);
	rules = arena_alloc(a, (n + COUNT(defaults)) * sizeof(*rules));
	for (size_t i = 0; i < n; i++)
		if (rule_take((const struct spec_device_rule *)r->devices.items + i, &rules[i], e) <
		    0)
			return -(int)e->code;
	memcpy(rules + n, defaults, sizeof(defaults));
	*ret = (struct doc_list){.items = rules, .n = n + COUNT(defaults)};
	return 0;
}

static int write_v1(const char *dir, const struct device_rule *rule, struct err *e)
{
	CLEANUP(freep)
	char *path = str_fmt("%s/devices.%s", dir, rule->allow ? "allow" : "deny");
	CLEANUP(freep)
	char *major = rule->major < 0 ? str_dup("*") : str_fmt("%" PRId64, rule->major);
	CLEANUP(freep)
	char *minor = rule->minor < 0 ? str_dup("*") : str_fmt("%" PRId64, rule->minor);
	CLEANUP(freep)
	char *text = rule->type == 'a' ? str_dup("a")
				       : str_fmt("%c %s:%s %s%s%s", rule->type, major, minor,
						 rule->access & BPF_DEVCG_ACC_READ ? "r" : "",
						 rule->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
						 rule->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(e, "cannot write '%s' to '%s'", text, path);
	return 0;
}

int cgroup_devices_v1(const struct spec_resources *r, const char *dir, struct err *e)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct doc_list rules = {0};

	if (device_rules(r, &a, &rules, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < rules.n; i++)
		if (write_v1(dir, (const struct device_rule *)rules.items + i, e) < 0)
			return -(int)e->code;
	return 0;
}

static void emit(struct bpf_insn **p, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	*(*p)++ = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

/* Load the context: r2 type, r3 access, r4 major, r5 minor. */
static void emit_start(struct bpf_insn **p)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0);
}

/* True when it matches everything: what would follow is never reached. */
static bool emit_rule(struct bpf_insn **p, const struct device_rule *r)
{
	struct bpf_insn *jumps[4];
	size_t n = 0;
	int32_t type = r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	if (r->type != 'a') {
		jumps[n++] = *p;
		emit(p, BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0, type);
	}
	/* An allowing rule must cover all that is asked for, a denying one any of it. */
	if (r->access != ACC_ALL) {
		uint32_t outside = r->allow ? ~r->access : r->access;

		emit(p, BPF_ALU | BPF_MOV | BPF_X, 0, 3, 0, 0);
		emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0, (int32_t)outside);
		jumps[n++] = *p;
		emit(p, BPF_JMP | (r->allow ? BPF_JNE : BPF_JEQ) | BPF_K, 0, 0, 0, 0);
	}
	if (r->type != 'a' && r->major >= 0) {
		jumps[n++] = *p;
		emit(p, BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, (int32_t)r->major);
	}
	if (r->type != 'a' && r->minor >= 0) {
		jumps[n++] = *p;
		emit(p, BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, (int32_t)r->minor);
	}
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, r->allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < n; i++)
		jumps[i]->off = (int16_t)(*p - jumps[i] - 1);
	return n == 0;
}

int cgroup_devices_v2(const struct spec_resources *r, int cgroup, struct err *e)
{
	static const char license[] = "Apache-2.0";
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(fd_closep) int program = -1;
	struct doc_list rules = {0};
	struct bpf_insn *insns;
	struct bpf_insn *p;
	bool done = false;
	union bpf_attr attr;

	if (device_rules(r, &a, &rules, e) < 0)
		return -(int)e->code;
	insns = arena_alloc(&a, (rules.n + 1) * INSNS_PER_RULE * sizeof(*insns));
	p = insns;
	emit_start(&p);
	for (size_t i = rules.n; i > 0 && !done; i--)
		done = emit_rule(&p, (const struct device_rule *)rules.items + i - 1);
	if (!done) {
		emit(&p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
		emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = (uint32_t)(p - insns);
	attr.license = (uintptr_t)license;
	program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (program < 0)
		return err_sys(e, "device rules are not enforced: cannot load their program");
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0)
		return err_sys(e, "device rules are not enforced: cannot attach their program");
	return 0;
}
