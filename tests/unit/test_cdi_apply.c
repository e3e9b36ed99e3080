/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/apply.h"

#include "base/str.h"
#include "test.h"

/* A specification's common edits, in YAML's flow style. */
static void read_edits(const char *edits, struct cdi_spec *s)
{
	CLEANUP(freep)
	char *text = str_fmt("cdiVersion: 1.1.0\nkind: v.com/c\ndevices:\n"
			     "- {name: d, containerEdits: {env: [A=1]}}\n"
			     "containerEdits: {%s}\n",
			     edits);
	struct err e = {0};

	if (cdi_spec_parse(text, strlen(text), "s", s, &e) < 0)
		fail_msg("%s", e.msg);
}

static char *apply(const char *config, const char *edits, unsigned int flags)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	struct err e = {0};
	char *out = NULL;

	read_edits(edits, &s);
	if (cdi_apply(config, strlen(config), &s.edits, flags, &out, &e) < 0)
		fail_msg("%s", e.msg);
	return out;
}

#define CONFIG(rest) "{\"ociVersion\":\"1.0.2\",\"x\":[1.50,{}]" rest "}"

static const struct {
	const char *config;
	const char *edits;
	const char *expected;
} rows[] = {
	{CONFIG(""), "", CONFIG("")},
	/* Variables. */
	{CONFIG(",\"process\":{\"env\":[\"A=1\",\"B=2\"]}"), "env: [B=3, C=4]",
	 CONFIG(",\"process\":{\"env\":[\"A=1\",\"B=3\",\"C=4\"]}")},
	{CONFIG(",\"process\":{\"env\":[\"V=all\",\"A=1\",\"V=0\",\"VV=1\",\"V=1\"]}"),
	 "env: [V=void]", CONFIG(",\"process\":{\"env\":[\"V=void\",\"A=1\",\"VV=1\"]}")},
	{CONFIG(",\"process\":{}"), "env: [A=1, A=2]", CONFIG(",\"process\":{\"env\":[\"A=2\"]}")},
	/* Hooks go behind those of their stage. */
	{CONFIG(",\"hooks\":{\"poststop\":[{\"path\":\"/a\"}]}"),
	 "hooks: [{hookName: poststop, path: /b, args: [b, x], env: [E=1], timeout: 3}]",
	 CONFIG(",\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{\"path\": \"/b\", \"args\": [\"b\", "
		"\"x\"], \"env\": [\"E=1\"], \"timeout\": 3}]}")},
	/* Mounts: replaced, behind the rest, before what lies below. */
	{CONFIG(",\"mounts\":[{\"destination\":\"/a\"},{\"destination\":\"/b/\"}]"),
	 "mounts: [{hostPath: /h, containerPath: /b, type: bind, options: [ro]}]",
	 CONFIG(",\"mounts\":[{\"destination\":\"/a\"},{\"destination\": \"/b\", \"type\": "
		"\"bind\", "
		"\"source\": \"/h\", \"options\": [\"ro\"]}]")},
	{CONFIG(",\"mounts\":[{\"destination\":\"/b/c\"},{\"destination\":\"/bc\"}]"),
	 "mounts: [{hostPath: /h, containerPath: /b/c/d}, {hostPath: /h, containerPath: /b}]",
	 CONFIG(",\"mounts\":[{\"destination\": \"/b\", \"source\": \"/h\"},{\"destination\":\"/b/"
		"c\"},{\"destination\":\"/bc\"},{\"destination\": \"/b/c/d\", \"source\": "
		"\"/h\"}]")},
	{CONFIG(",\"mounts\":[{\"destination\":\"/b/c\"},{\"destination\":\"/\"}]"),
	 "mounts: [{hostPath: /h, containerPath: //x/../b/.}]",
	 CONFIG(",\"mounts\":[{\"destination\":\"/b/c\"},{\"destination\":\"/\"},{\"destination\": "
		"\"//x/../b/.\", \"source\": \"/h\"}]")},
	/* Nodes: the owner of the process, and a rule. */
	{CONFIG(",\"process\":{\"user\":{\"uid\":5,\"gid\":6}}"),
	 "deviceNodes: [{path: /dev/n, type: c, major: 195}]",
	 CONFIG(",\"process\":{\"user\":{\"uid\":5,\"gid\":6}},\"linux\":{\"devices\":[{\"path\": "
		"\"/dev/n\", \"type\": \"c\", \"major\": 195, \"minor\": 0, \"uid\": 5, \"gid\": "
		"6}],\"resources\":{\"devices\":[{\"allow\": true, \"type\": \"c\", \"major\": "
		"195, "
		"\"minor\": 0, \"access\": \"rwm\"}]}}")},
	{CONFIG(",\"linux\":{\"devices\":[{\"path\":\"/dev/n\"},{\"path\":\"/dev/o\"}]}"),
	 "deviceNodes: [{path: /dev/n, type: b, major: 1, minor: 2, fileMode: 0644, uid: 0, "
	 "permissions: none}, {path: /dev/p, type: p}]",
	 CONFIG(",\"linux\":{\"devices\":[{\"path\": \"/dev/n\", \"type\": \"b\", \"major\": 1, "
		"\"minor\": 2, \"fileMode\": 420, \"uid\": "
		"0},{\"path\":\"/dev/o\"},{\"path\": \"/dev/p\", \"type\": \"p\"}]}")},
	{CONFIG(",\"linux\":{\"devices\":[],\"resources\":{\"devices\":[{\"allow\":true,\"type\":"
		"\"c\","
		"\"major\":1,\"minor\":3,\"access\":\"r\"},{\"allow\":false},{\"allow\":true,"
		"\"type\":"
		"\"c\",\"major\":1,\"minor\":5,\"access\":\"r\"}]}}"),
	 "deviceNodes: [{path: /a, type: c, major: 1, minor: 3, permissions: r}, {path: /b, type: "
	 "u, "
	 "major: 1, minor: 5, permissions: r}]",
	 CONFIG(",\"linux\":{\"devices\":[{\"path\": \"/a\", \"type\": \"c\", \"major\": 1, "
		"\"minor\": "
		"3},{\"path\": \"/b\", \"type\": \"u\", \"major\": 1, \"minor\": "
		"5}],\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\","
		"\"major\":1,\"minor\":3,\"access\":\"r\"},{\"allow\":false},{\"allow\":true,"
		"\"type\":"
		"\"c\",\"major\":1,\"minor\":5,\"access\":\"r\"},{\"allow\": true, \"type\": "
		"\"c\", "
		"\"major\": 1, \"minor\": 3, \"access\": \"r\"}]}}")},
	/* Groups, interfaces, cache. */
	{CONFIG(",\"process\":{\"user\":{\"additionalGids\":[7]}}"), "additionalGids: [0, 7, 9]",
	 CONFIG(",\"process\":{\"user\":{\"additionalGids\":[7,9]}}")},
	{CONFIG(",\"linux\":{\"netDevices\":{\"e\":{}}}"),
	 "netDevices: [{hostInterfaceName: e, name: eth0}, {hostInterfaceName: f, name: eth1}]",
	 CONFIG(",\"linux\":{\"netDevices\":{\"e\":{\"name\": \"eth0\"},\"f\":{\"name\": "
		"\"eth1\"}}}")},
	{CONFIG(",\"linux\":{\"intelRdt\":{\"closID\":\"old\",\"enableMBM\":true}}"),
	 "intelRdt: {closID: new, schemata: [a], enableMonitoring: true}",
	 CONFIG(",\"linux\":{\"intelRdt\":{\"closID\": \"new\", \"schemata\": [\"a\"], "
		"\"enableMonitoring\": true}}")},
};

