/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "base/doc.h"
#include "base/mem.h"
#include "base/toml.h"
#include "machine_box.h"
#include "setup/engine_config.h"

static void put(const struct box *m, const char *path, const char *text)
{
	box_put(m, path, text, 0640);
}

/* NULL: there is no such file. */
static char *get(const struct box *m, const char *path)
{
	char *text = NULL;
	struct err e = {0};

	return file_read(m->root.fd, below(path), 1 << 20, &text, NULL, &e) < 0 ? NULL : text;
}

static int run(const struct box *m, const struct engine_options *o, bool undo, struct err *e)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};

	if ((undo ? engine_plan_undo(&m->root, o, &p, e) : engine_plan(&m->root, o, &p, e)) < 0)
		return -(int)e->code;
	return engine_apply(&p, e);
}

static void must_run(const struct box *m, const struct engine_options *o, bool undo)
{
	struct err e = {0};

	if (run(m, o, undo, &e) < 0)
		fail_msg("%s (%s)", e.msg, e.hint);
}

static json_t *node_json(const struct doc_node *n)
{
	json_t *j;

	if (n->text)
		return json_sprintf("%d %s", (int)n->kind, n->text);
	j = n->kind == DOC_LIST ? json_array() : json_object();
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (n->kind == DOC_LIST)
			(void)json_array_append_new(j, node_json(c));
		else
			(void)json_object_set_new(j, c->key, node_json(c));
	}
	return j;
}

/* A configuration's meaning; numbers as they are written (jansson is asked for no more). */
static json_t *meaning(const char *text, bool is_json)
{
	CLEANUP(doc_fini) struct doc d = {0};
	json_error_t why;
	struct err e = {0};
	json_t *j;

	if (is_json) {
		j = *text ? json_loads(text, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why)
			  : json_object();
		if (!j)
			fail_msg("%s in:\n%s", why.text, text);
		return j;
	}
	if (toml_read(text, strlen(text), "t", &d, &e) < 0)
		fail_msg("%s in:\n%s", e.msg, text);
	return node_json(d.top);
}

/* Every value of a is in b, but for the keys that may change. */
static void check_kept(const json_t *a, const json_t *b)
{
	static const char *const may_change[] = {"enable_cdi",	    "default_runtime_name",
						 "default-runtime", "default_runtime",
						 "imports",	    "nvidia"};
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)a, key, value)
	{
		const json_t *other = json_object_get(b, key);
		bool free_to_change = false;

		for (size_t i = 0; i < COUNT(may_change); i++)
			free_to_change = free_to_change || str_eq(may_change[i], key);
		if (free_to_change)
			continue;
		if (!other)
			fail_msg("'%s' is gone", key);
		if (json_is_object(value))
			check_kept(value, other);
		else if (!json_equal(value, other))
			fail_msg("'%s' has changed", key);
	}
}

/* All letters of a are in b in their order: b only has more. */
static bool is_within(const char *a, const char *b)
{
	for (; *a && *b; b++)
		a += *a == *b;
	return !*a;
}

struct engine {
	const char *name;
	const char *folder; /* below tests/configs */
	const char *path;
	const char *drop_in;
	bool is_json;
	const char *user; /* what somebody adds later */
};

static const struct engine engines[] = {
	{"docker", "docker", "/etc/docker/daemon.json", NULL, true, NULL},
	{"containerd", "containerd", "/etc/containerd/config.toml",
	 "/etc/containerd/conf.d/99-nvidia.toml", false, "\n[user]\nadded = 1\n"},
	{"crio", "crio", "/etc/crio/crio.conf", "/etc/crio/crio.conf.d/99-nvidia.toml", false,
	 "\n[user]\nadded = 1\n"},
};

static void check_after(const struct engine *en, const char *name, const char *before,
			const char *after, bool replaces)
{
	json_t *a = meaning(before, en->is_json);
	json_t *b = meaning(after, en->is_json);

	check_kept(a, b);
	json_decref(a);
	json_decref(b);
	if (!replaces && !is_within(before, after))
		fail_msg("%s: something was taken away:\n%s", name, after);
}

