/* SPDX-License-Identifier: Apache-2.0 */
#include "env/presets.h"

#include "base/doc.h"
#include "base/i18n.h"
#include "base/str.h"

/* What every environment needs to be entered, worked in and extended. */
static const char *const base_packages[] = {
	"bash-completion",
	"build-essential",
	"ca-certificates",
	"curl",
	"file",
	"git",
	"iproute2",
	"less",
	"nano",
	"ncurses-term", /* terminals that ssh brings along: tmux-256color, alacritty ... */
	"openssh-client",
	"openssh-server",
	"procps",
	"python3",
	"python3-pip",
	"python3-venv",
	"rsync",
	"sudo",
	"tmux",
	"tzdata",
	"xz-utils",
	"zstd",
	NULL,
};

/* Both builds of PyTorch, and nothing that names one of them. */
#define TORCH_COMMON                                                                               \
	"jupyterlab", "python-is-python3", "python3-dev", /* torch.compile wants Python.h */       \
		"python3-ipykernel", "python3-ipywidgets", "python3-matplotlib", "python3-numpy",  \
		"python3-pandas", "python3-scipy", "python3-seaborn", "python3-sklearn",           \
		"python3-torchvision", "python3-tqdm"

static const char *const torch_packages[] = {TORCH_COMMON, "python3-torch", NULL};

/* python3-torchvision accepts either build; there is no torchvision of its own for CUDA. */
static const char *const torch_cuda_packages[] = {TORCH_COMMON, "nvidia-cuda-toolkit",
						  "nvidia-cudnn", "python3-torch-cuda", NULL};

static const struct preset_layer base_layers[] = {
	{.title = "base", .packages = base_packages},
};

static const struct preset_layer torch_layers[] = {
	{.title = "base", .packages = base_packages},
	{.title = "torch", .packages = torch_packages, .cuda = torch_cuda_packages},
};

const struct preset presets[] = {
	{.name = "base",
	 .summary = N_("shell, compilers, git, Python with venv and pip"),
	 .layers = base_layers,
	 .layers_n = COUNT(base_layers)},
	{.name = "torch",
	 .summary = N_("base, PyTorch, scikit-learn, pandas, plots and JupyterLab"),
	 .layers = torch_layers,
	 .layers_n = COUNT(torch_layers)},
	{0},
};

int preset_find(const char *name, const struct preset **ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf list = {.max = 200};
	const char *names[COUNT(presets)];
	const char *near;
	size_t n = 0;

	for (const struct preset *p = presets; p->name; p++) {
		if (str_eq(p->name, name)) {
			*ret = p;
			return 0;
		}
		buf_fmt(&list, "%s%s", n ? ", " : "", p->name);
		names[n++] = p->name;
	}
	(void)err_set(e, ERR_UNSAT, "there is no preset '%s'", name);
	near = word_nearest(name, names, n);
	if (near)
		return err_hint(e, "did you mean '%s'?", near);
	return err_hint(e, "the presets are: %s", list.data);
}

bool preset_has_cuda(const struct preset *p)
{
	for (size_t i = 0; i < p->layers_n; i++)
		if (p->layers[i].cuda)
			return true;
	return false;
}

bool preset_has_package(const struct preset *p, bool cuda, const char *name)
{
	for (size_t i = 0; i < p->layers_n; i++) {
		const struct preset_layer *l = &p->layers[i];
		const char *const *v = cuda && l->cuda ? l->cuda : l->packages;

		for (; *v; v++)
			if (str_eq(*v, name))
				return true;
	}
	return false;
}

void preset_layers(const struct preset *p, bool cuda, struct arena *a,
		   const struct build_layer **ret, size_t *ret_n)
{
	struct build_layer *rows = arena_alloc(a, p->layers_n * sizeof(*rows));

	for (size_t i = 0; i < p->layers_n; i++) {
		const struct preset_layer *l = &p->layers[i];

		rows[i] = (struct build_layer){.title = l->title,
					       .packages = cuda && l->cuda ? l->cuda : l->packages};
	}
	*ret = rows;
	*ret_n = p->layers_n;
}
