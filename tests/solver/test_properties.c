/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>

#include "base/str.h"
#include "compat/gpus.h"
#include "compat/solve.h"

/*
 * Random requests, always the same ones. What is checked is written from the tables and not from
 * the rules, so that a wrong rule is seen.
 */

enum { REQUESTS = 250, GPUS = 3 };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t below_n(uint64_t *state, size_t n)
{
	return (size_t)(next_random(state) % n);
}

struct request {
	struct gpu_fact gpus[GPUS];
	struct solve_request r;
};

#define PICK(state, list) (list)[below_n(state, COUNT(list))]

static const char *const gpu_names[] = {
	"GTX 480",
	"GTX 680",
	"Tesla K40m",
	"Tesla K80",
	"GTX 980",
	"GTX 1080",
	"Tesla P100-PCIE-16GB",
	"TITAN V",
	"RTX 2080 Ti",
	"A100 80GB PCIe",
	"RTX 3090",
	"RTX 4090",
	"H100 PCIe",
	"GH200 480GB",
	"B200",
	"RTX 5090",
	"B300 SXM6 AC",
	"GB10",
	"10de:2ffe",
	"sm_75",
};

/* NULL as often as the number of wishes leaves it: most requests have two or three. */
static const char *const pins[VARS][12] = {
	[VAR_DISTRO] = {"debian:11", "debian:12", "debian:13", "ubuntu:22.04", "ubuntu:24.04",
			"fedora:43", "rhel:9.4", "opensuse-leap:16.0", "sles:15.7", "wsl:any",
			"debian:sid", "amzn:2023"},
	[VAR_TORCH] = {"2.14", "2.7", "2.6+cu124", "2.4", "1.12", "any", "none", "cpu", "2.10",
		       "cu126", "2.8", "1.3"},
	[VAR_RAPIDS] = {"any", "26.02", "25.06", "25.10"},
	[VAR_CUPY] = {"any", "13", "14"},
	[VAR_DALI] = {"any", "current"},
	[VAR_CUDA] = {"12.4", "13.0", "13", "12", "11.8", "10.2", "12.8.1", "13.4", "12.7", "11",
		      "12.6", "none"},
	[VAR_CUDNN] = {"9.1", "9.25.1", "8.9.6", "9.10.2", "9", "7"},
	[VAR_DRIVER] = {"580", "595-open", "535", "470", "550.163.01", "580.95.05-open",
			"proprietary", "open", "390", "610", "570", "640.1"},
	[VAR_ROUTE] = {"cuda-repo", "distro", "archive", "rpmfusion"},
	[VAR_ENGINE] = {"dlenv", "docker", "podman", "docker:24.0.7", "podman:4.9.3",
			"podman:3.4.4", "docker:28.3"},
	[VAR_TOOLKIT] = {"1.20.0", "1.18.2", "builtin", "1.21"},
	[VAR_IMAGE] = {"12.4.1-cudnn-devel-ubuntu22.04", "13.0.0-devel-ubuntu24.04", "none"},
};

static void make_request(struct facts *f, uint64_t *state, struct request *q)
{
	size_t wishes = below_n(state, 5);
	struct err e = {0};

	*q = (struct request){0};
	q->r.gpus = q->gpus;
	q->r.gpus_n = below_n(state, 8) < 6 ? 1 : below_n(state, GPUS + 1);
	for (size_t i = 0; i < q->r.gpus_n; i++)
		assert_int_equal(gpu_by_text(f, PICK(state, gpu_names), &q->gpus[i], &e), 0);
	q->r.no_gpu = !q->r.gpus_n && below_n(state, 2);
	for (size_t i = 0; i < wishes; i++) {
		size_t var = below_n(state, VARS);

		q->r.pin[var] = pins[var][below_n(state, 12)];
	}
	if (below_n(state, 4) == 0) {
		q->r.loaded = "580.95.05";
		q->r.loaded_open = below_n(state, 2);
	}
}

static bool newer_or_same(const struct version *v, const struct version *min)
{
	return version_compare(v, min) >= 0;
}

/* The chosen driver: its version or branch, as the answer writes it. */
static struct version driver_of(const struct facts *f, const struct solve_answer *a)
{
	struct version v = version_in(a->part[VAR_DRIVER].text);

	for (size_t i = 0; v.n == 1 && i < f->branches.n; i++)
		if (f->branches.v[i].branch.part[0] == v.part[0])
			return f->branches.v[i].newest;
	return v;
}

