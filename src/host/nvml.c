/* SPDX-License-Identifier: Apache-2.0 */
#include "host/nvml.h"

#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "base/proc.h"
#include "base/str.h"
#include "config.h"
#include "host/nvml_parts.h"

enum {
	ANSWER_MAX = 1 << 20,
	TIMEOUT_MS = 10000,
	ANSWER_FD = 3, /* what the library itself prints does not get into the answer */
	/* Of src/nvml/main.c. */
	STATUS_REFUSED = 1,
	STATUS_NO_LIBRARY = 3,
};

static int take_line(void *arg, const char *line)
{
	struct buf *answer = arg;

	buf_str(answer, line);
	buf_str(answer, "\n");
	return answer->full;
}

/* The last line of what was printed. */
static const char *last_line(struct buf *text)
{
	char *slash;

	while (text->len && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	if (!text->len)
		return "no reason was given";
	slash = strrchr(text->data, '\n');
	return slash ? slash + 1 : text->data;
}

static int failed(int status, const char *root, struct buf *printed, struct err *e)
{
	if (status == STATUS_NO_LIBRARY) {
		(void)err_set(e, ERR_ABSENT, "NVML is not there: %.200s below '%.200s'",
			      last_line(printed), root);
		return err_hint(e, "install NVIDIA's driver with its user-space part");
	}
	if (status == STATUS_REFUSED)
		return err_set(e, ERR_FAIL, "NVML refuses: %.200s", last_line(printed));
	return err_set(e, ERR_FAIL, "'%s' failed with status %d: %.200s", "dlenv-nvml", status,
		       last_line(printed));
}

int nvml_ask(const char *driver_root, unsigned int what, int timeout_ms, struct nvml *ret,
	     struct err *e)
{
	CLEANUP(freep) char *helper = env_libexec("dlenv-nvml", "nvml");
	CLEANUP(buf_fini) struct buf answer = {.max = ANSWER_MAX};
	CLEANUP(buf_fini) struct buf printed = {.max = 2048};
	const char *const argv[] = {helper, "--root", driver_root ? driver_root : "/",
				    "--fd", "3",      what & NVML_STATE ? "--state" : "--names",
				    NULL};
	struct proc p = {
		.argv = argv,
		.status_fd = ANSWER_FD,
		.on_status = take_line,
		.arg = &answer,
		.timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS,
		.last = &printed,
	};
	int status = 0;

	if (!helper) {
		(void)err_set(e, ERR_ABSENT, "dlenv-nvml, which asks NVML, is missing");
		return err_hint(e, "install dlenv again: it belongs into %s", DLENV_LIBEXEC);
	}
	buf_str(&answer, "");
	if (proc_run(&p, &status, e) < 0) {
		if (e->code != ERR_BUSY)
			return -(int)e->code;
		(void)err_set(e, ERR_BUSY, "NVML did not answer within %.1f s",
			      p.timeout_ms / 1000.0);
		return err_hint(e, "a GPU may be broken: look at the kernel's log for 'Xid'");
	}
	if (status)
		return failed(status, argv[2], &printed, e);
	return nvml_parse(answer.data, answer.len, what, ret, e);
}

void nvml_fini(struct nvml *n)
{
	arena_fini(&n->arena);
	*n = (struct nvml){0};
}

static const struct nvml_gpu *same_gpu(const struct nvml *m, const struct nv_gpu *g)
{
	for (size_t i = 0; i < m->gpus_n; i++)
		if (m->gpus[i].pci && strcasecmp(m->gpus[i].pci, g->pci) == 0)
			return &m->gpus[i];
	for (size_t i = 0; g->uuid && i < m->gpus_n; i++)
		if (str_eq(m->gpus[i].uuid, g->uuid))
			return &m->gpus[i];
	return NULL;
}

static void complete_mig(struct nvidia *n, struct nv_mig *mig, const struct nvml_gpu *g)
{
	for (size_t i = 0; i < g->migs_n; i++) {
		const struct nvml_mig *m = &g->migs[i];

		if (m->gi != mig->gi || m->ci != mig->ci)
			continue;
		mig->uuid = arena_str(&n->arena, m->uuid);
		mig->index = m->index;
		mig->gfx = m->gfx;
	}
}

void nvidia_complete(struct nvidia *n, const struct nvml *m)
{
	for (size_t i = 0; i < n->gpus_n; i++) {
		struct nv_gpu *g = &n->gpus[i];
		const struct nvml_gpu *known = same_gpu(m, g);

		if (!known)
			continue;
		if (!g->uuid)
			g->uuid = arena_str(&n->arena, known->uuid);
		if (!g->model)
			g->model = arena_str(&n->arena, known->name);
		if (g->minor < 0)
			g->minor = known->minor;
		g->mig = g->mig || known->mig_mode;
		for (size_t j = 0; j < n->migs_n; j++)
			if (n->migs[j].gpu == i)
				complete_mig(n, &n->migs[j], known);
	}
}
