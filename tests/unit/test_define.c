/* SPDX-License-Identifier: Apache-2.0 */
#include "env/define.h"

#include <sys/resource.h>

#include "define_place.h"
#include "env/define_keys.h"

static const struct def_value *value_of(const struct env_def *d, const char *key)
{
	for (size_t i = 0; i < d->values_n; i++)
		if (str_eq(d->values[i].key, key))
			return &d->values[i];
	fail_msg("no value for '%s'", key);
	return NULL;
}

TEST(without_a_file_there_are_defaults)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	struct err e = {0};

	place_init(&p);
	assert_int_equal(load(&p, NULL, &d, &e), 0);
	assert_string_equal(d.name, "default");
	assert_string_equal(d.folder, p.project);
	assert_null(d.file);
	assert_string_equal(d.preset->name, "torch");
	assert_int_equal(d.accelerator, ACCEL_AUTO);
	assert_string_equal(d.gpu, "auto");
	assert_null(d.apt[0]);
	assert_null(d.stack.python);
	assert_null(d.stack.optional[0]);
	assert_int_equal(d.run.shm, 0);
	assert_true(d.run.ulimits.memlock == RLIM_INFINITY);
	assert_int_equal(d.run.ulimits.stack, 64 << 20);
	assert_int_equal(d.run.ulimits.nofile, 1048576);
	assert_string_equal(d.run.tz, "host");
	assert_string_equal(d.run.lang, "host");
	assert_int_equal(d.run.network, NET_AUTO);
	assert_int_equal(d.run.memory, 0);
	assert_int_equal(d.run.pids, 0);
	assert_true(d.run.cpus == 0);
	assert_true(d.ssh.enable);
	assert_false(d.ssh.forward_agent);
	assert_true(d.jupyter.enable);
	assert_int_equal(d.jupyter.port, 0);
	assert_string_equal(d.jupyter.bind, "127.0.0.1");
	assert_string_equal(d.proxy.http, "host");
	assert_string_equal(d.ca_certificates[0], "host");
	assert_string_equal(d.image.suite, "trixie");
	assert_null(d.image.mirror);
	assert_int_equal(d.services_n, 0);
	assert_int_equal(d.mounts_n, 4);
	assert_int_equal(d.mounts[0].kind, DEF_CACHE);
	assert_string_equal(d.mounts[0].source, "hf");
}

