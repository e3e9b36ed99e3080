/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/toml.h"
#include "cdi/toolkit_config.h"
#include "test.h"

static const char path[] = "etc/nvidia-container-runtime/config.toml";

/* A machine with this config.toml (NULL: without one). */
struct machine {
	char folder[32];
	struct root root;
};

static void machine_make(struct machine *m, const char *config)
{
	struct err e = {0};

	memcpy(m->folder, "/tmp/dlenv-toolkit-XXXXXX", sizeof("/tmp/dlenv-toolkit-XXXXXX"));
	assert_non_null(mkdtemp(m->folder));
	assert_int_equal(root_open(&m->root, m->folder, &e), 0);
	assert_int_equal(dir_make(m->root.fd, "etc/nvidia-container-runtime", 0755, &e), 0);
	if (config)
		assert_int_equal(file_write(m->root.fd, path, config, strlen(config), 0644, 0, &e),
				 0);
}

static void machine_remove(struct machine *m)
{
	struct err e = {0};

	root_close(&m->root);
	assert_int_equal(tree_remove(AT_FDCWD, m->folder, &e), 0);
}

TEST(no_file_means_the_defaults)
{
	CLEANUP(machine_remove) struct machine m;
	CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
	CLEANUP(strs_fini) struct strs warnings = {0};
	struct err e = {0};

	machine_make(&m, NULL);
	assert_int_equal(toolkit_config_read(&m.root, path, &c, &warnings, &e), 0);
	assert_false(c.accept_devices_as_volume_mounts);
	assert_true(c.accept_devices_envvar_when_unprivileged);
	assert_string_equal(c.supported_driver_capabilities,
			    "compat32,compute,display,graphics,ngx,utility,video");
	assert_null(c.swarm_resource);
	assert_false(c.features.no_additional_gids_for_device_nodes);
	assert_null(c.cli.root);
	assert_null(c.cli.environment[0]);
	assert_string_equal(c.cli.ldconfig, "@/sbin/ldconfig");
	assert_true(c.cli.load_kmods);
	assert_int_equal(c.runtime.mode, TOOLKIT_AUTO);
	assert_string_equal(c.runtime.runtimes[0], "runc");
	assert_string_equal(c.runtime.runtimes[1], "crun");
	assert_null(c.runtime.runtimes[2]);
	assert_string_equal(c.runtime.cdi_spec_dirs[1], "/var/run/cdi");
	assert_null(c.runtime.jit_feature_flags[0]);
	assert_int_equal(c.runtime.cuda_compat_mode, COMPAT_LDCONFIG);
	assert_string_equal(c.ctk_path, "nvidia-ctk");
	assert_int_equal(warnings.n, 0);
}

TEST(what_is_written_holds_and_unknown_keys_are_named)
{
	static const char text[] =
		"disable-require = true\nfuture = 1\n"
		"[nvidia-container-cli]\nroot = \"/run/nvidia/driver\"\nx.y = 2\n"
		"[nvidia-container-runtime]\nmode = \"legacy\"\n"
		"runtimes = [\"/opt/runc\"]\n"
		"modes.cdi.default-kind = \"a.b/c\"\n"
		"[features]\nallow-unknown-oci-spec-fields = true\n"
		"[nvidia-container-runtime.modes.new]\nz = 1\n";
	CLEANUP(machine_remove) struct machine m;
	CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
	CLEANUP(strs_fini) struct strs warnings = {0};
	struct err e = {0};

	machine_make(&m, text);
	assert_int_equal(toolkit_config_read(&m.root, path, &c, &warnings, &e), 0);
	assert_true(c.disable_require);
	assert_string_equal(c.cli.root, "/run/nvidia/driver");
	assert_int_equal(c.runtime.mode, TOOLKIT_LEGACY);
	assert_string_equal(c.runtime.runtimes[0], "/opt/runc");
	assert_null(c.runtime.runtimes[1]);
	assert_string_equal(c.runtime.cdi_default_kind, "a.b/c");
	assert_true(c.features.allow_unknown_oci_spec_fields);
	assert_string_equal(c.runtime.log_level, "info");
	assert_int_equal(warnings.n, 3);
	assert_non_null(strstr(warnings.v[0], "config.toml:2:1: unknown key 'future'"));
	assert_non_null(strstr(warnings.v[1], "'nvidia-container-cli.x'"));
	assert_non_null(strstr(warnings.v[2], "'nvidia-container-runtime.modes.new'"));
}

TEST(wrong_values_are_errors_with_their_place)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} rows[] = {
		{"x = ", ERR_PARSE, "config.toml:1:5: "},
		{"disable-require = 1\n", ERR_CONFIG, ":1:19: 'disable-require' must be true"},
		{"[nvidia-container-runtime]\nmode = \"x\"\n", ERR_CONFIG, "'mode' cannot be 'x'"},
		{"[nvidia-container-runtime]\nruntimes = [[]]\n", ERR_CONFIG, "'runtimes' must be"},
		{"nvidia-ctk = 1\n", ERR_CONFIG, ":1:14: 'nvidia-ctk' must be a table"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(machine_remove) struct machine m;
		CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
		struct err e = {0};

		machine_make(&m, rows[i].text);
		assert_int_equal(toolkit_config_read(&m.root, path, &c, NULL, &e), -rows[i].code);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("'%s' does not say '%s'", e.msg, rows[i].says);
	}
}

