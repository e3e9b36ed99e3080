/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/registry.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cdi/transform.h"
#include "test.h"

/* A machine with folders for specifications, made anew for each test. */
struct place {
	char top[64];
	struct root r;
};

static void put(const struct place *p, const char *name, const char *text)
{
	struct err e;

	assert_int_equal(file_write(p->r.fd, name, text, strlen(text), 0644, 0, &e), 0);
}

static void place_init(struct place *p)
{
	struct err e;

	strcpy(p->top, "/tmp/test_cdi.XXXXXX");
	assert_non_null(mkdtemp(p->top));
	assert_int_equal(root_open(&p->r, p->top, &e), 0);
	assert_int_equal(dir_make(p->r.fd, "etc/cdi", 0755, &e), 0);
	assert_int_equal(dir_make(p->r.fd, "run/cdi", 0755, &e), 0);
	assert_int_equal(dir_make(p->r.fd, "var", 0755, &e), 0);
	assert_int_equal(symlinkat("/run", p->r.fd, "var/run"), 0);
}

static void place_fini(struct place *p)
{
	struct err e;

	root_close(&p->r);
	assert_int_equal(tree_remove(AT_FDCWD, p->top, &e), 0);
}

#define SPEC(devices)                                                                              \
	"{\"cdiVersion\": \"0.5.0\", \"kind\": \"v.com/c\", \"devices\": [" devices "], "          \
	"\"containerEdits\": {\"env\": [\"COMMON=1\"]}}"
#define DEVICE(name, value)                                                                        \
	"{\"name\": \"" name "\", \"containerEdits\": {\"env\": [\"" value "=1\"]}}"

static void read_dirs(const struct place *p, const char *const *dirs, struct cdi_registry *g)
{
	struct err e = {0};

	if (cdi_registry_read(&p->r, dirs, g, &e) < 0)
		fail_msg("%s", e.msg);
}

/* All names and conflicts on one line. */
static char *names_of(const struct cdi_registry *g)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(strs_fini) struct strs conflicts = {0};
	struct buf b = {0};

	cdi_registry_names(g, &names, &conflicts);
	buf_str(&b, "");
	for (size_t i = 0; i < names.n; i++)
		buf_fmt(&b, "%s%s", i ? " " : "", names.v[i]);
	for (size_t i = 0; i < conflicts.n; i++)
		buf_fmt(&b, " !%s", conflicts.v[i]);
	return b.data;
}

TEST(a_later_folder_wins_and_is_read_once)
{
	static const char *const dirs[] = {"/etc/cdi", "/run/cdi", "/var/run/cdi", "/none", NULL};
	static const char *const wanted[] = {"v.com/c=a", "v.com/c=b", NULL};
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(freep) char *names = NULL;
	struct cdi_edits edits = {0};
	struct place p = {0};
	struct err e = {0};

	place_init(&p);
	put(&p, "etc/cdi/x.json", SPEC(DEVICE("a", "OLD") ", " DEVICE("b", "B")));
	put(&p, "run/cdi/y.yaml", SPEC(DEVICE("a", "NEW")));
	put(&p, "run/cdi/z.txt", "no specification");
	assert_int_equal(mkdirat(p.r.fd, "run/cdi/folder.json", 0755), 0);
	read_dirs(&p, dirs, &g);
	assert_int_equal(g.files_n, 2);
	names = names_of(&g);
	assert_string_equal(names, "v.com/c=a v.com/c=b");
	assert_int_equal(cdi_registry_edits(&g, wanted, &a, &edits, &e), 0);
	assert_int_equal(edits.env.n, 3);
	assert_string_equal(edits.env.v[0], "COMMON=1");
	assert_string_equal(edits.env.v[1], "NEW=1");
	assert_string_equal(edits.env.v[2], "B=1");
	place_fini(&p);
}

TEST(two_files_of_one_folder_are_a_conflict)
{
	static const char *const dirs[] = {"/etc/cdi", "/run/cdi", NULL};
	static const char *const wanted[] = {"v.com/c=a", NULL};
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(freep) char *names = NULL;
	struct cdi_edits edits = {0};
	struct place p = {0};
	struct err e = {0};

	place_init(&p);
	put(&p, "etc/cdi/0.json", SPEC(DEVICE("a", "LOW")));
	put(&p, "run/cdi/x.json", SPEC(DEVICE("a", "A")));
	put(&p, "run/cdi/y.json", SPEC(DEVICE("a", "A") ", " DEVICE("b", "B")));
	read_dirs(&p, dirs, &g);
	names = names_of(&g);
	assert_string_equal(names, "v.com/c=b !CDI device 'v.com/c=a' is in '/run/cdi/x.json' and "
				   "in '/run/cdi/y.json'");
	assert_int_equal(cdi_registry_edits(&g, wanted, &a, &edits, &e), -ERR_ABSENT);
	assert_non_null(strstr(e.msg, "/run/cdi/x.json"));
	assert_non_null(strstr(e.msg, "/run/cdi/y.json"));
	place_fini(&p);
}