TEST(each_kind_of_edit_changes_its_place_alone)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *out = apply(rows[i].config, rows[i].edits, 0);

		if (!str_eq(out, rows[i].expected))
			fail_msg("row %zu:\n%s\nis not\n%s", i, out, rows[i].expected);
	}
}

TEST(lines_and_spaces_of_the_rest_stay)
{
	static const char config[] = "{\n\t\"ociVersion\": \"1.0.2\",\n\t\"odd\" :  1e3,\n"
				     "\t\"mounts\": [\n\t\t{ \"destination\": \"/a\" },\n"
				     "\t\t{\n\t\t\t\"destination\": \"/b\"\n\t\t}\n\t]\n}\n";
	CLEANUP(freep)
	char *out = apply(config, "mounts: [{hostPath: /h, containerPath: /c}], env: [A=1]", 0);

	assert_string_equal(out,
			    "{\n\t\"ociVersion\": \"1.0.2\",\n\t\"odd\" :  1e3,\n"
			    "\t\"mounts\": [\n\t\t{ \"destination\": \"/a\" },\n"
			    "\t\t{\n\t\t\t\"destination\": \"/b\"\n\t\t},\n"
			    "\t\t{\n\t\t\t\"destination\": \"/c\",\n"
			    "\t\t\t\"source\": \"/h\"\n\t\t}\n\t],\n"
			    "\t\"process\": {\n\t\t\"env\": [\n\t\t\t\"A=1\"\n\t\t]\n\t}\n}\n");
}

