/* SPDX-License-Identifier: Apache-2.0 */
/* What NVIDIA's programs for engines read: command lines, a bundle. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "hook/bundle.h"
#include "hook/ctk.h"
#include "hook/shim_args.h"
#include "hook/wish.h"
#include "test.h"

static const struct {
	const char *argv[14];
	const char *command;
	const char *bundle;
	const char *config;
	const char *log;
	bool creates;
	bool log_json;
} lines[] = {
	{{"x"}, NULL, NULL, NULL, NULL, false, false},
	{{"x", "--version"}, NULL, NULL, NULL, NULL, false, false},
	{{"x", "state", "create"}, "state", NULL, NULL, NULL, false, false},
	{{"x", "--root", "create", "delete", "c"}, "delete", NULL, NULL, NULL, false, false},
	{{"x", "--systemd-cgroup", "--log=/l", "--log-format", "json", "create", "--bundle", "/b",
	  "--pid-file", "-b", "c"},
	 "create",
	 "/b",
	 NULL,
	 "/l",
	 true,
	 true},
	{{"x", "create", "-b=/b", "c"}, "create", "/b", NULL, NULL, true, false},
	{{"x", "create", "-b/b", "c"}, "create", "/b", NULL, NULL, true, false},
	{{"x", "create", "-bundle", "/b", "c"}, "create", "/b", NULL, NULL, true, false},
	{{"x", "create", "-bundle=/b", "c"}, "create", "/b", NULL, NULL, true, false},
	{{"x", "create", "c", "--bundle=/b"}, "create", "/b", NULL, NULL, true, false},
	{{"x", "create", "c", "--", "--bundle=/b"}, "create", NULL, NULL, NULL, true, false},
	{{"x", "create", "c", "--bundle"}, "create", NULL, NULL, NULL, true, false},
	{{"x", "-root", "/r", "run", "-f", "other.json", "-b", "/b", "c"},
	 "run",
	 "/b",
	 "other.json",
	 NULL,
	 true,
	 false},
	{{"x", "--log-format=text", "--log", "/l", "run", "c"},
	 "run",
	 NULL,
	 NULL,
	 "/l",
	 true,
	 false},
};

TEST(the_shim_finds_what_it_needs_on_a_runtime_s_command_line)
{
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct shim_args a;
		char *argv[15] = {0};

		for (size_t k = 0; lines[i].argv[k]; k++)
			argv[k] = str_dup(lines[i].argv[k]);
		shim_args_read(argv, &a);
		assert_true(str_eq(a.command, lines[i].command));
		assert_true(str_eq(a.bundle, lines[i].bundle));
		assert_true(str_eq(a.config, lines[i].config));
		assert_true(str_eq(a.log, lines[i].log));
		assert_int_equal(a.creates, lines[i].creates);
		assert_int_equal(a.log_json, lines[i].log_json);
		for (size_t k = 0; argv[k]; k++)
			free(argv[k]);
	}
}

static int read_bundle(const char *text, struct bundle *b, struct err *e)
{
	char dir[] = "/tmp/dlenv-test.XXXXXX";
	int fd;
	int code;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(dir_open(AT_FDCWD, dir, &fd, e), 0);
	assert_int_equal(file_write(fd, "config.json", text, strlen(text), 0640, 0, e), 0);
	code = bundle_read(fd, "config.json", b, e);
	assert_int_equal(tree_remove(AT_FDCWD, dir, &(struct err){0}), 0);
	(void)close(fd);
	return code;
}

TEST(a_bundle_shows_what_its_container_is_like)
{
	CLEANUP(bundle_fini) struct bundle b = {0};
	struct err e = {0};

	assert_int_equal(
		read_bundle("{\"new\":[1e400,18446744073709551615],\"root\":{\"path\":\"rootfs\","
			    "\"x\":1},"
			    "\"process\":{\"env\":[\"A=1\",\"AB=2\",\"A=3\"],\"capabilities\":{"
			    "\"bounding\":[\"CAP_KILL\",\"CAP_SYS_ADMIN\"]}},"
			    "\"annotations\":{\"cdi.k8s.io/x\":\"a/b=c\"},\"mounts\":[{"
			    "\"destination\":\"/d\",\"source\":\"/dev/null\"},{}]}",
			    &b, &e),
		0);
	assert_string_equal(b.root, "rootfs");
	assert_string_equal(bundle_env(&b, "A"), "3");
	assert_null(bundle_env(&b, "B"));
	assert_true(bundle_is_privileged(&b));
	assert_int_equal(b.mounts.n, 2);
	assert_string_equal(b.annotations.items[0].value, "a/b=c");
	assert_int_equal(b.mode, 0640);
}

TEST(a_bundle_that_cannot_be_read_says_where)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"{\"root\":{\"path\":\"r\"", "config.json:"},
		{"{\"a\":1,\"a\":2}", "config.json:"},
		{"{} {}", "config.json:"},
		{"{\"process\":{\"env\":[{}]}}", "env"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(bundle_fini) struct bundle b = {0};
		struct err e = {0};

		assert_true(read_bundle(cases[i].text, &b, &e) < 0);
		assert_non_null(strstr(e.msg, cases[i].says));
	}
}

static const struct {
	const char *text;
	bool volumes;	  /* config.toml allows mounts */
	bool variables;	  /* and variables of containers without privileges */
	bool annotations; /* the mode reads them */
	const char *names[3];
	const char *ids[3];
	const char *imex;
} wishes[] = {
	{"{}", true, true, true, {NULL}, {NULL}, NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=0\",\"NVIDIA_VISIBLE_DEVICES=1,2\"]}}",
	 false,
	 true,
	 false,
	 {NULL},
	 {"1", "2"},
	 NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=all\"]}}",
	 false,
	 false,
	 false,
	 {NULL},
	 {NULL},
	 NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=all\"],\"capabilities\":{\"bounding\":["
	 "\"CAP_SYS_ADMIN\"]}}}",
	 false,
	 false,
	 false,
	 {NULL},
	 {"all"},
	 NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=a.b/c=0,a.b/c=1\"]}}",
	 false,
	 true,
	 false,
	 {"a.b/c=0", "a.b/c=1"},
	 {"none"},
	 NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=all\"]},\"annotations\":{"
	 "\"cdi.k8s.io/p\":\"a.b/c=x\",\"other\":\"a.b/c=y\"}}",
	 false,
	 true,
	 true,
	 {"a.b/c=x"},
	 {"none"},
	 NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=all\"]},\"annotations\":{"
	 "\"cdi.k8s.io/p\":\"a.b/c=x\"}}",
	 false,
	 true,
	 false,
	 {NULL},
	 {"all"},
	 NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=all\"]},\"mounts\":[{\"source\":"
	 "\"/dev/null\",\"destination\":\"/var/run/nvidia-container-devices/GPU-7\"},{\"source\":"
	 "\"/dev/null\",\"destination\":\"/var/run/nvidia-container-devices/imex/5\"}]}",
	 true,
	 true,
	 false,
	 {NULL},
	 {"GPU-7"},
	 "5"},
	{"{\"mounts\":[{\"source\":\"/dev/null\",\"destination\":"
	 "\"/var/run/nvidia-container-devices/cdi/a.b/c/d\"}]}",
	 true,
	 false,
	 false,
	 {"a.b/c=d"},
	 {"none"},
	 NULL},
	{"{\"mounts\":[{\"source\":\"/etc\",\"destination\":"
	 "\"/var/run/nvidia-container-devices/0\"}]}",
	 true,
	 true,
	 false,
	 {NULL},
	 {NULL},
	 NULL},
	{"{\"process\":{\"env\":[\"DOCKER_RESOURCE_GPU=1\",\"NVIDIA_VISIBLE_DEVICES=all\"]}}",
	 false,
	 true,
	 false,
	 {NULL},
	 {"1"},
	 NULL},
	{"{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=a.b/c=0,void\"]}}",
	 false,
	 true,
	 false,
	 {NULL},
	 {NULL},
	 NULL},
};