TEST(every_key_arrives_where_it_belongs)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *workspace = NULL;
	CLEANUP(freep) char *runs = NULL;
	struct err e = {0};

	place_init(&p);
	workspace = str_fmt("%s/data", p.home);
	runs = str_fmt("%s/runs", p.project);
	put(p.home, "id.pub", "ssh-ed25519 AAAA x\n");
	assert_int_equal(
		load(&p,
		     "schema: 1\nname: nlp\npreset: torch\naccelerator: cpu\ngpu: 0,2\n"
		     "stack: {python: 3.13, cuda: 12.4, cudnn: 9, torch: 2.6, optional: "
		     "[xgboost]}\n"
		     "packages:\n  apt: [ripgrep, g++, htop=3.4.1-5]\n"
		     "run:\n  shm: 8G\n  tz: Asia/Taipei\n  lang: zh_TW.UTF-8\n  network: "
		     "slirp4netns\n"
		     "  memory: 16G\n  cpus: 1.5\n  pids: 4096\n"
		     "  ulimits: {memlock: 1G, stack: unlimited, nofile: 4096}\n"
		     "  env: {A: 1, B: no}\n"
		     "mounts:\n  - {host: ., at: ~/data, mode: ro}\n"
		     "  - {volume: datasets, at: /data//x/.}\n  - {cache: nv}\n"
		     "caches: [hf]\n"
		     "ssh: {enable: false, keys: [agent, ~/id.pub], forward-agent: true}\n"
		     "jupyter: {enable: false, port: 9999, bind: \"::1\"}\n"
		     "services:\n  - name: tb\n    run: [tensorboard, --port, 6006]\n    cwd: "
		     "runs\n"
		     "    env: {X: y}\n    restart: on-failure\n    health: tcp 127.0.0.1 6006\n"
		     "proxy: {http: http://p:1, https: none, no: \"a,b\"}\n"
		     "ca-certificates: none\n"
		     "image: {suite: trixie, mirror: https://mirror.example/debian}\n",
		     &d, &e),
		0);
	assert_string_equal(d.name, "nlp");
	assert_int_equal(d.accelerator, ACCEL_CPU);
	assert_string_equal(d.gpu, "0,2");
	assert_string_equal(d.stack.python, "3.13");
	assert_string_equal(d.stack.optional[0], "xgboost");
	assert_string_equal(d.apt[2], "htop=3.4.1-5");
	assert_null(d.apt[3]);
	assert_int_equal(d.run.shm, 8ULL << 30);
	assert_string_equal(d.run.lang, "zh_TW.UTF-8");
	assert_int_equal(d.run.network, NET_SLIRP);
	assert_int_equal(d.run.memory, 16ULL << 30);
	assert_true(d.run.cpus == 1.5);
	assert_int_equal(d.run.pids, 4096);
	assert_int_equal(d.run.ulimits.memlock, 1 << 30);
	assert_true(d.run.ulimits.stack == RLIM_INFINITY);
	assert_int_equal(d.run.ulimits.nofile, 4096);
	assert_int_equal(d.run.env.n, 2);
	assert_string_equal(d.run.env.items[1].value, "no");
	assert_int_equal(d.mounts_n, 4);
	assert_int_equal(d.mounts[0].kind, DEF_HOST);
	assert_string_equal(d.mounts[0].at, workspace);
	assert_true(d.mounts[0].read_only);
	assert_int_equal(d.mounts[1].kind, DEF_VOLUME);
	assert_string_equal(d.mounts[1].at, "/data/x");
	assert_false(d.mounts[1].read_only);
	assert_string_equal(d.mounts[2].source, "nv");
	assert_string_equal(d.mounts[3].source, "hf");
	assert_false(d.ssh.enable);
	assert_true(d.ssh.forward_agent);
	assert_string_equal(d.ssh.keys[0], "agent");
	assert_true(str_ends(d.ssh.keys[1], "/home/id.pub"));
	assert_false(d.jupyter.enable);
	assert_int_equal(d.jupyter.port, 9999);
	assert_int_equal(d.services_n, 1);
	assert_string_equal(d.services[0].run[2], "6006");
	assert_string_equal(d.services[0].cwd, runs);
	assert_string_equal(d.services[0].env.items[0].value, "y");
	assert_int_equal(d.services[0].restart, RESTART_ON_FAILURE);
	assert_string_equal(d.services[0].health, "tcp 127.0.0.1 6006");
	assert_string_equal(d.proxy.http, "http://p:1");
	assert_string_equal(d.proxy.no, "a,b");
	assert_string_equal(d.ca_certificates[0], "none");
	assert_string_equal(d.image.mirror, "https://mirror.example/debian");
}

TEST(a_name_is_made_from_the_folder)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	struct err e = {0};

	place_init(&p);
	assert_int_equal(load(&p, "preset: base\n", &d, &e), 0);
	assert_string_equal(d.name, "my-project");
	assert_int_equal(env_name_check(d.name, &e), 0);
	assert_string_equal(value_of(&d, "name")->origin, "folder");
}

TEST(folders_without_usable_letters_become_default)
{
	static const char *const folders[] = {"---", "專案", "..."};
	CLEANUP(place_fini) struct place p;
	struct err e = {0};

	place_init(&p);
	for (size_t i = 0; i < COUNT(folders); i++) {
		CLEANUP(freep) char *folder = str_fmt("%s/%s", p.home, folders[i]);
		CLEANUP(env_def_fini) struct env_def d = {0};
		struct def_sources s = {.cwd = folder, .home = p.home};

		assert_int_equal(dir_make(AT_FDCWD, folder, 0755, &e), 0);
		put(folder, "dlenv.yaml", "");
		assert_int_equal(env_def_load(&s, &d, &e), 0);
		assert_string_equal(d.name, "default");
	}
}