TEST(a_conflict_below_a_file_that_wins_is_none)
{
	static const char *const dirs[] = {"/etc/cdi", "/run/cdi", NULL};
	static const char *const wanted[] = {"v.com/c=a", NULL};
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(freep) char *names = NULL;
	struct cdi_edits edits = {0};
	struct place p = {0};
	struct err e = {0};

	place_init(&p);
	put(&p, "etc/cdi/x.json", SPEC(DEVICE("a", "A")));
	put(&p, "etc/cdi/y.json", SPEC(DEVICE("a", "A")));
	put(&p, "run/cdi/z.json", SPEC(DEVICE("a", "TOP")));
	read_dirs(&p, dirs, &g);
	names = names_of(&g);
	assert_string_equal(names, "v.com/c=a");
	assert_int_equal(cdi_registry_edits(&g, wanted, &a, &edits, &e), 0);
	assert_string_equal(edits.env.v[1], "TOP=1");
	place_fini(&p);
}

/* What is said about names that no file has. */
static void check_missing(const struct place *p, const char *const *wanted, const char *msg,
			  const char *hint)
{
	static const char *const dirs[] = {"/etc/cdi", NULL};
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	struct cdi_edits edits = {0};
	struct err e = {0};

	read_dirs(p, dirs, &g);
	assert_int_equal(cdi_registry_edits(&g, wanted, &a, &edits, &e), -ERR_ABSENT);
	if (!strstr(e.msg, msg) || !strstr(e.hint, hint))
		fail_msg("'%s' (%s) is not '%s' (%s)", e.msg, e.hint, msg, hint);
}

#define WANTED(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(what_is_missing_is_named_with_what_there_is)
{
	struct place p = {0};

	place_init(&p);
	check_missing(&p, WANTED("v.com/c=7"), "no CDI device 'v.com/c=7'", "dlenv cdi refresh");
	put(&p, "etc/cdi/x.json", SPEC(DEVICE("a", "A") ", " DEVICE("b", "B")));
	check_missing(&p, WANTED("v.com/c=a", "v.com/c=7", "v.com/c=8"),
		      "no CDI devices 'v.com/c=7', 'v.com/c=8'", "devices of this kind: a, b");
	check_missing(&p, WANTED("v.com/d=a"), "'v.com/d=a'", "did you mean 'v.com/c=a'?");
	check_missing(&p, WANTED("entirely.different/thing=x"), "'entirely", "dlenv cdi list");
	put(&p, "etc/cdi/y.json",
	    "{\"cdiVersion\": \"0.5.0\", \"kind\": \"v.com/long\", \"devices\": [" DEVICE(
		    "0",
		    "A") ", " DEVICE("1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
				     "A") ", " DEVICE("2-"
						      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
						      "aaaaaaaaa",
						      "A") ", " DEVICE("3-"
								       "aaaaaaaaaaaaaaaaaaaaaaaaaaa"
								       "aaaaaaaaaaaaaaaaaaaaaaaaaa",
								       "A") "]}");
	check_missing(&p, WANTED("v.com/long=9"), "'v.com/long=9'",
		      "devices of this kind: 0, 1-aaa");
	check_missing(&p, WANTED("v.com/long=9"), "'v.com/long=9'", "aaa, ...");
	put(&p, "etc/cdi/new.yaml", "cdiVersion: 9.0.0\n");
	check_missing(&p, WANTED("v.com/c=7"), "/etc/cdi/new.yaml:1:13: CDI version 9.0.0 is newer",
		      "update dlenv");
	place_fini(&p);
}