static void check_gpu(const struct solve_answer *a, const struct gpu_fact *g,
		      const struct version *driver)
{
	const struct cuda_fact *cuda = a->part[VAR_CUDA].row;
	const struct cudnn_fact *cudnn = a->part[VAR_CUDNN].row;
	bool open = str_ends(a->part[VAR_DRIVER].text, "-open");

	if (g->last.n)
		assert_true(driver->part[0] <= g->last.part[0]);
	assert_true(g->flavours & (open ? FLAVOUR_OPEN : FLAVOUR_PROPRIETARY));
	if (open && g->first.n)
		assert_true(newer_or_same(driver, &g->first));
	if (cuda) {
		assert_true(newer_or_same(&g->cc, &cuda->cc_min));
		assert_true(newer_or_same(&cuda->cc_max, &g->cc) ||
			    cuda->cc_max.part[0] == g->cc.part[0]);
	}
	if (cudnn)
		assert_true(newer_or_same(&g->cc, &cudnn->cc_min));
	for (enum solve_var var = VAR_TORCH; var <= VAR_DALI; var++) {
		const struct framework_fact *fw = a->part[var].row;

		if (fw && fw->cuda.n)
			assert_true(capabilities_hold(&fw->cc, &g->cc));
	}
}

static void check_drivers(const struct solve_answer *a, const struct request *q,
			  const struct version *driver)
{
	const struct cuda_fact *cuda = a->part[VAR_CUDA].row;
	const struct cudnn_fact *cudnn = a->part[VAR_CUDNN].row;
	struct version branch = {.n = 1, .part = {driver->part[0]}};
	bool data_centre = true;

	for (size_t i = 0; i < q->r.gpus_n; i++)
		data_centre = data_centre && q->gpus[i].data_centre;
	if (cuda)
		assert_true(newer_or_same(driver, &cuda->driver) ||
			    (cuda->minor_driver.n && newer_or_same(driver, &cuda->minor_driver)) ||
			    (data_centre && ranges_hold(&cuda->compat_branches, &branch)));
	if (cudnn)
		assert_true(newer_or_same(driver, &cudnn->driver));
	for (enum solve_var var = VAR_TORCH; var <= VAR_DALI; var++) {
		const struct framework_fact *fw = a->part[var].row;

		if (fw && fw->cuda.n)
			assert_true(newer_or_same(driver, &fw->driver));
	}
}

static void check_rest(const struct solve_answer *a)
{
	const struct cuda_fact *cuda = a->part[VAR_CUDA].row;
	const struct cudnn_fact *cudnn = a->part[VAR_CUDNN].row;
	const struct image_fact *image = a->part[VAR_IMAGE].row;
	const struct route_fact *route = a->part[VAR_ROUTE].row;
	const struct distro_fact *distro = a->part[VAR_DISTRO].row;
	bool own = str_eq(a->part[VAR_ENGINE].text, "dlenv");

	if (cudnn)
		assert_true(cuda && ranges_hold(&cudnn->toolkits, &cuda->release));
	if (image)
		assert_true(cuda && image->cuda.part[0] == cuda->release.part[0] &&
			    image->cuda.part[1] == cuda->release.part[1]);
	for (enum solve_var var = VAR_TORCH; var <= VAR_DALI; var++) {
		const struct framework_fact *fw = a->part[var].row;

		if (fw && fw->cuda.n)
			assert_true(cuda && ranges_hold(&fw->cuda, &cuda->release));
	}
	if (route)
		assert_true(distro && str_eq(route->id, distro->id));
	if (own && a->part[VAR_TOOLKIT].text)
		assert_string_equal(a->part[VAR_TOOLKIT].text, "builtin");
}

static void check_tables(const struct facts *f, const struct request *q,
			 const struct solve_answer *a)
{
	struct version driver;

	if (a->part[VAR_CUDA].guess || a->part[VAR_TORCH].guess)
		return; /* the tables say nothing of it */
	if (!a->part[VAR_DRIVER].text) {
		assert_int_equal(q->r.gpus_n, 0);
		assert_null(a->part[VAR_CUDA].text);
		return;
	}
	driver = driver_of(f, a);
	for (size_t i = 0; i < q->r.gpus_n; i++)
		check_gpu(a, &q->gpus[i], &driver);
	check_drivers(a, q, &driver);
	check_rest(a);
}