TEST(the_nearest_file_above_counts)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *deep = NULL;
	CLEANUP(freep) char *file = NULL;
	struct err e = {0};
	struct def_sources s;

	place_init(&p);
	deep = str_fmt("%s/a/b", p.project);
	file = str_fmt("%s/dlenv.yaml", p.project);
	s = sources(&p);
	s.cwd = deep;
	assert_int_equal(dir_make(AT_FDCWD, deep, 0755, &e), 0);
	put(p.home, "dlenv.yaml", "name: outer\n");
	put(p.project, "dlenv.yaml", "name: inner\nmounts: [{host: a, at: /a}]\n");
	assert_int_equal(env_def_load(&s, &d, &e), 0);
	assert_string_equal(d.name, "inner");
	assert_string_equal(d.folder, p.project);
	assert_string_equal(d.file, file);
	assert_true(str_ends(d.mounts[0].source, "/My Project/a"));
}

TEST(a_named_file_counts_alone)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	struct def_sources s;
	struct err e = {0};

	place_init(&p);
	s = sources(&p);
	s.file = "../other.yaml";
	put(p.project, "dlenv.yaml", "name: inner\n");
	assert_int_equal(env_def_load(&s, &d, &e), -ERR_ABSENT);
	env_def_fini(&d);
	put(p.home, "other.yaml", "name: other\n");
	assert_int_equal(env_def_load(&s, &d, &e), 0);
	assert_string_equal(d.name, "other");
	assert_true(str_ends(d.folder, "/home"));
}

TEST(higher_layers_win_and_origins_say_so)
{
	static const char *const env[] = {
		"DLENV_SHM=3G", "DLENV_NETWORK=pasta", "DLENV_APT=git,ripgrep",
		"DLENV_GPU=",	"DLENV_SHMX=9G",       NULL};
	static const char *const flags[] = {"run.network=none", "run.env.C=flag",
					    "mounts=[{volume: v, at: /v}]", NULL};
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *user_file = NULL;
	struct def_sources s;
	struct err e = {0};

	place_init(&p);
	s = sources(&p);
	s.env = env;
	s.flags = flags;
	user_file = str_fmt("%s/config.yaml:2:6", p.user);
	put(p.system, "config.yaml",
	    "gpu: none\npreset: base\nrun: {shm: 1G, network: host, env: {A: s, B: s}}\n");
	put(p.user, "config.yaml", "preset: torch\nrun: {shm: 2G, env: {B: u, C: u}}\n");
	put(p.project, "dlenv.yaml",
	    "name: x\nrun:\n  network: pasta\nmounts: [{host: ., at: /p}]\n");
	assert_int_equal(env_def_load(&s, &d, &e), 0);
	assert_string_equal(d.gpu, "none");
	assert_string_equal(d.preset->name, "torch");
	assert_int_equal(d.run.shm, 3ULL << 30);
	assert_int_equal(d.run.network, NET_NONE);
	assert_string_equal(d.apt[1], "ripgrep");
	assert_string_equal(d.mounts[0].at, "/v");
	assert_int_equal(d.mounts_n, 5);
	assert_int_equal(d.run.env.n, 3);
	assert_string_equal(value_of(&d, "run.env.A")->value, "s");
	assert_string_equal(value_of(&d, "run.env.B")->value, "u");
	assert_string_equal(value_of(&d, "run.env.C")->value, "flag");
	assert_string_equal(value_of(&d, "run.env.C")->origin, "--set");
	assert_string_equal(value_of(&d, "run.shm")->origin, "DLENV_SHM");
	assert_string_equal(value_of(&d, "run.shm")->value, "3G");
	assert_string_equal(value_of(&d, "packages.apt")->value, "[git, ripgrep]");
	assert_string_equal(value_of(&d, "name")->origin, "dlenv.yaml:1:1");
	assert_string_equal(value_of(&d, "run.tz")->origin, "default");
	assert_string_equal(value_of(&d, "mounts")->value, "[{volume: v, at: /v}]");
	assert_true(str_ends(value_of(&d, "gpu")->origin, "/etc/config.yaml:1:1"));
	(void)user_file;
}