TEST(the_default_file_means_the_defaults)
{
	CLEANUP(machine_remove) struct machine m;
	CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
	CLEANUP(strs_fini) struct strs warnings = {0};
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};

	machine_make(&m, NULL);
	text = toolkit_config_default_text(&m.root);
	assert_non_null(strstr(text, "\n[nvidia-container-cli]\n#debug = "));
	assert_non_null(strstr(text, "\nenvironment = []\n"));
	assert_non_null(strstr(text, "\n[nvidia-container-runtime.modes.cdi]\n"));
	assert_non_null(strstr(text, "\nldconfig = \"@/sbin/ldconfig\"\n"));
	assert_null(strstr(text, "\n[features]\n[")); /* every table has a line */
	assert_int_equal(file_write(m.root.fd, path, text, strlen(text), 0644, 0, &e), 0);
	assert_int_equal(toolkit_config_read(&m.root, path, &c, &warnings, &e), 0);
	assert_int_equal(warnings.n, 0);
	assert_string_equal(c.runtime.runtimes[1], "crun");
	assert_null(c.cli.user);
}

TEST(the_machine_decides_about_ldconfig_and_group)
{
	static const char release[] = "ID_LIKE=\"suse opensuse\"\n";
	CLEANUP(machine_remove) struct machine m;
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};

	machine_make(&m, NULL);
	assert_int_equal(dir_make(m.root.fd, "sbin", 0755, &e), 0);
	assert_int_equal(file_write(m.root.fd, "sbin/ldconfig.real", "", 0, 0755, 0, &e), 0);
	assert_int_equal(
		file_write(m.root.fd, "etc/os-release", release, strlen(release), 0644, 0, &e), 0);
	text = toolkit_config_default_text(&m.root);
	assert_non_null(strstr(text, "\nldconfig = \"@/sbin/ldconfig.real\"\n"));
	assert_non_null(strstr(text, "\nuser = \"root:video\"\n"));
}

TEST(rules_change_single_keys)
{
	static const struct {
		const char *text;
		const char *rule;
		const char *expected; /* NULL: refused */
	} rows[] = {
		{"", "disable-require", "disable-require = true\n"},
		{"# c\ndisable-require = true # d\n", "disable-require=false",
		 "# c\ndisable-require = false # d\n"},
		{"", "nvidia-container-runtime.runtimes=/a:b",
		 "[nvidia-container-runtime]\nruntimes = [\"/a\", \"b\"]\n"},
		{"",
		 "nvidia-container-cli.environment=", "[nvidia-container-cli]\nenvironment = []\n"},
		{"", "nvidia-container-cli.root=a=b", "[nvidia-container-cli]\nroot = \"a=b\"\n"},
		{"[nvidia-container-runtime]\nmode = \"auto\"\n",
		 "nvidia-container-runtime.mode=cdi",
		 "[nvidia-container-runtime]\nmode = \"cdi\"\n"},
		{"", "features.allow-ldconfig-from-container",
		 "[features]\nallow-ldconfig-from-container = true\n"},
		{"", "nvidia-container-runtime.mode=x", NULL},
		{"", "nvidia-container-runtime.mode", NULL},
		{"", "disable-require=1", NULL},
		{"", "disable-requier", NULL},
		{"", "features", NULL},
		{"x = ", "disable-require", NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_fini) struct buf text = {0};
		struct err e = {0};
		int code;

		buf_str(&text, rows[i].text);
		code = toolkit_config_set(&text, rows[i].rule, &e);
		if (!rows[i].expected)
			assert_true(code == -ERR_CONFIG || code == -ERR_PARSE);
		else
			assert_int_equal(code, 0);
		assert_string_equal(text.data, rows[i].expected ? rows[i].expected : rows[i].text);
	}
}

TEST(the_environment_says_where_the_file_lies)
{
	static const struct {
		const char *path;
		const char *xdg;
		const char *expected;
	} rows[] = {
		{NULL, NULL, "/etc/nvidia-container-runtime/config.toml"},
		{NULL, "/x", "/x/nvidia-container-runtime/config.toml"},
		{"", "", "/etc/nvidia-container-runtime/config.toml"},
		{"/y.toml", "/x", "/y.toml"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *got = NULL;

		(void)unsetenv("NVIDIA_CTK_CONFIG_FILE_PATH");
		(void)unsetenv("XDG_CONFIG_HOME");
		if (rows[i].path)
			(void)setenv("NVIDIA_CTK_CONFIG_FILE_PATH", rows[i].path, 1);
		if (rows[i].xdg)
			(void)setenv("XDG_CONFIG_HOME", rows[i].xdg, 1);
		got = toolkit_config_path();
		assert_string_equal(got, rows[i].expected);
	}
}

RUN(IT(no_file_means_the_defaults), IT(what_is_written_holds_and_unknown_keys_are_named),
    IT(wrong_values_are_errors_with_their_place), IT(the_default_file_means_the_defaults),
    IT(the_machine_decides_about_ldconfig_and_group), IT(rules_change_single_keys),
    IT(the_environment_says_where_the_file_lies))