TEST(hooks_are_left_to_the_caller_and_nvidias_own_dropped)
{
	static const char config[] = CONFIG(",\"hooks\":{\"prestart\":["
					    "{\"path\":\"/usr/bin/nvidia-container-runtime-hook\"},"
					    "{\"path\":\"/usr/bin/other\"},"
					    "{\"path\":\"nvidia-container-toolkit\"}]}");
	CLEANUP(freep)
	char *out = apply(config, "hooks: [{hookName: poststop, path: /b}]",
			  APPLY_NO_HOOKS | APPLY_DROP_NVIDIA);

	assert_string_equal(out,
			    CONFIG(",\"hooks\":{\"prestart\":[{\"path\":\"/usr/bin/other\"}]}"));
}

TEST(a_node_takes_type_and_numbers_of_the_hosts)
{
	CLEANUP(freep)
	char *out = apply(CONFIG(""), "deviceNodes: [{path: /dev/mine, hostPath: /dev/null}]", 0);

	assert_non_null(strstr(out, "{\"path\": \"/dev/mine\", \"type\": \"c\", \"major\": 1, "
				    "\"minor\": 3}"));
}

static void check_refused(const char *config, const char *edits, enum err_code code,
			  const char *what)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	struct err e = {0};
	char *out = NULL;

	read_edits(edits, &s);
	assert_int_equal(cdi_apply(config, strlen(config), &s.edits, 0, &out, &e), -(int)code);
	assert_null(out);
	if (!strstr(e.msg, what))
		fail_msg("'%s' is not '%s'", e.msg, what);
}

TEST(what_cannot_be_applied_is_refused)
{
	check_refused("", "env: [A=1]", ERR_PARSE, "ociVersion");
	check_refused("[]", "env: [A=1]", ERR_PARSE, "ociVersion");
	check_refused("{\"ociVersion\":", "env: [A=1]", ERR_PARSE, "config.json:1:");
	check_refused("{\"ociVersion\":1}", "env: [A=1]", ERR_PARSE, "ociVersion");
	check_refused(CONFIG(",\"process\":[]"), "env: [A=1]", ERR_CONFIG, "process");
	check_refused(CONFIG(",\"mounts\":{}"), "mounts: [{hostPath: /h, containerPath: /c}]",
		      ERR_CONFIG, "mounts");
	check_refused(CONFIG(""), "deviceNodes: [{path: /dev/none-such}]", ERR_ABSENT,
		      "/dev/none-such");
	check_refused(CONFIG(""), "deviceNodes: [{path: /etc}]", ERR_CONFIG, "not a device node");
	check_refused(CONFIG(""), "deviceNodes: [{path: /dev/null, type: b}]", ERR_CONFIG,
		      "of the type 'c'");
}

TEST(a_configuration_with_endless_lists_is_refused)
{
	CLEANUP(buf_fini) struct buf b = {0};

	buf_str(&b, "{\"ociVersion\":\"1\",\"mounts\":[{}");
	for (int i = 0; i < 8192; i++)
		buf_str(&b, ",{}");
	buf_str(&b, "]}");
	check_refused(b.data, "mounts: [{hostPath: /h, containerPath: /c}]", ERR_PARSE,
		      "more than 8192");
}

RUN(IT(each_kind_of_edit_changes_its_place_alone), IT(lines_and_spaces_of_the_rest_stay),
    IT(hooks_are_left_to_the_caller_and_nvidias_own_dropped),
    IT(a_node_takes_type_and_numbers_of_the_hosts), IT(what_cannot_be_applied_is_refused),
    IT(a_configuration_with_endless_lists_is_refused))