static bool fits(struct facts *f, const struct solve_request *r)
{
	CLEANUP(answer_fini) struct solve_answer a = {0};
	struct err e = {0};

	if (solve(f, r, 0, &a, &e) < 0)
		fail_msg("%s", e.msg);
	return a.fits;
}

static bool is_member(const struct solve_answer *a, const char *id)
{
	for (size_t i = 0; i < a->members_n; i++)
		if (str_eq(a->members[i].id, id))
			return true;
	return false;
}

/* The request with the members of a conflict alone, but for the one that is left out. */
static void reduce(const struct request *q, const struct solve_answer *a, const char *without,
		   struct request *ret)
{
	*ret = (struct request){.r = {.loaded = q->r.loaded, .loaded_open = q->r.loaded_open}};
	ret->r.gpus = ret->gpus;
	for (size_t i = 0; i < q->r.gpus_n; i++) {
		CLEANUP(freep) char *id = str_fmt("gpu:%zu", i);

		if (is_member(a, id) && !str_eq(id, without))
			ret->gpus[ret->r.gpus_n++] = q->gpus[i];
	}
	ret->r.no_gpu = q->r.no_gpu && is_member(a, "gpu:0") && !str_eq(without, "gpu:0");
	for (size_t var = 0; var < VARS; var++) {
		CLEANUP(freep) char *id = str_fmt("pin:%s", solve_names[var]);

		if (q->r.pin[var] && is_member(a, id) && !str_eq(id, without))
			ret->r.pin[var] = q->r.pin[var];
	}
}

/* What a way says is done, and then something fits. */
static void check_way(struct facts *f, const struct request *q, const struct solve_way *way)
{
	struct request changed = *q;

	changed.r.gpus = changed.gpus;
	changed.r.gpus_n = 0;
	for (size_t i = 0; i < q->r.gpus_n; i++)
		if (!way->without[i])
			changed.gpus[changed.r.gpus_n++] = q->gpus[i];
	for (size_t var = 0; var < VARS; var++)
		if (way->pin[var])
			changed.r.pin[var] = way->pin[var];
	assert_true(fits(f, &changed.r));
}

static void check_conflict(struct facts *f, const struct request *q, const struct solve_answer *a)
{
	struct request less;

	assert_true(a->members_n > 0);
	reduce(q, a, "", &less);
	assert_false(fits(f, &less.r));
	for (size_t i = 0; i < a->members_n; i++) {
		reduce(q, a, a->members[i].id, &less);
		assert_true(fits(f, &less.r));
	}
	for (size_t i = 0; i < a->ways_n; i++)
		check_way(f, q, &a->ways[i]);
}

/* Wishing for what was chosen changes nothing. */
static void check_same(struct facts *f, const struct request *q, const struct solve_answer *a)
{
	CLEANUP(answer_fini) struct solve_answer again = {0};
	struct request wish = *q;
	struct err e = {0};

	wish.r.gpus = wish.gpus;
	for (size_t var = 0; var < VARS; var++)
		if (!str_eq(a->part[var].text, "any") &&
		    (a->part[var].text ||
		     (var != VAR_RAPIDS && var != VAR_CUPY && var != VAR_DALI)))
			wish.r.pin[var] = a->part[var].text ? a->part[var].text : "none";
	if (solve(f, &wish.r, 0, &again, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(again.fits);
	for (size_t var = 0; var < VARS; var++)
		assert_true(str_eq(a->part[var].text, again.part[var].text));
}

TEST(no_answer_contradicts_a_table_and_no_conflict_is_larger_than_needed)
{
	static const char *const folders[] = {NULL};
	CLEANUP(facts_fini) struct facts f = {0};
	uint64_t seed = 0x9e3779b97f4a7c15U;
	struct err e = {0};
	size_t fitting = 0;

	assert_int_equal(facts_load(&f, folders, &e), 0);
	for (int i = 0; i < REQUESTS; i++) {
		CLEANUP(answer_fini) struct solve_answer a = {0};
		struct request q;

		make_request(&f, &seed, &q);
		if (solve(&f, &q.r, 0, &a, &e) < 0)
			fail_msg("%s", e.msg);
		if (a.fits) {
			fitting++;
			check_tables(&f, &q, &a);
			check_same(&f, &q, &a);
		} else {
			check_conflict(&f, &q, &a);
		}
	}
	/* Both kinds are really there. */
	assert_true(fitting > REQUESTS / 5);
	assert_true(fitting < REQUESTS - REQUESTS / 5);
}

RUN(IT(no_answer_contradicts_a_table_and_no_conflict_is_larger_than_needed))
