/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requirements of images. How this works: an expression has terms with spaces between, of which
 * one must hold; a term has factors with commas, which must all hold; a factor compares a fact.
 * A fact that is not known leaves a factor open: an expression that is open after all has been
 * looked at is met (nobody is kept from working by what we do not know), unless NVML can be
 * asked first.
 */
#include <string.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/version.h"
#include "cdi/request.h"
#include "cdi/request_parts.h"

enum holds { NO, OPEN, YES };

enum { FACTOR_MAX = 128 };

/* The newest CUDA that each branch of the driver can do (CUDA release notes, table 3). */
static const struct {
	uint32_t branch;
	const char *cuda;
} branches[] = {
	{410, "10.0"}, {418, "10.1"}, {440, "10.2"}, {450, "11.0"}, {455, "11.1"}, {460, "11.2"},
	{465, "11.3"}, {470, "11.4"}, {495, "11.5"}, {510, "11.6"}, {515, "11.7"}, {520, "11.8"},
	{525, "12.0"}, {530, "12.1"}, {535, "12.2"}, {545, "12.3"}, {550, "12.4"}, {555, "12.5"},
	{560, "12.6"}, {565, "12.7"}, {570, "12.8"}, {575, "12.9"}, {580, "13.0"}, {590, "13.1"},
};

const char *gpu_cuda_of_driver(const char *driver)
{
	struct version v = version_in(driver ? driver : "");

	for (size_t i = 0; v.n && i < COUNT(branches); i++)
		if (branches[i].branch == v.part[0])
			return branches[i].cuda;
	return NULL;
}

static const struct {
	const char *name;
	size_t offset;
	bool is_version;
} facts[] = {
	{"cuda", offsetof(struct gpu_facts, cuda), true},
	{"driver", offsetof(struct gpu_facts, driver), true},
	{"arch", offsetof(struct gpu_facts, arch), true},
	{"brand", offsetof(struct gpu_facts, brand), false},
};

/* Which results of a comparison (below, equal, above) each operator takes. */
static const struct {
	const char *text;
	bool below, equal, above;
} operators[] = {
	{">=", false, true, true}, {"<=", true, true, false}, {"!=", true, false, true},
	{"=", false, true, false}, {"<", true, false, false}, {">", false, false, true},
};

static int malformed(const char *factor, struct err *e)
{
	(void)err_set(e, ERR_CONFIG, "the requirement '%s' cannot be read", factor);
	return err_hint(e, "it compares cuda, driver, arch or brand with a value, such as "
			   "cuda>=12.4; NVIDIA_DISABLE_REQUIRE=1 switches requirements off");
}

static enum holds compare_versions(const char *fact, const struct version *wanted, size_t op)
{
	struct version have = {0};
	struct err ignored;
	int order;

	if (!fact || version_parse(fact, "fact", &have, &ignored) < 0)
		return OPEN;
	order = version_compare(&have, wanted);
	if (order < 0)
		return operators[op].below ? YES : NO;
	if (order > 0)
		return operators[op].above ? YES : NO;
	return operators[op].equal ? YES : NO;
}

static int hold_factor(const char *factor, const struct gpu_facts *f, enum holds *ret,
		       struct err *e)
{
	size_t name_n = strcspn(factor, "<>=!");
	const char *value;
	const char *fact;
	struct version wanted = {0};
	struct err ignored;
	size_t row = 0;
	size_t op = 0;
	bool equal;

	while (row < COUNT(facts) && !(strlen(facts[row].name) == name_n &&
				       strncasecmp(factor, facts[row].name, name_n) == 0))
		row++;
	while (op < COUNT(operators) && !str_starts(factor + name_n, operators[op].text))
		op++;
	if (row == COUNT(facts) || op == COUNT(operators))
		return malformed(factor, e);
	value = factor + name_n + strlen(operators[op].text);
	fact = *(const char *const *)((const char *)f + facts[row].offset);
	if (fact && !*fact)
		fact = NULL;
	if (facts[row].is_version) {
		if (version_parse(value, facts[row].name, &wanted, &ignored) < 0)
			return malformed(factor, e);
		*ret = compare_versions(fact, &wanted, op);
		return 0;
	}
	if (!*value || operators[op].below != operators[op].above)
		return malformed(factor, e);
	equal = fact && strcasecmp(fact, value) == 0;
	*ret = !fact ? OPEN : equal == operators[op].equal ? YES : NO;
	return 0;
}

