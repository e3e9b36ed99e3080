/* SPDX-License-Identifier: Apache-2.0 */
/* What a wrong definition gets: a place, and what to do. */
#include "env/define.h"

#include <sys/stat.h>

#include "define_place.h"

struct bad {
	const char *text;
	int code;
	const char *msg;  /* how the message begins */
	const char *hint; /* what the hint contains */
};

static const struct bad bad[] = {
	{"schema: 2\n", ERR_CONFIG, "dlenv.yaml:1:9: this schema", "schema: 1"},
	{"schema: '1'\n", ERR_CONFIG, "dlenv.yaml:1:9: this schema", "schema: 1"},
	{"\nprset: torch\n", ERR_CONFIG, "dlenv.yaml:2:1: unknown key 'prset'", "'preset'"},
	{"run:\n  shn: 8G\n", ERR_CONFIG, "dlenv.yaml:2:3: unknown key 'shn'", "'shm'"},
	{"run.shm: 8G\n", ERR_CONFIG, "dlenv.yaml:1:1: unknown key 'run.shm'", "run"},
	{"run: {ulimits: {nofiles: 1}}\n", ERR_CONFIG, "dlenv.yaml:1:17: unknown", "'nofile'"},
	{"run: 3\n", ERR_CONFIG, "dlenv.yaml:1:6: 'run' must be a map", ""},
	{"[a]\n", ERR_CONFIG, "dlenv.yaml:1:1: a map", ""},
	{"a: [\n", ERR_PARSE, "dlenv.yaml:2:1: ", "indentation"},
	{"name: Big\n", ERR_CONFIG, "dlenv.yaml:1:7: 'Big' cannot be a name", "small letters"},
	{"name: -x\n", ERR_CONFIG, "dlenv.yaml:1:7: '-x' cannot be a name", "small letters"},
	{"name: ../x\n", ERR_CONFIG, "dlenv.yaml:1:7: ", "small letters"},
	{"name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234\n", ERR_CONFIG,
	 "dlenv.yaml:1:7: ", "at most 63"},
	{"preset: tensorflow\n", ERR_UNSAT, "dlenv.yaml:1:9: there is no preset", "base, torch"},
	{"preset: troch\n", ERR_UNSAT, "dlenv.yaml:1:9: there is no preset", "'torch'"},
	{"accelerator: gpu\n", ERR_CONFIG, "dlenv.yaml:1:14: 'accelerator' cannot", "cuda"},
	{"gpu: some\n", ERR_CONFIG, "dlenv.yaml:1:6: 'gpu' cannot be 'some'", "free:1"},
	{"gpu: 0,,1\n", ERR_CONFIG, "dlenv.yaml:1:6: 'gpu' cannot", "free:1"},
	{"gpu: all,0\n", ERR_CONFIG, "dlenv.yaml:1:6: 'gpu' cannot", "any but none"},
	{"devices: [a]\n", ERR_CONFIG, "dlenv.yaml:1:11: 'a'", "vendor.com/class=name"},
	{"driver-root: here\n", ERR_CONFIG, "dlenv.yaml:1:14: 'driver-root' must be", ""},
	{"gpu: [0]\n", ERR_CONFIG, "dlenv.yaml:1:6: 'gpu' must be a single value", ""},
	{"stack: {python: 3.10}\n", ERR_UNSAT,
	 "dlenv.yaml:1:17: Python 3.10 is not in Debian 13, which has 3.13.5", "leave it out"},
	{"stack: {python: 3.1}\n", ERR_UNSAT, "dlenv.yaml:1:17: Python 3.1 is not", ""},
	{"stack: {cuda: 12.8}\n", ERR_UNSAT, "dlenv.yaml:1:15: CUDA 12.8 is not", ""},
	{"stack: {torch: 2.9}\n", ERR_UNSAT, "dlenv.yaml:1:16: PyTorch 2.9 is not", ""},
	{"stack: {optional: [xgboost, cudf]}\n", ERR_UNSAT,
	 "dlenv.yaml:1:29: Debian 13 has no package of 'cudf'", "pip install cudf"},
	{"stack: {optional: [frob]}\n", ERR_UNSAT, "dlenv.yaml:1:20: Debian", "scikit-image"},
	{"packages: {apt: [git, Big]}\n", ERR_CONFIG, "dlenv.yaml:1:23: 'Big' is not", "NAME"},
	{"packages: {apt: [openssh-server-]}\n", ERR_CONFIG, "dlenv.yaml:1:18: ", "NAME"},
	{"packages: {apt: [--purge]}\n", ERR_CONFIG, "dlenv.yaml:1:18: ", "NAME"},
	{"packages: {apt: [-oX=y]}\n", ERR_CONFIG, "dlenv.yaml:1:18: ", "NAME"},
	{"packages: {apt: [git/sid]}\n", ERR_CONFIG, "dlenv.yaml:1:18: ", "NAME"},
	{"packages: {apt: [git=]}\n", ERR_CONFIG, "dlenv.yaml:1:18: ", "NAME"},
	{"packages: {pip: [x]}\n", ERR_UNSAT, "dlenv.yaml:1:17: 'packages.pip' is not supported",
	 "pip install"},
	{"run: {shm: lots}\n", ERR_CONFIG, "dlenv.yaml:1:12: 'run.shm' cannot be read", "8G"},
	{"run: {shm: 0}\n", ERR_CONFIG, "dlenv.yaml:1:12: 'run.shm' is out of bounds", "1.0 MiB"},
	{"run: {shm: [1G]}\n", ERR_CONFIG, "dlenv.yaml:1:12: 'run.shm' cannot be read", "8G"},
	{"run: {memory: 1K}\n", ERR_CONFIG, "dlenv.yaml:1:15: 'run.memory' is out", "64 MiB"},
	{"run: {cpus: 0}\n", ERR_CONFIG, "dlenv.yaml:1:13: 'run.cpus' cannot be read", "1.5"},
	{"run: {cpus: .nan}\n", ERR_CONFIG, "dlenv.yaml:1:13: 'run.cpus' cannot be read", "1.5"},
	{"run: {cpus: 1e9}\n", ERR_CONFIG, "dlenv.yaml:1:13: 'run.cpus' cannot be read", "1.5"},
	{"run: {pids: 5}\n", ERR_CONFIG, "dlenv.yaml:1:13: 'run.pids' is out of bounds", "16"},
	{"run: {network: bridge}\n", ERR_CONFIG, "dlenv.yaml:1:16: 'run.network' cannot", "pasta"},
	{"run: {tz: ../../etc/passwd}\n", ERR_CONFIG, "dlenv.yaml:1:11: ", "Asia/Taipei"},
	{"run: {lang: \"a b\"}\n", ERR_CONFIG, "dlenv.yaml:1:13: ", "C.UTF-8"},
	{"run: {env: {1A: x}}\n", ERR_CONFIG, "dlenv.yaml:1:13: '1A' cannot be a variable", "'_'"},
	{"run: {env: [A]}\n", ERR_CONFIG, "dlenv.yaml:1:12: 'run.env' must be a map", ""},
	{"run: {env: {A: [1]}}\n", ERR_CONFIG, "dlenv.yaml:1:16: 'run.env' must be a map", ""},
	{"run: {ulimits: {nofile: 3}}\n", ERR_CONFIG, "dlenv.yaml:1:25: ", "from 64"},
	{"run: {user: host}\n", ERR_UNSAT, "dlenv.yaml:1:13: 'run.user' is not", "take the line"},
	{"mounts: {host: x}\n", ERR_CONFIG, "dlenv.yaml:1:9: 'mounts' must be a list", "'- '"},
	{"mounts:\n  - {host: .}\n", ERR_CONFIG, "dlenv.yaml:2:5: 'at' is missing", "at: /data"},
	{"mounts:\n  - {volume: v}\n", ERR_CONFIG, "dlenv.yaml:2:5: 'at' is missing", "at: /data"},
	{"mounts: [{host: ., at: data}]\n", ERR_CONFIG,
	 "dlenv.yaml:1:24: 'data' must be an absolute path", "/ or ~/"},
	{"mounts: [{host: ., at: ~other/x}]\n", ERR_CONFIG, "dlenv.yaml:1:24: ", "/ or ~/"},
	{"mounts: [{host: ., at: /a/../b}]\n", ERR_CONFIG, "dlenv.yaml:1:24: ", "'..'"},
	{"mounts: [{host: ., at: /}]\n", ERR_CONFIG, "dlenv.yaml:1:24: nothing can be", "/data"},
	{"mounts: [{host: ., at: /proc/1}]\n", ERR_CONFIG, "dlenv.yaml:1:24: nothing", "/data"},
	{"mounts: [{host: ., at: /run}]\n", ERR_CONFIG, "dlenv.yaml:1:24: nothing", "/data"},
	{"mounts: [{host: ./none, at: /x}]\n", ERR_CONFIG, "dlenv.yaml:1:17: the folder", "create"},
	{"mounts: [{at: /x}]\n", ERR_CONFIG, "dlenv.yaml:1:10: a mount needs exactly one", "{host"},
	{"mounts: [{host: ., volume: v, at: /x}]\n", ERR_CONFIG, "dlenv.yaml:1:10: a mount", ""},
	{"mounts: [{volume: ../x, at: /x}]\n", ERR_CONFIG, "dlenv.yaml:1:19: ", "small letters"},
	{"mounts: [{host: ., at: /x, mode: rx}]\n", ERR_CONFIG, "dlenv.yaml:1:34: 'mode'", "rw"},
	{"mounts: [{host: ., at: /x}, {volume: v, at: /x/}]\n", ERR_CONFIG,
	 "dlenv.yaml:1:29: something is mounted at '/x' already", "place of its own"},
	{"mounts: [{host: ., att: /x}]\n", ERR_CONFIG, "dlenv.yaml:1:20: unknown key", "'at'"},
	{"mounts: [{cache: foo}]\n", ERR_CONFIG, "dlenv.yaml:1:10: the place of", "triton"},
	{"caches: [hf, foo]\n", ERR_CONFIG, "dlenv.yaml:1:14: the place of", "triton"},
	{"ssh: {enable: yes}\n", ERR_CONFIG, "dlenv.yaml:1:15: 'ssh.enable' must be true or", ""},
	{"ssh: {keys: [./none.pub]}\n", ERR_CONFIG, "dlenv.yaml:1:14: the file", "create it"},
	{"ssh: {publish: x}\n", ERR_UNSAT, "dlenv.yaml:1:16: 'ssh.publish'", "ProxyJump"},
	{"jupyter: {port: 65536}\n", ERR_CONFIG, "dlenv.yaml:1:17: 'jupyter.port' is out of bounds",
	 "from 1024 to 65535"},
	{"jupyter: {port: 80}\n", ERR_CONFIG, "dlenv.yaml:1:17: 'jupyter.port' is out", ""},
	{"jupyter: {port: x}\n", ERR_CONFIG, "dlenv.yaml:1:17: 'jupyter.port' cannot", "auto"},
	{"jupyter: {bind: 0.0.0.0}\n", ERR_CONFIG, "dlenv.yaml:1:17: JupyterLab", "ssh -L"},
	{"services: [{name: a}]\n", ERR_CONFIG, "dlenv.yaml:1:12: 'run' is missing", ""},
	{"services: [{run: [a]}]\n", ERR_CONFIG, "dlenv.yaml:1:12: 'name' is missing", ""},
	{"services: [{name: a, run: []}]\n", ERR_CONFIG, "dlenv.yaml:1:27: 'run' is empty", "list"},
	{"services: [{name: a, run: a b}]\n", ERR_CONFIG, "dlenv.yaml:1:27: 'run' must be", "list"},
	{"services: [{name: a, run: x}, {name: a, run: y}]\n", ERR_CONFIG,
	 "dlenv.yaml:1:31: there are two services 'a'", "name of its own"},
	{"services: [{name: A, run: x}]\n", ERR_CONFIG, "dlenv.yaml:1:19: 'A' cannot", "small"},
	{"services: [{name: jupyter, run: x}]\n", ERR_CONFIG, "dlenv.yaml:1:19: 'jupyter'", "key"},
	{"services: [{name: a, run: x, restart: yes}]\n", ERR_CONFIG, "dlenv.yaml:1:39: ", "no"},
	{"services: [{name: a, run: x, health: http}]\n", ERR_CONFIG, "dlenv.yaml:1:38: ", "tcp"},
	{"services: [{name: a, run: x, health: tcp 127.0.0.1 0}]\n", ERR_CONFIG, "dlenv.yaml:1:38",
	 "tcp"},
	{"services: [{name: a, run: x, health: tcp a 1}]\n", ERR_CONFIG, "dlenv.yaml:1:38", "tcp"},
	{"services: [{name: a, run: x, env: {a-b: 1}}]\n", ERR_CONFIG, "dlenv.yaml:1:36: ", "'_'"},
	{"services: [{name: a, run: x, cwd: ../x}]\n", ERR_CONFIG, "dlenv.yaml:1:35: ", "'..'"},
	{"proxy: {http: proxy}\n", ERR_CONFIG, "dlenv.yaml:1:15: 'proxy.http' must be", "http://"},
	{"proxy: {no: \"a b\"}\n", ERR_CONFIG, "dlenv.yaml:1:13: 'proxy.no' cannot", "commas"},
	{"ca-certificates: [none, host]\n", ERR_CONFIG, "dlenv.yaml:1:19: 'none' and", "alone"},
	{"ca-certificates: [none.pem]\n", ERR_CONFIG, "dlenv.yaml:1:19: the file", "create it"},
	{"image: {suite: sid}\n", ERR_UNSAT, "dlenv.yaml:1:16: images of 'sid'", "trixie"},
	{"image: {mirror: mirror.example}\n", ERR_CONFIG, "dlenv.yaml:1:17: ", "https://"},
	{"image: {mirror: \"https://u:p@mirror.example/x\"}\n", ERR_CONFIG,
	 "dlenv.yaml:1:17: 'image.mirror' must not hold a password", "auth.conf"},
};