static void assert_list(const char *const *have, const char *const *want)
{
	size_t i = 0;

	for (; want[i]; i++) {
		assert_non_null(have);
		assert_true(str_eq(have[i], want[i]));
	}
	assert_true(!have || !have[i]);
}

TEST(what_is_asked_for_comes_from_the_first_source_that_says_something)
{
	static const char *prefixes[] = {"cdi.k8s.io/", NULL};

	for (size_t i = 0; i < COUNT(wishes); i++) {
		const struct toolkit_config c = {
			.accept_devices_as_volume_mounts = wishes[i].volumes,
			.accept_devices_envvar_when_unprivileged = wishes[i].variables,
			.swarm_resource = "OTHER, DOCKER_RESOURCE_GPU",
			.runtime.cdi_annotation_prefixes = prefixes,
		};
		CLEANUP(bundle_fini) struct bundle b = {0};
		CLEANUP(wish_fini) struct wish w = {0};
		struct err e = {0};
		const char *text = wishes[i].text;

		assert_int_equal(bundle_parse(str_dup(text), strlen(text), "config.json", &b, &e),
				 0);
		assert_int_equal(wish_read(&b, &c, wishes[i].annotations, &w, &e), 0);
		assert_int_equal(w.q.any, wishes[i].ids[0] != NULL);
		assert_list((const char *const *)w.names, wishes[i].names);
		assert_list(w.q.ids, wishes[i].ids);
		assert_true(str_eq(w.q.imex ? w.q.imex[0] : NULL, wishes[i].imex));
	}
}