/* One term: "brand=tesla,driver>=470". */
static int hold_term(const char *term, const struct gpu_facts *f, enum holds *ret, struct err *e)
{
	enum holds all = YES;

	for (const char *p = term;; p++) {
		size_t n = strcspn(p, ",");
		CLEANUP(freep) char *factor = str_fmt("%.*s", (int)n, p);
		enum holds one = NO;

		if (!n || n > FACTOR_MAX)
			return malformed(n ? "..." : term, e);
		if (hold_factor(factor, f, &one, e) < 0)
			return -(int)e->code;
		if (one < all)
			all = one;
		p += n;
		if (!*p)
			break;
	}
	*ret = all;
	return 0;
}

static int hold(const char *expression, const struct gpu_facts *f, enum holds *ret, struct err *e)
{
	static const char spaces[] = " \t\n";
	const char *p = expression + strspn(expression, spaces);
	enum holds any = *p ? NO : YES;

	while (*p) {
		size_t n = strcspn(p, spaces);
		CLEANUP(freep) char *term = str_fmt("%.*s", (int)n, p);
		enum holds one = NO;

		if (hold_term(term, f, &one, e) < 0)
			return -(int)e->code;
		if (one > any)
			any = one;
		p += n;
		p += strspn(p, spaces);
	}
	*ret = any;
	return 0;
}

static const char *known(const char *fact)
{
	return fact && *fact ? fact : "?";
}

int gpu_require(const char *expression, const struct gpu_facts *f, struct err *e)
{
	enum holds met = YES;

	if (hold(expression, f, &met, e) < 0)
		return -(int)e->code;
	if (met != NO)
		return 0;
	(void)err_set(e, ERR_UNSAT, "the requirement '%.200s' is not met", expression);
	return err_hint(e,
			"here: driver %s, CUDA %s, arch %s, brand %s; a newer driver may do, and "
			"NVIDIA_DISABLE_REQUIRE=1 switches requirements off",
			known(f->driver), known(f->cuda), known(f->arch), known(f->brand));
}

/* The GPU behind an id that gpu_request_choose gave, by its UUID, index or that of its MIG device.
 */
static const struct nvml_gpu *gpu_of(const struct nvml *m, const struct nvidia *n, const char *id)
{
	const char *uuid = id;
	uint64_t index;
	int64_t mig;

	if (!m)
		return NULL;
	if (request_index(id, &index, &mig))
		for (size_t i = 0; i < n->gpus_n; i++)
			if (n->gpus[i].index == (int64_t)index && n->gpus[i].uuid)
				uuid = n->gpus[i].uuid;
	for (size_t i = 0; i < m->gpus_n; i++) {
		if (str_eq(m->gpus[i].uuid, uuid))
			return &m->gpus[i];
		for (size_t k = 0; k < m->gpus[i].migs_n; k++)
			if (str_eq(m->gpus[i].migs[k].uuid, uuid))
				return &m->gpus[i];
	}
	return NULL;
}

struct asked {
	const char *const *require;
	const struct nvidia *n;
	const struct nvml *m;
	bool open;
};

/* gpu NULL: nothing is known of it. */
static int check_gpu(struct asked *q, const struct nvml_gpu *gpu, struct err *e)
{
	CLEANUP(freep)
	char *arch = gpu ? str_fmt("%u.%u", gpu->arch_major, gpu->arch_minor) : NULL;
	const struct gpu_facts f = {
		.driver = q->n->driver ? q->n->driver
			  : q->m       ? q->m->driver
				       : NULL,
		.cuda = q->m ? q->m->cuda : gpu_cuda_of_driver(q->n->driver),
		.arch = gpu && gpu->arch_major ? arch : NULL,
		.brand = gpu ? gpu->brand : NULL,
	};

	for (const char *const *r = q->require; r && *r; r++) {
		enum holds met = YES;

		if (hold(*r, &f, &met, e) < 0 || (met == NO && gpu_require(*r, &f, e) < 0))
			return -(int)e->code;
		q->open |= met == OPEN;
	}
	return 0;
}

int gpu_request_check(const struct gpu_request *q, const struct nvidia *n, const struct nvml *m,
		      const char *const *chosen, bool *ret_open, struct err *e)
{
	struct asked asked = {.require = q->require, .n = n, .m = m};
	bool all = chosen && *chosen && str_eq(*chosen, "all");

	if (m && all) {
		for (size_t i = 0; i < m->gpus_n; i++)
			if (check_gpu(&asked, &m->gpus[i], e) < 0)
				return -(int)e->code;
	} else {
		const char *const *id = chosen;

		/* Once at least: cuda and driver are asked for without a GPU too. */
		do {
			const struct nvml_gpu *gpu = id && *id ? gpu_of(m, n, *id) : NULL;

			if (check_gpu(&asked, gpu, e) < 0)
				return -(int)e->code;
		} while (id && *id && *++id);
	}
	*ret_open = asked.open;
	return 0;
}