TEST(bad_values_are_named_with_place_and_remedy)
{
	CLEANUP(place_fini) struct place p;

	place_init(&p);
	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(env_def_fini) struct env_def d = {0};
		struct err e = {0};
		int code = load(&p, bad[i].text, &d, &e);

		if (code != -bad[i].code || !str_starts(e.msg, bad[i].msg) ||
		    !strstr(e.hint, bad[i].hint))
			fail_msg("%s gave %d '%s', hint '%s'", bad[i].text, code, e.msg, e.hint);
	}
}

TEST(variables_and_flags_are_checked_like_files)
{
	static const struct {
		const char *env;
		const char *flag;
		const char *msg;
		const char *hint;
	} rows[] = {
		{"DLENV_SHM=8X", NULL, "DLENV_SHM: 'run.shm' cannot be read", "8G"},
		{"DLENV_JUPYTER_PORT=70000", NULL, "DLENV_JUPYTER_PORT: 'jupyter.port' is out", ""},
		{"DLENV_MIRROR=x", NULL, "DLENV_MIRROR: 'image.mirror' must be", "https://"},
		{"DLENV_JUPYTER=1", NULL, "DLENV_JUPYTER: 'jupyter.enable' must be true", ""},
		{NULL, "run.shn=8G", "--set: unknown key 'run.shn'", "'run.shm'"},
		{NULL, "run=8G", "--set: unknown key 'run'", ""},
		{NULL, "zzzzzzzzz=1", "--set: unknown key 'zzzzzzzzz'", "dlenv config"},
		{NULL, "run.shm", "--set: 'run.shm' has no value", "KEY=VALUE"},
		{NULL, "gpu=some", "--set: 'gpu' cannot be 'some'", "free:1"},
		{NULL, "--gpu=some", "--gpu: 'gpu' cannot be 'some'", "free:1"},
		{NULL, "--devices=[x]", "--device:1:2: ", "dlenv cdi list"},
		{NULL, "run.env.1=x", "--set: '1' cannot be a variable's name", "'_'"},
	};
	CLEANUP(place_fini) struct place p;

	place_init(&p);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const env[] = {rows[i].env, NULL};
		const char *const flags[] = {rows[i].flag, NULL};
		CLEANUP(env_def_fini) struct env_def d = {0};
		struct def_sources s = sources(&p);
		struct err e = {0};

		s.env = env;
		s.flags = flags;
		assert_int_equal(env_def_load(&s, &d, &e), -ERR_CONFIG);
		if (!str_starts(e.msg, rows[i].msg) || !strstr(e.hint, rows[i].hint))
			fail_msg("'%s', hint '%s'", e.msg, e.hint);
	}
}

