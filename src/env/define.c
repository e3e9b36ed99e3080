/* SPDX-License-Identifier: Apache-2.0 */
/* Every key of a definition, as rows. doc/dlenv.yaml.5.scd describes the same keys. */
#include "env/define.h"

#include <sys/resource.h>

#include "base/i18n.h"
#include "env/define_keys.h"

static const char *const accelerators[] = {"auto", "cpu", "cuda", NULL};
static const char *const networks[] = {"auto", "host", "pasta", "slirp4netns", "none", NULL};

#define AT(field) .offset = offsetof(struct env_def, field)
#define KIB 1024ULL
#define MIB (1024ULL * KIB)

/* clang-format off */
const struct def_key def_keys[] = {
	{ "schema", .type = DOC_AS_NODE, .take = take_schema, .fallback = "1",
	  .help = "Which version of these keys the file uses." },
	{ "name", .type = DOC_AS_STR, AT(name), .take = check_name, .flags = KEY_PROJECT,
	  .example = "my-project",
	  .help = "The environment's name: `ssh dlenv.NAME`. Without it, the folder's name." },
	{ "preset", "DLENV_PRESET", DOC_AS_STR, AT(preset_name), .take = check_preset,
	  .fallback = "torch",
	  .help = "What the image is made of: base (shell, compilers, Python) or torch\n"
		  "(base, PyTorch, scikit-learn, pandas, JupyterLab ...)." },
	{ "accelerator", "DLENV_ACCELERATOR", DOC_AS_ENUM, AT(accelerator), accelerators,
	  .fallback = "auto",
	  .help = "Which build of PyTorch: auto (cuda on a machine with an NVIDIA GPU), cpu, cuda." },
	{ "gpu", "DLENV_GPU", DOC_AS_STR, AT(gpu), .take = check_gpu, .fallback = "auto",
	  .help = "Which GPUs: auto (all, when there are any that work), all, none, or a list with\n"
		  "commas: indexes (0, 0:1 for a MIG device), UUIDs (GPU-...), free:N, and the\n"
		  "conditions memory>=24G and arch>=8.0." },
	{ "devices", "DLENV_DEVICES", DOC_AS_STRS, AT(devices), .take = check_devices,
	  .fallback = "[]", .example = "[vendor.com/class=name]",
	  .help = "Other devices, by their names in CDI files (/etc/cdi, /var/run/cdi)." },
	{ "driver-root", "DLENV_DRIVER_ROOT", DOC_AS_STR, AT(driver_root),
	  .take = check_driver_root, .fallback = "/", .example = "/run/nvidia/driver",
	  .help = "Where the NVIDIA driver's files are, when a driver container has them." },

	{ "stack", .type = DOC_AS_MAP,
	  .help = "Versions that the project relies on. They are compared with what Debian 13\n"
		  "offers, so that a file made for something else fails early and clearly." },
	{ "stack.python", "DLENV_PYTHON", DOC_AS_STR, AT(stack.python), .take = check_stack,
	  .example = "3.13", .help = "Python." },
	{ "stack.torch", "DLENV_TORCH", DOC_AS_STR, AT(stack.torch), .take = check_stack,
	  .example = "2.6", .help = "PyTorch." },
	{ "stack.cuda", "DLENV_CUDA", DOC_AS_STR, AT(stack.cuda), .take = check_stack,
	  .example = "12.4", .help = "CUDA, where the CUDA build is used." },
	{ "stack.cudnn", "DLENV_CUDNN", DOC_AS_STR, AT(stack.cudnn), .take = check_stack,
	  .example = "9", .help = "cuDNN, where the CUDA build is used." },
	{ "stack.optional", "DLENV_OPTIONAL", DOC_AS_STRS, AT(stack.optional),
	  .take = check_optional, .fallback = "[]", .example = "[scikit-image, xgboost]",
	  .help = "Further libraries: scikit-image, xgboost, torchaudio, opencv, h5py, onnx, onnxruntime." },

	{ "packages", .type = DOC_AS_MAP, .help = "Further software." },
	{ "packages.apt", "DLENV_APT", DOC_AS_STRS, AT(apt), .take = check_apt, .fallback = "[]",
	  .example = "[ripgrep, htop]",
	  .help = "Debian packages, NAME or NAME=VERSION, in a layer of their own." },
	{ "packages.pip", .type = DOC_AS_NODE, .flags = KEY_LATER,
	  .help = N_("run `dlenv exec -- pip install ...`: what it installs is kept") },
	{ "packages.requirements", .type = DOC_AS_NODE, .flags = KEY_LATER,
	  .help = N_("run `dlenv exec -- pip install -r FILE`: what it installs is kept") },

	{ "run", .type = DOC_AS_MAP, .help = "How the environment runs." },
	{ "run.shm", "DLENV_SHM", DOC_AS_SIZE, AT(run.shm), .word = "auto", .min = MIB,
	  .take = take_number, .fallback = "auto",
	  .help = "Size of /dev/shm, which DataLoader workers need. auto: half of the memory, at\n"
		  "most 8G for each GPU, at least 1G." },
	{ "run.network", "DLENV_NETWORK", DOC_AS_ENUM, AT(run.network), networks, .fallback = "auto",
	  .help = "auto (what works here), host, pasta, slirp4netns or none." },
	{ "run.tz", "DLENV_TZ", DOC_AS_STR, AT(run.tz), .take = check_zone, .fallback = "host",
	  .example = "Asia/Taipei", .help = "Time zone: host, or a name." },
	{ "run.lang", "DLENV_LOCALE", DOC_AS_STR, AT(run.lang), .take = check_locale,
	  .fallback = "host", .example = "C.UTF-8", .help = "Locale: host, or a name." },
	{ "run.memory", "DLENV_MEMORY", DOC_AS_SIZE, AT(run.memory), .word = "none", .min = 64 * MIB,
	  .take = take_number, .fallback = "none", .example = "16G",
	  .help = "Most memory that all its processes may use." },
	{ "run.cpus", "DLENV_CPUS", DOC_AS_NODE, AT(run.cpus), .take = take_cpus,
	  .fallback = "none", .example = "1.5", .help = "Most processor time, in CPUs." },
	{ "run.pids", "DLENV_PIDS", DOC_AS_UINT, AT(run.pids), .word = "none", .min = 16,
	  .max = 1 << 22, .take = take_number, .fallback = "none", .example = "4096",
	  .help = "Most processes and threads." },
	{ "run.ulimits", .type = DOC_AS_MAP,
	  .help = "Resource limits; lowered to what you may set on this machine." },
	{ "run.ulimits.memlock", "DLENV_MEMLOCK", DOC_AS_SIZE, AT(run.ulimits.memlock),
	  .word = "unlimited", .word_value = RLIM_INFINITY, .take = take_number,
	  .fallback = "unlimited", .help = "Memory that may be locked." },
	{ "run.ulimits.stack", "DLENV_STACK", DOC_AS_SIZE, AT(run.ulimits.stack),
	  .word = "unlimited", .word_value = RLIM_INFINITY, .min = 64 * KIB, .take = take_number,
	  .fallback = "64M", .help = "Stack of a process." },
	{ "run.ulimits.nofile", "DLENV_NOFILE", DOC_AS_UINT, AT(run.ulimits.nofile),
	  .word = "unlimited", .word_value = RLIM_INFINITY, .min = 64, .max = 1 << 30,
	  .take = take_number, .fallback = "1048576", .help = "Open files of a process." },
	{ "run.env", .type = DOC_AS_NODE, .take = take_env, .flags = KEY_PAIRS,
	  .example = "{OMP_NUM_THREADS: 4}", .help = "Environment variables." },
	{ "run.user", .type = DOC_AS_NODE, .flags = KEY_LATER,
	  .help = N_("take the line out: the user inside is always the one who runs dlenv") },
	{ "run.infiniband", .type = DOC_AS_NODE, .flags = KEY_LATER,
	  .help = N_("take the line out: InfiniBand devices are not passed on yet") },

	{ "mounts", .type = DOC_AS_NODE, .take = take_mounts, .fallback = "[]",
	  .example = "[{volume: datasets, at: ~/datasets}]",
	  .help = "Folders besides the project's, which is always there. Each is one of\n"
		  "{host: FOLDER, at: PATH}, {volume: NAME, at: PATH}, {cache: NAME}; mode: ro\n"
		  "makes it read-only." },
	{ "caches", NULL, DOC_AS_STRS, AT(caches), .take = check_caches, .fallback = "[hf, torch, pip, uv]",
	  .help = "Caches that all environments share: hf, torch, pip, uv, ccache, triton, nv." },

	{ "ssh", .type = DOC_AS_MAP, .help = "`ssh dlenv.NAME`. No port is opened for it." },
	{ "ssh.enable", "DLENV_SSH", DOC_AS_BOOL, AT(ssh.enable), .fallback = "true",
	  .help = "Prepare for ssh." },
	{ "ssh.keys", NULL, DOC_AS_STRS, AT(ssh.keys), .take = check_keys, .fallback = "[]",
	  .example = "[agent]",
	  .help = "Public keys that may log in besides the environment's own: files, or agent." },
	{ "ssh.forward-agent", NULL, DOC_AS_BOOL, AT(ssh.forward_agent), .fallback = "false",
	  .help = "Let programs inside use your ssh agent." },
	{ "ssh.publish", .type = DOC_AS_NODE, .flags = KEY_LATER,
	  .help = N_("take the line out: from another machine, use ProxyJump and `dlenv ssh-proxy`") },

	{ "jupyter", .type = DOC_AS_MAP, .help = "JupyterLab; `dlenv jupyter` prints its link." },
	{ "jupyter.enable", "DLENV_JUPYTER", DOC_AS_BOOL, AT(jupyter.enable), .example = "true",
	  .help = "Run it. Default: when the preset has it." },
	{ "jupyter.port", "DLENV_JUPYTER_PORT", DOC_AS_UINT, AT(jupyter.port), .word = "auto",
	  .min = 1024, .max = 65535, .take = take_number, .fallback = "auto", .example = "8888",
	  .help = "auto: 8888 or the next free one, then always the same." },
	{ "jupyter.bind", NULL, DOC_AS_STR, AT(jupyter.bind), .take = check_bind,
	  .fallback = "127.0.0.1", .help = "Address of this machine's own loopback." },
	{ "jupyter.publish", .type = DOC_AS_NODE, .flags = KEY_LATER,
	  .help = N_("use jupyter.port; from another machine: `ssh -L 8888:127.0.0.1:8888 HOST`") },

	{ "services", .type = DOC_AS_NODE, .take = take_services, .fallback = "[]",
	  .example = "[{name: web, run: [python3, -m, http.server, 8000]}]",
	  .help = "Programs that start with the environment and are kept running. Keys of each:\n"
		  "name, run (a list), cwd, env, restart (always, on-failure, no),\n"
		  "health (tcp ADDRESS PORT, or unix PATH)." },

	{ "proxy", .type = DOC_AS_MAP,
	  .help = "Proxies for programs inside: host (your variables), none, or an address." },
	{ "proxy.http", NULL, DOC_AS_STR, AT(proxy.http), .take = check_proxy, .fallback = "host",
	  .help = "For http." },
	{ "proxy.https", NULL, DOC_AS_STR, AT(proxy.https), .take = check_proxy, .fallback = "host",
	  .help = "For https." },
	{ "proxy.no", NULL, DOC_AS_STR, AT(proxy.no), .take = check_no_proxy, .fallback = "host",
	  .example = "localhost,127.0.0.1", .help = "Hosts without a proxy, with commas." },
	{ "ca-certificates", "DLENV_CA_CERTIFICATES", DOC_AS_STRS, AT(ca_certificates),
	  .take = check_certificates, .fallback = "[host]",
	  .help = "Whom programs inside trust: host (this machine's certificates), none, files." },

	{ "image", .type = DOC_AS_MAP, .help = "Where the image's packages come from." },
	{ "image.suite", NULL, DOC_AS_STR, AT(image.suite), .take = check_suite,
	  .fallback = "trixie", .help = "Debian's release." },
	{ "image.mirror", "DLENV_MIRROR", DOC_AS_STR, AT(image.mirror), .take = check_mirror,
	  .example = "https://mirror.example/debian",
	  .help = "Mirror. Default: what this machine's own apt uses." },
	{ 0 },
};
/* clang-format on */

void env_def_fini(struct env_def *d)
{
	arena_fini(&d->arena);
	*d = (struct env_def){0};
}