TEST(files_that_are_no_specifications_are_kept_with_their_errors)
{
	static const char *const dirs[] = {"/etc/cdi", NULL};
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(freep) char *names = NULL;
	struct place p = {0};

	place_init(&p);
	put(&p, "etc/cdi/a.json", "{");
	put(&p, "etc/cdi/b.yaml", "");
	assert_int_equal(mkfifoat(p.r.fd, "etc/cdi/c.json", 0600), 0);
	assert_int_equal(symlinkat("../../../../../etc/shadow", p.r.fd, "etc/cdi/d.json"), 0);
	assert_int_equal(symlinkat("d.json", p.r.fd, "etc/cdi/e.json"), 0);
	put(&p, "etc/cdi/f.json", SPEC(DEVICE("a", "A")));
	read_dirs(&p, dirs, &g);
	assert_int_equal(g.files_n, 6);
	for (size_t i = 0; i < 5; i++)
		assert_int_not_equal(g.files[i].err.code, 0);
	assert_int_equal(g.files[5].err.code, 0);
	/* The link stays inside the root, where there is no such file. */
	assert_int_equal(g.files[3].err.code, ERR_ABSENT);
	names = names_of(&g);
	assert_string_equal(names, "v.com/c=a");
	place_fini(&p);
}

static const char to_move[] =
	"cdiVersion: 0.5.0\nkind: v.com/c\ndevices:\n- name: a\n  containerEdits:\n"
	"    deviceNodes:\n    - path: /dev/x\n    - {path: /dev/y, hostPath: /old/dev/y}\n"
	"containerEdits:\n  mounts:\n"
	"  - {hostPath: /old/lib/l.so, containerPath: /lib/l.so}\n"
	"  - {hostPath: /older/l.so, containerPath: /old}\n"
	"  hooks:\n"
	"  - {hookName: createContainer, path: /old/hook, args: [/old/a, /x::/old/b, --n]}\n"
	"  - {hookName: startContainer, path: /old/hook, args: [/old/a]}\n"
	"  - {hookName: poststop, path: /old/hook, args: [/old/a, /old/b::/old/c]}\n";

static void transform(struct cdi_spec *s, const char *from, const char *to, enum cdi_relative r)
{
	struct err e = {0};

	if (cdi_spec_parse(to_move, strlen(to_move), "s", s, &e) < 0)
		fail_msg("%s", e.msg);
	cdi_transform_root(s, from, to, r);
}

TEST(a_root_is_replaced_on_the_hosts_side)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	const struct cdi_edits *e = &s.edits;

	transform(&s, "/old/", "/new", CDI_HOST);
	assert_null(s.devices[0].edits.nodes[0].host_path);
	assert_string_equal(s.devices[0].edits.nodes[1].host_path, "/new/dev/y");
	assert_string_equal(e->mounts[0].host_path, "/new/lib/l.so");
	assert_string_equal(e->mounts[0].container_path, "/lib/l.so");
	assert_string_equal(e->mounts[1].host_path, "/older/l.so");
	assert_string_equal(e->mounts[1].container_path, "/old");
	assert_string_equal(e->hooks[0].path, "/new/hook");
	assert_string_equal(e->hooks[0].args.v[0], "/old/a");
	assert_string_equal(e->hooks[1].path, "/old/hook");
	assert_string_equal(e->hooks[2].path, "/new/hook");
	assert_string_equal(e->hooks[2].args.v[0], "/new/a");
	assert_string_equal(e->hooks[2].args.v[1], "/new/b::/new/c");
}

TEST(a_root_is_replaced_on_the_containers_side)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	const struct cdi_edits *e = &s.edits;

	transform(&s, "/old", "/", CDI_CONTAINER);
	assert_string_equal(s.devices[0].edits.nodes[1].host_path, "/old/dev/y");
	assert_string_equal(e->mounts[0].host_path, "/old/lib/l.so");
	assert_string_equal(e->mounts[1].container_path, "/");
	assert_string_equal(e->hooks[0].path, "/old/hook");
	assert_string_equal(e->hooks[0].args.v[0], "/a");
	assert_string_equal(e->hooks[0].args.v[1], "/x::/b");
	assert_string_equal(e->hooks[0].args.v[2], "--n");
	assert_string_equal(e->hooks[1].path, "/hook");
	assert_string_equal(e->hooks[2].args.v[0], "/old/a");
}

TEST(the_hosts_root_may_be_the_root_itself)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};

	transform(&s, "/", "/driver", CDI_HOST);
	assert_string_equal(s.devices[0].edits.nodes[0].host_path, "/driver/dev/x");
	assert_string_equal(s.edits.mounts[0].host_path, "/driver/old/lib/l.so");
}

RUN(IT(a_later_folder_wins_and_is_read_once), IT(two_files_of_one_folder_are_a_conflict),
    IT(a_conflict_below_a_file_that_wins_is_none), IT(what_is_missing_is_named_with_what_there_is),
    IT(files_that_are_no_specifications_are_kept_with_their_errors),
    IT(a_root_is_replaced_on_the_hosts_side), IT(a_root_is_replaced_on_the_containers_side),
    IT(the_hosts_root_may_be_the_root_itself))