TEST(names_of_devices_and_of_gpus_do_not_mix)
{
	static const char text[] = "{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=a.b/c=0,1\"]}}";
	const struct toolkit_config c = {.accept_devices_envvar_when_unprivileged = true};
	CLEANUP(bundle_fini) struct bundle b = {0};
	CLEANUP(wish_fini) struct wish w = {0};
	struct err e = {0};

	assert_int_equal(bundle_parse(str_dup(text), strlen(text), "config.json", &b, &e), 0);
	assert_int_equal(wish_read(&b, &c, false, &w, &e), -ERR_CONFIG);
}

struct options {
	bool flag;
	const char *text;
	const char *const *list;
	const char *const *all;
};

static const struct ctk_option rows[] = {
	{"flag f", CTK_BOOL, offsetof(struct options, flag), NULL, NULL, ""},
	{"text", CTK_STR, offsetof(struct options, text), "G_ONE G_TWO", "T", ""},
	{"list lists", CTK_LIST, offsetof(struct options, list), "G_LIST", "T", ""},
	{"all", CTK_ALL, offsetof(struct options, all), NULL, "T", ""},
	{0},
};

static int read_options(const char *const *words, struct options *o, struct arena *a,
			const char **ret_rest, struct err *e)
{
	char *argv[12] = {0};
	char **p = argv;
	int code;

	for (size_t i = 0; words[i]; i++)
		argv[i] = arena_str(a, words[i]);
	code = ctk_options_read(rows, &p, o, a, e);
	*ret_rest = *p;
	return code;
}

TEST(options_are_read_as_the_toolkit_reads_them)
{
	static const char *const words[] = {"--flag",	 "-text=a=b", "--lists", "x,y",
					    "-list=z",	 "--all",     "1,2",	 "--",
					    "--flag=no", NULL};
	CLEANUP(arena_fini) struct arena a = {0};
	struct options o = {0};
	struct err e = {0};
	const char *rest;

	(void)setenv("G_LIST", "gone,away", 1);
	(void)setenv("G_TWO", "other", 1);
	assert_int_equal(read_options(words, &o, &a, &rest, &e), 0);
	assert_true(o.flag);
	assert_string_equal(o.text, "a=b");
	assert_string_equal(o.list[0], "x");
	assert_string_equal(o.list[1], "y");
	assert_string_equal(o.list[2], "z");
	assert_null(o.list[3]);
	assert_string_equal(o.all[0], "1,2");
	assert_null(o.all[1]);
	assert_string_equal(rest, "--flag=no");
}

TEST(variables_stand_for_options_that_are_not_given)
{
	static const char *const words[] = {"-f=false", "word", NULL};
	CLEANUP(arena_fini) struct arena a = {0};
	struct options o = {.flag = true};
	struct err e = {0};
	const char *rest;

	(void)setenv("G_LIST", "p,q", 1);
	(void)setenv("G_TWO", "other", 1);
	assert_int_equal(read_options(words, &o, &a, &rest, &e), 0);
	assert_false(o.flag);
	assert_string_equal(o.text, "other");
	assert_string_equal(o.list[1], "q");
	assert_string_equal(rest, "word");
}

TEST(options_that_are_wrong_are_named)
{
	static const char *const cases[][3] = {
		{"--nothing", NULL, "--nothing"},
		{"--text", NULL, "--text"},
		{"--flag=perhaps", NULL, "--flag"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		struct options o = {0};
		struct err e = {0};
		const char *rest;

		assert_int_equal(read_options(cases[i], &o, &a, &rest, &e), -ERR_USAGE);
		assert_non_null(strstr(e.msg, cases[i][2]));
	}
}

RUN(IT(the_shim_finds_what_it_needs_on_a_runtime_s_command_line),
    IT(what_is_asked_for_comes_from_the_first_source_that_says_something),
    IT(names_of_devices_and_of_gpus_do_not_mix), IT(a_bundle_shows_what_its_container_is_like),
    IT(a_bundle_that_cannot_be_read_says_where), IT(options_are_read_as_the_toolkit_reads_them),
    IT(variables_stand_for_options_that_are_not_given), IT(options_that_are_wrong_are_named))
