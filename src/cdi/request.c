/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of --gpu. */
#include "cdi/request.h"

#include <string.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/version.h"
#include "cdi/request_parts.h"

enum { TERM_MAX = 80, FREE_MAX = 1024 };

void gpu_request_fini(struct gpu_request *q)
{
	arena_fini(&q->arena);
	*q = (struct gpu_request){0};
}

const char *const *request_list(struct arena *a, const struct strs *l)
{
	const char **v = arena_alloc(a, (l->n + 1) * sizeof(*v));

	for (size_t i = 0; i < l->n; i++)
		v[i] = arena_str(a, l->v[i]);
	return v;
}

bool request_index(const char *id, uint64_t *ret_gpu, int64_t *ret_mig)
{
	char text[12] = "";
	char *colon;
	struct err ignored;
	uint64_t mig = 0;

	if (strlen(id) >= sizeof(text))
		return false;
	memcpy(text, id, strlen(id));
	colon = strchr(text, ':');
	if (colon)
		*colon++ = '\0';
	if (parse_uint(text, UINT16_MAX, "index", ret_gpu, &ignored) < 0 ||
	    (colon && parse_uint(colon, UINT16_MAX, "index", &mig, &ignored) < 0))
		return false;
	*ret_mig = colon ? (int64_t)mig : -1;
	return true;
}

bool request_is_uuid(const char *id)
{
	return (strncasecmp(id, "GPU-", 4) == 0 || strncasecmp(id, "MIG-", 4) == 0) && id[4] &&
	       !id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/")];
}

bool request_is_mig(const char *id)
{
	uint64_t gpu;
	int64_t mig;

	return strncasecmp(id, "MIG-", 4) == 0 || (request_index(id, &gpu, &mig) && mig >= 0);
}

/* What is read so far. */
struct reading {
	struct gpu_request *q;
	struct strs ids;
	bool all;
	bool none;
	bool condition;
	const char *text;
	struct err *e;
};

static int bad_term(struct reading *r, const char *term)
{
	(void)err_set(r->e, ERR_USAGE, "'%s' names no GPU", term);
	return err_hint(r->e, "write all, none, or with commas: an index (0, or 0:1 for a MIG "
			      "device), the beginning of a UUID (GPU-..., MIG-...), free:1, "
			      "memory>=24G, arch>=8.0");
}

static int take_free(struct reading *r, const char *term)
{
	uint64_t n;
	struct err ignored;

	if (parse_uint(term + strlen("free:"), FREE_MAX, "free", &n, &ignored) < 0 || n == 0 ||
	    r->q->free)
		return bad_term(r, term);
	r->q->free = (unsigned int)n;
	return 0;
}

static int take_memory(struct reading *r, const char *term)
{
	struct err ignored;

	if (r->q->min_memory ||
	    parse_size(term + strlen("memory>="), &r->q->min_memory, &ignored) < 0)
		return bad_term(r, term);
	return 0;
}

static int take_arch(struct reading *r, const char *term)
{
	struct version v = {0};
	struct err ignored;
	const char *value = term + strlen("arch>=");

	if (r->q->min_arch || version_parse(value, "arch", &v, &ignored) < 0)
		return bad_term(r, term);
	r->q->min_arch = arena_str(&r->q->arena, value);
	return 0;
}

static const struct {
	const char *prefix;
	int (*take)(struct reading *r, const char *term);
} conditions[] = {
	{"free:", take_free},
	{"memory>=", take_memory},
	{"arch>=", take_arch},
};

static int take_term(struct reading *r, const char *term)
{
	uint64_t gpu;
	int64_t mig;

	for (size_t i = 0; i < COUNT(conditions); i++) {
		if (!str_starts(term, conditions[i].prefix))
			continue;
		r->condition = true;
		return conditions[i].take(r, term);
	}
	if (str_eq(term, "all"))
		r->all = true;
	else if (str_eq(term, "none"))
		r->none = true;
	else if (!request_index(term, &gpu, &mig) && !request_is_uuid(term))
		return bad_term(r, term);
	else if (!strs_has(&r->ids, term))
		strs_add(&r->ids, term);
	return 0;
}

static int take_terms(struct reading *r)
{
	for (const char *p = r->text;; p++) {
		size_t n = strcspn(p, ",");
		CLEANUP(freep) char *term = str_fmt("%.*s", (int)n, p);

		if (n == 0 || n > TERM_MAX)
			return bad_term(r, n ? r->text : term);
		if (r->ids.n == REQUEST_IDS_MAX)
			return err_set(r->e, ERR_USAGE, "more than %d GPUs are named",
				       (int)REQUEST_IDS_MAX);
		if (take_term(r, term) < 0)
			return -(int)r->e->code;
		p += n;
		if (!*p)
			return 0;
	}
}

/* `none` stands alone; all, single GPUs and free:N exclude each other. */
static int check_together(const struct reading *r)
{
	int ways = !!r->all + !!r->ids.n + !!r->q->free;

	if (r->none ? ways || r->condition : ways > 1) {
		(void)err_set(r->e, ERR_USAGE, "'%s' asks for GPUs in two ways", r->text);
		return err_hint(r->e, "name GPUs, or write all, none or free:N; conditions such as "
				      "memory>=24G may stand with any but none");
	}
	return 0;
}

int gpu_request_parse(const char *text, struct gpu_request *ret, struct err *e)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {.caps = CAP_DEFAULT};
	struct reading r = {.q = &q, .text = text, .e = e};
	int code = take_terms(&r);

	if (code == 0)
		code = check_together(&r);
	if (code == 0) {
		if (!r.ids.n)
			strs_add(&r.ids, r.none ? "none" : "all");
		q.ids = request_list(&q.arena, &r.ids);
		q.any = !r.none;
		*ret = q;
		q = (struct gpu_request){0};
	}
	strs_fini(&r.ids);
	return code;
}

bool gpu_request_needs_nvml(const struct gpu_request *q)
{
	if (q->free || q->min_memory || q->min_arch)
		return true;
	for (const char *const *id = q->ids; id && *id; id++)
		if (request_is_mig(*id))
			return true;
	return false;
}