/* Undone after somebody else has changed the file: that change stays, and ours is gone. */
static void check_undo_after_others(const struct box *m, const struct engine_options *o,
				    const struct engine *en, const char *before)
{
	CLEANUP(freep) char *ours = get(m, en->path);
	CLEANUP(freep) char *theirs = NULL;
	CLEANUP(freep) char *changed = NULL;
	CLEANUP(freep) char *expected = NULL;
	json_t *a;
	json_t *b;

	if (!en->user || !*before)
		return;
	must_run(m, o, false);
	freep(&ours);
	ours = get(m, en->path);
	changed = str_fmt("%s%s", ours, en->user);
	put(m, en->path, changed);
	must_run(m, o, true);
	theirs = get(m, en->path);
	expected = str_fmt("%s%s", before, en->user);
	a = meaning(expected, en->is_json);
	b = meaning(theirs, en->is_json);
	if (!json_equal(a, b))
		fail_msg("%s\ninstead of\n%s", theirs, expected);
	json_decref(a);
	json_decref(b);
	put(m, en->path, before);
}

static void check_config(const struct engine *en, const char *name, const char *before,
			 unsigned int flags)
{
	const struct engine_options o = {.engine = en->name,
					 .make_default = flags & 1,
					 .drop_in = flags & 2 ? "" : NULL,
					 .runtime_path = "/opt/shim"};
	CLEANUP(box_close) struct box m;
	CLEANUP(engine_plan_fini) struct engine_plan again = {0};
	CLEANUP(freep) char *after = NULL;
	CLEANUP(freep) char *undone = NULL;
	CLEANUP(freep) char *drop_in = NULL;
	struct err e = {0};
	bool replaces = strstr(before, "nvidia") || strstr(before, "enable_cdi") ||
			(o.make_default && strstr(before, "default_runtime"));

	box_open(&m);
	put(&m, en->path, before);
	must_run(&m, &o, false);
	after = get(&m, en->path);
	check_after(en, name, before, after, replaces);
	drop_in = en->drop_in ? get(&m, en->drop_in) : NULL;
	assert_true(strstr(after, "/opt/shim") || (drop_in && strstr(drop_in, "/opt/shim")));
	if (drop_in)
		json_decref(meaning(drop_in, false));

	assert_int_equal(engine_plan(&m.root, &o, &again, &e), 0);
	assert_true(engine_is_done(&again));

	must_run(&m, &o, true);
	undone = get(&m, en->path);
	assert_string_equal(undone, before);
	if (en->drop_in)
		assert_false(file_exists(m.root.fd, below(en->drop_in)));
	assert_int_equal(run(&m, &o, true, &e), -ERR_ABSENT);
	check_undo_after_others(&m, &o, en, before);
}

TEST(real_configurations_keep_all_they_have_and_are_restored)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(engines); i++) {
		CLEANUP(freep)
		char *folder = str_fmt("%s/configs/%s", getenv("DLENV_TESTS"), engines[i].folder);
		CLEANUP(strs_fini) struct strs names = {0};
		struct err e = {0};

		assert_int_equal(dir_list(AT_FDCWD, folder, &names, &e), 0);
		for (size_t k = 0; k < names.n; k++) {
			CLEANUP(freep) char *path = str_fmt("%s/%s", folder, names.v[k]);
			CLEANUP(freep) char *text = NULL;

			assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &e), 0);
			for (unsigned int flags = 0; flags < 4; flags++)
				check_config(&engines[i], names.v[k], text, flags);
			n++;
		}
	}
	assert_true(n >= 30);
}

/* What exactly becomes of a file. */
static void check_text(const struct engine_options *o, const char *path, const char *before,
		       const char *changed, const char *expected)
{
	CLEANUP(box_close) struct box m;
	CLEANUP(freep) char *after = NULL;

	box_open(&m);
	if (before)
		put(&m, path, before);
	must_run(&m, o, false);
	after = get(&m, changed);
	assert_string_equal(after, expected);
}

TEST(docker_gets_a_runtime_and_cdi)
{
	static const char path[] = "/etc/docker/daemon.json";
	struct engine_options o = {.engine = "docker", .runtime_path = "/opt/shim"};

	check_text(
		&o, path, NULL, path,
		"{\n  \"runtimes\": {\n    \"nvidia\": {\n      \"path\": \"/opt/shim\",\n"
		"      \"args\": []\n    }\n  },\n  \"features\": {\n    \"cdi\": true\n  }\n}\n");
	check_text(&o, path, "{\"features\":{\"x\":true},\"mtu\":12345678901234567890}", path,
		   "{\"features\":{\"x\":true,\"cdi\":true},\"mtu\":12345678901234567890,"
		   "\"runtimes\":{\"nvidia\":{\"path\":\"/opt/shim\",\"args\":[]}}}");
	o.cdi = SWITCH_OFF;
	o.make_default = true;
	o.runtime_name = "gpu";
	check_text(&o, path, "{\"runtimes\":{\"gpu\":{\"path\":\"x\",\"args\":[\"-d\"]}}}", path,
		   "{\"runtimes\":{\"gpu\":{\"path\":\"/opt/shim\",\"args\":[\"-d\"]}},"
		   "\"default-runtime\":\"gpu\"}");
}