TEST(a_name_belongs_to_one_project)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	struct err e = {0};

	place_init(&p);
	put(p.user, "config.yaml", "schema: 1\nname: x\n");
	assert_int_equal(load(&p, "", &d, &e), -ERR_CONFIG);
	assert_true(str_ends(e.msg, "/config.yaml:2:1: 'name' does not belong here"));
}

TEST(a_definition_that_is_not_a_file_is_refused)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *path = NULL;
	struct err e = {0};

	place_init(&p);
	path = str_fmt("%s/dlenv.yaml", p.project);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(&p, NULL, &d, &e), -ERR_CONFIG);
}

TEST(a_planted_file_is_refused)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *path = NULL;
	struct err e = {0};

	if (geteuid() != 0)
		skip(); /* only root can give a file to somebody else */
	place_init(&p);
	path = str_fmt("%s/dlenv.yaml", p.project);
	put(p.project, "dlenv.yaml", "name: x\n");
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(load(&p, NULL, &d, &e), 0);
	env_def_fini(&d);
	assert_int_equal(chmod(p.project, 01777), 0);
	assert_int_equal(load(&p, NULL, &d, &e), -ERR_PRIV);
}

RUN(IT(bad_values_are_named_with_place_and_remedy), IT(variables_and_flags_are_checked_like_files),
    IT(a_name_belongs_to_one_project), IT(a_definition_that_is_not_a_file_is_refused),
    IT(a_planted_file_is_refused))