TEST(values_read_back_as_they_were)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(env_def_fini) struct env_def again = {0};
	struct strs flags = {0};
	struct def_sources s;
	struct err e = {0};

	place_init(&p);
	assert_int_equal(load(&p,
			      "name: x\nservices:\n  - name: a\n    run: [sh, -c, \"echo \\\"a: "
			      "b\\\" # c\\n\", "
			      "'1.0', 'true', '', '- x']\n    env: {K: 'no: yes'}\n"
			      "stack: {torch: 2.6}\n",
			      &d, &e),
			 0);
	for (size_t i = 0; i < d.values_n; i++)
		strs_fmt(&flags, "%s=%s", d.values[i].key, d.values[i].value);
	s = sources(&p);
	s.cwd = p.home;
	s.flags = (const char *const *)flags.v;
	assert_int_equal(env_def_load(&s, &again, &e), 0);
	assert_int_equal(again.services_n, 1);
	for (size_t i = 0; d.services[0].run[i]; i++)
		assert_string_equal(d.services[0].run[i], again.services[0].run[i]);
	assert_string_equal(again.services[0].run[2], "echo \"a: b\" # c\n");
	assert_string_equal(again.services[0].run[6], "- x");
	assert_string_equal(again.services[0].env.items[0].value, "no: yes");
	assert_non_null(strstr(value_of(&d, "services")->value, "\"1.0\", \"true\", \"\""));
	assert_string_equal(again.stack.torch, "2.6");
	assert_int_equal(d.values_n, again.values_n);
	for (size_t i = 0; i < d.values_n; i++)
		assert_string_equal(d.values[i].value, again.values[i].value);
	strs_fini(&flags);
}

TEST(the_template_is_valid_as_it_is)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *text = env_def_template("nlp", "base");
	struct err e = {0};

	place_init(&p);
	assert_int_equal(load(&p, text, &d, &e), 0);
	assert_string_equal(d.name, "nlp");
	assert_string_equal(d.preset->name, "base");
}

TEST(every_line_of_the_template_can_be_switched_on)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *text = env_def_template(NULL, NULL);
	CLEANUP(buf_fini) struct buf on = {0};
	struct err e = {0};
	char *save = NULL;

	place_init(&p);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		buf_fmt(&on, "%s\n", l[0] == '#' && (l[1] != ' ' || l[2] == ' ') ? l + 1 : l);
	if (load(&p, on.data, &d, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.hint);
	assert_string_equal(d.name, "my-project");
	assert_string_equal(d.preset->name, "torch");
	assert_int_equal(d.services_n, 1);
	for (size_t i = 0; i < d.values_n; i++)
		assert_true(str_starts(d.values[i].origin, "dlenv.yaml:"));
}

static bool has(const struct build_layer *l, const char *package)
{
	for (const char *const *v = l->packages; *v; v++)
		if (str_eq(*v, package))
			return true;
	return false;
}