TEST(containerd_copies_the_default_runtime)
{
	static const char main[] = "/etc/containerd/config.toml";
	static const char v3[] =
		"version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd]\n"
		"default_runtime_name = 'x'\n"
		"[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.x]\n"
		"runtime_type = 'io.containerd.runc.v9' # c\n"
		"options = { BinaryName = 'b', SystemdCgroup = true }\n";
	struct engine_options o = {.engine = "containerd", .runtime_path = "/opt/shim"};

	check_text(&o, main, v3, "/etc/containerd/conf.d/99-nvidia.toml",
		   "version = 3\n\n"
		   "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.nvidia]\n"
		   "runtime_type = 'io.containerd.runc.v9'\n"
		   "options = { BinaryName = \"/opt/shim\", SystemdCgroup = true }\n");
	check_text(&o, main, NULL, main,
		   "version = 2\n\n"
		   "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n"
		   "runtime_type = \"io.containerd.runc.v2\"\n\n"
		   "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia]\n"
		   "runtime_type = \"io.containerd.runc.v2\"\n\n"
		   "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia.options]\n"
		   "BinaryName = \"/opt/shim\"\n\n"
		   "[plugins.\"io.containerd.grpc.v1.cri\"]\nenable_cdi = true\n");
	o.cdi = SWITCH_OFF;
	check_text(
		&o, main,
		"[plugins.cri.containerd.runtimes.runc]\nruntime_type = "
		"\"io.containerd.runc.v1\"\n",
		main,
		"[plugins.cri.containerd.runtimes.runc]\nruntime_type = "
		"\"io.containerd.runc.v1\"\n\n"
		"[plugins.cri.containerd.runtimes.nvidia]\nruntime_type = "
		"\"io.containerd.runc.v1\"\n\n"
		"[plugins.cri.containerd.runtimes.nvidia.options]\nBinaryName = \"/opt/shim\"\n");
	o.drop_in = "/etc/containerd/x/y.toml";
	check_text(&o, main, "version = 2\nimports = [\"x/*.toml\"]\n", main,
		   "version = 2\nimports = [\"x/*.toml\"]\n");
	check_text(&o, main, "version = 2\n", main,
		   "version = 2\nimports = [\"/etc/containerd/x/*.toml\"]\n");
}

TEST(crio_takes_the_monitor_of_the_default_runtime)
{
	const struct engine_options o = {
		.engine = "crio", .runtime_path = "/opt/shim", .make_default = true};
	CLEANUP(box_close) struct box m;
	CLEANUP(freep) char *after = NULL;

	box_open(&m);
	put(&m, "/etc/crio/crio.conf.d/10-crio.conf",
	    "[crio.runtime]\ndefault_runtime = \"crun\"\n[crio.runtime.runtimes.crun]\n"
	    "runtime_path = \"/usr/libexec/crio/crun\"\nruntime_root = \"/run/crun\"\n"
	    "monitor_path = \"/usr/libexec/crio/conmon\"\n");
	must_run(&m, &o, false);
	after = get(&m, "/etc/crio/crio.conf.d/99-nvidia.toml");
	assert_string_equal(after, "[crio.runtime.runtimes.nvidia]\n"
				   "monitor_path = \"/usr/libexec/crio/conmon\"\n"
				   "runtime_path = \"/opt/shim\"\nruntime_type = \"oci\"\n\n"
				   "[crio.runtime]\ndefault_runtime = \"nvidia\"\n");
	assert_false(file_exists(m.root.fd, "etc/crio/crio.conf"));
}

TEST(podman_needs_nothing_but_a_specification)
{
	struct engine_options o = {.engine = "podman"};
	CLEANUP(box_close) struct box m;
	CLEANUP(freep) char *hook = NULL;

	box_open(&m);
	for (int i = 0; i < 2; i++) {
		CLEANUP(engine_plan_fini) struct engine_plan p = {0};
		struct err e = {0};

		assert_int_equal(engine_plan(&m.root, &o, &p, &e), 0);
		assert_true(engine_is_done(&p));
		assert_int_equal(p.notes.n, i ? 1 : 2);
		put(&m, "/etc/cdi/nvidia.yaml", "");
	}
	o.hook = true;
	o.runtime_path = "/opt/nvidia-container-runtime";
	must_run(&m, &o, false);
	hook = get(&m, "/etc/containers/oci/hooks.d/oci-nvidia-hook.json");
	assert_non_null(strstr(hook, "\"path\": \"/opt/nvidia-container-runtime-hook\""));
	must_run(&m, &o, true);
	assert_false(file_exists(m.root.fd, "etc/containers/oci/hooks.d/oci-nvidia-hook.json"));
}

TEST(what_cannot_be_read_is_an_error_and_stays)
{
	static const struct {
		const char *engine;
		const char *path;
		const char *text;
		int code;
		const char *says;
	} rows[] = {
		{"docker", "/etc/docker/daemon.json", "{\n  // debug\n}", ERR_PARSE,
		 "/etc/docker/daemon.json:2:3: JSON has no comments"},
		{"docker", "/etc/docker/daemon.json", "[]", ERR_CONFIG, "not a JSON object"},
		{"docker", "/etc/docker/daemon.json", "{\"runtimes\": 7}", ERR_CONFIG, "runtimes"},
		{"docker", "/etc/docker/daemon.json", "{\"a\":1,\"a\":2}", ERR_PARSE, "twice"},
		{"docker", "/etc/docker/daemon.json", "{\"features\":[]}", ERR_CONFIG, "features"},
		{"docker", "/etc/docker/daemon.json", "\xef\xbb\xbf{}", ERR_PARSE, ":1:1: "},
		{"containerd", "/etc/containerd/config.toml", "version = ", ERR_PARSE, ":1:11: "},
		{"containerd", "/etc/containerd/config.toml", "version = 4", ERR_CONFIG,
		 "version 4 is not known"},
		{"containerd", "/etc/containerd/config.toml", "version = 0", ERR_CONFIG,
		 "version 0 is not known"},
		{"containerd", "/etc/containerd/config.toml", "version = \"2\"", ERR_CONFIG,
		 "is not known"},
		{"containerd", "/etc/containerd/config.toml", "version = 2\nplugins = 1",
		 ERR_CONFIG, "plugins"},
		{"containerd", "/etc/containerd/config.toml", "version = 3\nimports = 1",
		 ERR_CONFIG, "imports"},
		{"containerd", "/etc/containerd/config.toml", "{{ template \"base\" . }}",
		 ERR_PARSE, ":1:1: "},
		{"crio", "/etc/crio/crio.conf", "[crio\n", ERR_PARSE, ":1:6: "},
		{"nerdctl", "/etc/x/y", "", ERR_USAGE, "nerdctl"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct engine_options o = {.engine = rows[i].engine};
		CLEANUP(box_close) struct box m;
		CLEANUP(freep) char *after = NULL;
		struct err e = {0};

		box_open(&m);
		put(&m, rows[i].path, rows[i].text);
		assert_int_equal(run(&m, &o, false, &e), -rows[i].code);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("'%s' does not say '%s'", e.msg, rows[i].says);
		after = get(&m, rows[i].path);
		assert_string_equal(after, rows[i].text);
	}
}

TEST(a_linked_file_is_changed_where_it_lies)
{
	const struct engine_options o = {.engine = "docker", .runtime_path = "/opt/shim"};
	CLEANUP(box_close) struct box m;
	CLEANUP(freep) char *after = NULL;
	CLEANUP(freep) char *undone = NULL;
	struct err e = {0};
	struct stat st;

	box_open(&m);
	put(&m, "/srv/site/daemon.json", "{\"mtu\":1}");
	assert_int_equal(dir_make(m.root.fd, "etc/docker", 0755, &e), 0);
	/* Absolute: it must not lead to this machine's own /srv. */
	assert_int_equal(symlinkat("/srv/site/daemon.json", m.root.fd, "etc/docker/daemon.json"),
			 0);
	must_run(&m, &o, false);
	after = get(&m, "/srv/site/daemon.json");
	assert_non_null(strstr(after, "/opt/shim"));
	assert_int_equal(fstatat(m.root.fd, "srv/site/daemon.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fstatat(m.root.fd, "etc/docker/daemon.json", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	must_run(&m, &o, true);
	undone = get(&m, "/srv/site/daemon.json");
	assert_string_equal(undone, "{\"mtu\":1}");

	assert_int_equal(unlinkat(m.root.fd, "srv/site/daemon.json", 0), 0);
	assert_int_equal(run(&m, &o, false, &e), -ERR_CONFIG);
	assert_non_null(strstr(e.msg, "is a link to nothing"));
}

TEST(what_others_changed_since_stays)
{
	static const char path[] = "/etc/docker/daemon.json";
	const struct engine_options o = {
		.engine = "docker", .runtime_path = "/opt/shim", .make_default = true};
	CLEANUP(box_close) struct box m;
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *after = NULL;
	struct err e = {0};

	box_open(&m);
	put(&m, path, "{\"default-runtime\":\"runsc\",\"features\":{}}");
	must_run(&m, &o, false);
	put(&m, path,
	    "{\"default-runtime\":\"kata\",\"features\":{\"cdi\":true,\"x\":false},\"new\":1,"
	    "\"runtimes\":{\"nvidia\":{\"path\":\"/opt/shim\",\"args\":[]}}}");
	assert_int_equal(engine_plan_undo(&m.root, &o, &p, &e), 0);
	assert_int_equal(p.notes.n, 1);
	assert_non_null(strstr(p.notes.v[0], "default-runtime"));
	assert_int_equal(engine_apply(&p, &e), 0);
	after = get(&m, path);
	assert_string_equal(after,
			    "{\"default-runtime\":\"kata\",\"features\":{\"x\":false},\"new\":1}");
}

TEST(configuring_twice_is_undone_at_once)
{
	static const char path[] = "/etc/docker/daemon.json";
	static const char before[] = "{\"default-runtime\": \"runsc\"}";
	struct engine_options o = {.engine = "docker", .runtime_path = "/opt/shim"};

	for (int others = 0; others < 2; others++) {
		CLEANUP(box_close) struct box m;
		CLEANUP(freep) char *now = NULL;
		CLEANUP(freep) char *after = NULL;

		box_open(&m);
		put(&m, path, before);
		o.make_default = false;
		must_run(&m, &o, false);
		if (others) {
			CLEANUP(freep) char *text = get(&m, path);
			CLEANUP(freep) char *more = NULL;

			text[strlen(text) - 1] = '\0';
			more = str_fmt("%s, \"new\": 1}", text);
			put(&m, path, more);
		}
		o.make_default = true;
		o.runtime_path = others ? "/opt/other" : "/opt/shim";
		must_run(&m, &o, false);
		now = get(&m, path);
		assert_non_null(strstr(now, "\"default-runtime\": \"nvidia\""));
		must_run(&m, &o, true);
		after = get(&m, path);
		assert_string_equal(after, others ? "{\"default-runtime\": \"runsc\", \"new\": 1}"
						  : before);
	}
}

TEST(a_file_that_somebody_writes_meanwhile_is_left_alone)
{
	static const char path[] = "/etc/docker/daemon.json";
	const struct engine_options o = {.engine = "docker"};
	CLEANUP(box_close) struct box m;
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *after = NULL;
	struct err e = {0};

	box_open(&m);
	put(&m, path, "{}");
	assert_int_equal(engine_plan(&m.root, &o, &p, &e), 0);
	put(&m, path, "{\"mtu\":1}");
	assert_int_equal(engine_apply(&p, &e), -ERR_BUSY);
	after = get(&m, path);
	assert_string_equal(after, "{\"mtu\":1}");
}

TEST(links_are_made_only_where_a_name_is_missing)
{
	const struct engine_options o = {.engine = "podman", .toolkit = "/opt/dlenv-toolkit"};
	CLEANUP(box_close) struct box m;
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(engine_plan_fini) struct engine_plan again = {0};
	CLEANUP(strs_fini) struct strs left = {0};
	char target[64] = "";
	struct err e = {0};

	box_open(&m);
	put(&m, "/usr/bin/nvidia-ctk", "#!/bin/sh\n");
	assert_int_equal(fchmodat(m.root.fd, "usr/bin/nvidia-ctk", 0755, 0), 0);
	put(&m, "/usr/bin/nvidia-cdi-hook", "not a program\n");
	assert_int_equal(dir_make(m.root.fd, "usr/local/bin", 0755, &e), 0);
	assert_int_equal(symlinkat("/gone", m.root.fd, "usr/local/bin/nvidia-container-runtime"),
			 0);
	assert_int_equal(engine_plan(&m.root, &o, &p, &e), 0);
	assert_int_equal(p.links_n, 3);
	assert_true(strstr(p.notes.v[0], "/usr/bin/nvidia-ctk") != NULL);
	assert_int_equal(engine_apply(&p, &e), 0);
	assert_true(readlinkat(m.root.fd, "usr/local/bin/nvidia-container-runtime", target,
			       sizeof(target) - 1) > 0);
	assert_string_equal(target, "/opt/dlenv-toolkit");
	assert_int_equal(engine_plan(&m.root, &o, &again, &e), 0);
	assert_int_equal(again.links_n, 0);

	/* One that somebody has pointed elsewhere is not ours any more. */
	assert_int_equal(unlinkat(m.root.fd, "usr/local/bin/nvidia-cdi-hook", 0), 0);
	assert_int_equal(symlinkat("/else", m.root.fd, "usr/local/bin/nvidia-cdi-hook"), 0);
	must_run(&m, &o, true);
	assert_int_equal(dir_list(m.root.fd, "usr/local/bin", &left, &e), 0);
	assert_int_equal(left.n, 1);
	assert_string_equal(left.v[0], "nvidia-cdi-hook");
}

TEST(a_record_that_is_wrong_is_said)
{
	static const char *const records[] = {"", "[]", "{\"version\": 2}",
					      "{\"version\": 1, \"files\": [{}]}"};
	const struct engine_options o = {.engine = "docker"};

	for (size_t i = 0; i < COUNT(records); i++) {
		CLEANUP(box_close) struct box m;
		struct err e = {0};

		box_open(&m);
		put(&m, "/var/lib/dlenv/configure/docker.json", records[i]);
		assert_int_equal(run(&m, &o, true, &e), -ERR_PARSE);
		assert_non_null(strstr(e.msg, "docker.json"));
	}
}

TEST(the_diff_shows_what_changes)
{
	const struct engine_options o = {.engine = "docker", .runtime_path = "/opt/shim"};
	CLEANUP(box_close) struct box m;
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *diff = NULL;
	struct err e = {0};

	box_open(&m);
	put(&m, "/etc/docker/daemon.json",
	    "{\n  \"features\": {\n    \"cdi\": true\n  },\n  \"a\": 1,\n  \"b\": 2\n}\n");
	assert_int_equal(engine_plan(&m.root, &o, &p, &e), 0);
	diff = engine_diff(&p);
	assert_string_equal(diff, "--- /etc/docker/daemon.json\n+++ /etc/docker/daemon.json\n"
				  "@@ -3,5 +3,11 @@\n     \"cdi\": true\n   },\n   \"a\": 1,\n"
				  "-  \"b\": 2\n+  \"b\": 2,\n+  \"runtimes\": {\n"
				  "+    \"nvidia\": {\n+      \"path\": \"/opt/shim\",\n"
				  "+      \"args\": []\n+    }\n+  }\n }\n");
}

TEST(a_restart_needs_systemd)
{
	const struct engine_options o = {.engine = "docker"};
	CLEANUP(box_close) struct box m;
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	struct err e = {0};

	box_open(&m);
	assert_int_equal(engine_plan(&m.root, &o, &p, &e), 0);
	assert_int_equal(engine_restart(&p, &e), -ERR_ABSENT);
	assert_non_null(strstr(e.msg, "systemd does not run here"));
}

RUN(IT(real_configurations_keep_all_they_have_and_are_restored), IT(docker_gets_a_runtime_and_cdi),
    IT(containerd_copies_the_default_runtime), IT(crio_takes_the_monitor_of_the_default_runtime),
    IT(podman_needs_nothing_but_a_specification), IT(what_cannot_be_read_is_an_error_and_stays),
    IT(a_linked_file_is_changed_where_it_lies), IT(what_others_changed_since_stays),
    IT(configuring_twice_is_undone_at_once),
    IT(a_file_that_somebody_writes_meanwhile_is_left_alone),
    IT(links_are_made_only_where_a_name_is_missing), IT(a_record_that_is_wrong_is_said),
    IT(the_diff_shows_what_changes), IT(a_restart_needs_systemd))