TEST(layers_are_the_presets_and_then_ones_own)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	const struct build_layer *l;
	struct err e = {0};
	size_t n;

	place_init(&p);
	assert_int_equal(load(&p,
			      "packages: {apt: [zsh, git, ripgrep, zsh]}\n"
			      "stack: {optional: [xgboost]}\n",
			      &d, &e),
			 0);
	assert_int_equal(env_def_layers(&d, false, &d.arena, &l, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_string_equal(l[0].title, "base");
	assert_true(has(&l[0], "openssh-server"));
	assert_true(has(&l[1], "python3-torch"));
	assert_string_equal(l[2].title, "packages");
	assert_string_equal(l[2].packages[0], "python3-xgboost");
	assert_string_equal(l[2].packages[1], "ripgrep");
	assert_string_equal(l[2].packages[2], "zsh");
	assert_null(l[2].packages[3]);
	assert_int_equal(env_def_layers(&d, true, &d.arena, &l, &n, &e), 0);
	assert_true(has(&l[1], "python3-torch-cuda"));
	assert_false(has(&l[1], "python3-torch"));
}

TEST(jupyter_follows_the_preset_unless_asked_for)
{
	CLEANUP(place_fini) struct place p;
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(env_def_fini) struct env_def with = {0};
	const struct build_layer *l;
	struct err e = {0};
	size_t n;

	place_init(&p);
	assert_int_equal(load(&p, "preset: base\n", &d, &e), 0);
	assert_false(d.jupyter.enable);
	assert_int_equal(env_def_layers(&d, true, &d.arena, &l, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(load(&p, "preset: base\njupyter: {enable: true}\n", &with, &e), 0);
	assert_int_equal(env_def_layers(&with, false, &with.arena, &l, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(l[1].packages[0], "jupyterlab");
}

/* The manual page beside this file's folder, or NULL. */
static char *read_page(void)
{
	CLEANUP(freep) char *here = str_dup(__FILE__);
	CLEANUP(freep) char *path = NULL;
	char *text = NULL;
	struct err e;

	*strrchr(here, '/') = '\0';
	path = str_fmt("%s/../../doc/dlenv.yaml.5.scd", here);
	return file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &e) == 0 ? text : NULL;
}

TEST(the_manual_page_names_each_key_variable_and_default)
{
	CLEANUP(freep) char *page = read_page();

	if (!page)
		skip(); /* the program was moved away from its build folder */
	for (const struct def_key *k = def_keys; k->path; k++) {
		CLEANUP(freep) char *key = str_fmt("*%s*", k->path);
		CLEANUP(freep) char *variable = str_fmt("(%s)", k->env);
		CLEANUP(freep) char *fallback = str_fmt("default _%s_", k->fallback);
		const char *at = strstr(page, key);
		const char *end;

		if (k->type == DOC_AS_MAP)
			continue;
		if (!at)
			fail_msg("no %s", key);
		end = strstr(at, "\n\n");
		assert_non_null(end);
		if (k->env && !(strstr(at, variable) && strstr(at, variable) < end))
			fail_msg("no %s at %s", variable, key);
		if (k->fallback && !(strstr(at, fallback) && strstr(at, fallback) < end))
			fail_msg("no %s at %s", fallback, key);
	}
}

TEST(presets_name_each_package_once)
{
	for (const struct preset *p = presets; p->name; p++) {
		CLEANUP(strs_fini) struct strs seen = {0};

		for (size_t i = 0; i < p->layers_n; i++) {
			for (const char *const *v = p->layers[i].packages; *v; v++) {
				assert_false(strs_has(&seen, *v));
				strs_add(&seen, *v);
			}
		}
		assert_true(strs_has(&seen, "openssh-server"));
	}
}

TEST(devices_and_the_driver_have_keys)
{
	struct place p;
	struct env_def d = {0};
	struct err e = {0};

	place_init(&p);
	assert_int_equal(load(&p,
			      "gpu: \"free:1,memory>=24G\"\ndevices: [v.com/c=0, v.com/c=1]\n"
			      "driver-root: /run/nvidia/driver\n",
			      &d, &e),
			 0);
	assert_string_equal(d.gpu, "free:1,memory>=24G");
	assert_string_equal(d.devices[1], "v.com/c=1");
	assert_null(d.devices[2]);
	assert_string_equal(d.driver_root, "/run/nvidia/driver");
	env_def_fini(&d);
	place_fini(&p);
}

RUN(IT(devices_and_the_driver_have_keys), IT(without_a_file_there_are_defaults),
    IT(every_key_arrives_where_it_belongs), IT(a_name_is_made_from_the_folder),
    IT(folders_without_usable_letters_become_default), IT(the_nearest_file_above_counts),
    IT(a_named_file_counts_alone), IT(higher_layers_win_and_origins_say_so),
    IT(values_read_back_as_they_were), IT(the_template_is_valid_as_it_is),
    IT(every_line_of_the_template_can_be_switched_on), IT(layers_are_the_presets_and_then_ones_own),
    IT(jupyter_follows_the_preset_unless_asked_for),
    IT(the_manual_page_names_each_key_variable_and_default), IT(presets_name_each_package_once))
