/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/wait.h>

#include "base/json.h"
#include "base/proc.h"
#include "setup/script.h"
#include "setup_box.h"

struct case_box {
	struct box b;
	struct plan p;
};

static void case_make(struct case_box *c)
{
	box_make(&c->b);
	c->p = (struct plan){0};
}

static void case_remove(struct case_box *c)
{
	plan_fini(&c->p);
	box_remove(&c->b);
}

static struct op *put(struct case_box *c, const char *step, const struct op *o)
{
	struct op *ret = plan_add(&c->p, o);

	ret->step = step;
	return ret;
}

static void expect_text(struct case_box *c, const char *text)
{
	CLEANUP(buf_fini) struct buf b = {0};

	plan_text(&c->p, &c->b.x, &b);
	assert_string_equal(b.data, text);
}

TEST(a_plan_is_shown_by_step_with_what_changes_in_files)
{
	CLEANUP(case_remove) struct case_box c;

	case_make(&c);
	box_put(&c.b, "/etc/same", "as it is\n", 0644);
	box_put(&c.b, "/etc/x", "a\nb\nc\n", 0644);
	put(&c, "docker",
	    &(struct op){.kind = &op_write_file,
			 .path = "/etc/new",
			 .text = "one\ntwo\n",
			 .why = "Docker's packages come from there."});
	put(&c, "docker",
	    &(struct op){.kind = &op_write_file,
			 .path = "/etc/same",
			 .text = "as it is\n",
			 .why = "not shown"});
	put(&c, "dlenv",
	    &(struct op){.kind = &op_write_file,
			 .path = "/etc/x",
			 .text = "a\nB\nc\n",
			 .flags = OP_OPTIONAL});
	put(&c, "dlenv",
	    &(struct op){.kind = &op_write_file,
			 .path = "/etc/secret",
			 .text = "password\n",
			 .flags = OP_PRIVATE});
	plan_note(&c.p, "a new login is needed for the group %s", "docker");
	expect_text(&c, "Install Docker\n"
			"    1  write /etc/new\n"
			"       Docker's packages come from there.\n"
			"         +one\n"
			"         +two\n"
			"    =  write /etc/same\n"
			"\n"
			"Let users run dlenv's own environments\n"
			"    2  change /etc/x\n"
			"       (if this fails, setup goes on without it)\n"
			"         @@ -1,3 +1,3 @@\n"
			"          a\n"
			"         -b\n"
			"         +B\n"
			"          c\n"
			"    3  write /etc/secret\n"
			"       (the text is private, and not shown)\n"
			"\n"
			"Operations: 3; done already (=): 1.\n"
			"\n"
			"Good to know:\n"
			"  * a new login is needed for the group docker\n");
}

TEST(choices_are_lines_of_their_own)
{
	CLEANUP(case_remove) struct case_box c;

	case_make(&c);
	put(&c, "driver",
	    &(struct op){.kind = &op_install,
			 ONE_OF(&c.p, WORDS(&c.p, "a", "b"), WORDS(&c.p, "c"), WORDS(&c.p, "d"),
				WORDS(&c.p, "e"), WORDS(&c.p, "f"), WORDS(&c.p, "g"))});
	put(&c, "driver",
	    &(struct op){.kind = &op_install, ONE_OF(&c.p, WORDS(&c.p, "a"), WORDS(&c.p, "b"))});
	expect_text(&c, "Install NVIDIA's driver\n"
			"    1  install a, b, or the next best that is to be had\n"
			"         c\n"
			"         d\n"
			"         e\n"
			"         ... and 2 further sets (--json has them all)\n"
			"    2  install a, or the next best that is to be had\n"
			"         b\n"
			"\n"
			"Operations: 2.\n");
}

TEST(an_empty_plan_and_a_finished_one_say_so)
{
	CLEANUP(case_remove) struct case_box c;

	case_make(&c);
	expect_text(&c, "There is nothing to do.\n");
	box_put(&c.b, "/etc/same", "as it is\n", 0644);
	put(&c, "docker",
	    &(struct op){.kind = &op_write_file, .path = "/etc/same", .text = "as it is\n"});
	expect_text(&c, "Install Docker\n"
			"    =  write /etc/same\n"
			"\n"
			"Nothing is to be done: this machine is as it should be.\n");
}

TEST(lists_are_read_anew_after_sources_that_change)
{
	CLEANUP(case_remove) struct case_box c;
	const int *states;

	case_make(&c);
	box_put(&c.b, "/etc/apt/sources.list", "deb x\n", 0644);
	box_put(&c.b, "/var/lib/apt/lists/x_InRelease", "", 0644);
	c.b.x.live = true;
	c.b.x.pkg = pkg_manager("apt");
	put(&c, "docker", &(struct op){.kind = &op_refresh});
	put(&c, "docker", &(struct op){.kind = &op_move_aside, .path = "/etc/none"});
	put(&c, "docker", &(struct op){.kind = &op_refresh});
	put(&c, "docker", &(struct op){.kind = &op_write_file, .path = "/etc/y", .text = ""});
	put(&c, "docker", &(struct op){.kind = &op_refresh});
	put(&c, "docker", &(struct op){.kind = &op_refresh});
	states = plan_states(&c.p, &c.b.x);
	assert_int_equal(states[1], 1);
	assert_int_equal(states[2], states[0]);
	assert_int_equal(states[3], 0);
	assert_int_equal(states[4], 0);
	assert_int_equal(states[5], states[0]);
}

TEST(without_systemd_units_are_left_to_people)
{
	CLEANUP(case_remove) struct case_box c;

	case_make(&c);
	c.b.x.live = true;
	box_put(&c.b, "/etc/same", "as it is\n", 0644);
	put(&c, "docker",
	    &(struct op){.kind = &op_write_file, .path = "/etc/same", .text = "as it is\n"});
	put(&c, "docker", &(struct op){.kind = &op_restart_unit, .name = "docker.service"});
	expect_text(&c, "Install Docker\n"
			"    =  write /etc/same\n"
			"    =  restart docker.service\n"
			"\n"
			"Nothing is to be done: this machine is as it should be.\n");
	c.p.states = NULL;
	put(&c, "docker", &(struct op){.kind = &op_write_file, .path = "/etc/new", .text = "x\n"});
	put(&c, "docker",
	    &(struct op){.kind = &op_enable_unit,
			 .name = "docker.service",
			 .user = "alice",
			 .flags = OP_NOW});
	put(&c, "docker", &(struct op){.kind = &op_restart_unit, .name = "docker.service"});
	expect_text(&c, "Install Docker\n"
			"    =  write /etc/same\n"
			"    =  restart docker.service\n"
			"    1  write /etc/new\n"
			"         +x\n"
			"    -  enable and start docker.service of alice\n"
			"    -  restart docker.service\n"
			"\n"
			"Operations: 1; done already (=): 2.\n"
			"Left to you (-), as systemd does not run here: 2.\n");
}

TEST(programs_get_the_same_plan)
{
	CLEANUP(case_remove) struct case_box c;
	CLEANUP(json_unrefp) json_t *j = NULL;
	CLEANUP(freep) char *text = NULL;

	case_make(&c);
	put(&c, "docker",
	    &(struct op){
		    .kind = &op_write_file, .path = "/etc/new", .text = "one\n", .mode = 0600});
	put(&c, "docker",
	    &(struct op){.kind = &op_write_file,
			 .path = "/etc/secret",
			 .text = "password\n",
			 .flags = OP_PRIVATE});
	plan_note(&c.p, "note");
	j = plan_json(&c.p, &c.b.x);
	text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT);
	assert_string_equal(
		text, "{\"left\":0,\"notes\":[\"note\"],\"operations\":["
		      "{\"diff\":\"--- /dev/null\\n+++ /etc/new\\n@@ -0,0 +1,1 @@\\n+one\\n\","
		      "\"kind\":\"write-file\",\"mode\":\"0600\",\"path\":\"/etc/"
		      "new\",\"state\":\"todo\","
		      "\"step\":\"docker\",\"summary\":\"write /etc/new\",\"text\":\"one\\n\"},"
		      "{\"flags\":[\"private\"],\"kind\":\"write-file\",\"path\":\"/etc/secret\","
		      "\"state\":\"todo\",\"step\":\"docker\",\"summary\":\"write /etc/secret\"}],"
		      "\"steps\":[{\"id\":\"docker\",\"summary\":\"install Docker\"}],\"todo\":2}");
}

TEST(words_are_quoted_where_shell_would_read_them_otherwise)
{
	static const struct {
		const char *word;
		const char *shell;
	} rows[] = {
		{"plain-1.2_x/y:z@a+b=c,d%e", "plain-1.2_x/y:z@a+b=c,d%e"},
		{"", "''"},
		{"two words", "'two words'"},
		{"it's", "'it'\\''s'"},
		{"$HOME", "'$HOME'"},
		{"a;b", "'a;b'"},
		{"`x`", "'`x`'"},
		{"~root", "'~root'"},
		{"*", "'*'"},
		{"a\nb", "'a\nb'"},
		{"größer", "'größer'"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct script s = {0};

		buf_shell(&s.text, rows[i].word);
		assert_string_equal(s.text.data, rows[i].shell);
		buf_fini(&s.text);
	}
}

static void make_script(struct case_box *c, struct buf *ret)
{
	struct err e = {0};

	if (plan_script(&c->p, &c->b.x, ret, &e) < 0)
		fail_msg("%s", e.msg);
}

TEST(a_script_has_what_it_uses_and_no_more)
{
	CLEANUP(case_remove) struct case_box c;
	CLEANUP(buf_fini) struct buf b = {0};

	case_make(&c);
	c.b.x.pkg = pkg_manager("apt");
	put(&c, "docker",
	    &(struct op){.kind = &op_remove, .words = WORDS(&c.p, "docker.io", "runc")});
	put(&c, "docker",
	    &(struct op){.kind = &op_install,
			 ONE_OF(&c.p, WORDS(&c.p, "a=1.2", "b"), WORDS(&c.p, "a")),
			 .why = "two\nlines"});
	make_script(&c, &b);
	assert_non_null(strstr(b.data, "\nis_installed() {\n"));
	assert_non_null(strstr(b.data, "\nhas_package() {\n"));
	assert_non_null(strstr(b.data, "\nfail() {\n"));
	assert_null(strstr(b.data, "\nadd_key() {\n"));
	assert_null(strstr(b.data, "\nfetch() {\n"));
	assert_null(strstr(b.data, "rpm -q"));
	assert_null(strstr(b.data, "@INSTALL@"));
	assert_null(strstr(b.data, "@REMOVE@"));
	assert_non_null(strstr(b.data, "\n# two lines\ninstall_first \\\n\ta=1.2 b -- \\\n\ta\n"));
	assert_non_null(strstr(b.data, "\nremove_installed docker.io runc\n"));
	assert_non_null(strstr(b.data, "export DEBIAN_FRONTEND=noninteractive\n"));
}

TEST(a_key_that_is_not_pinned_is_asked_for)
{
	CLEANUP(case_remove) struct case_box c;
	CLEANUP(buf_fini) struct buf b = {0};

	case_make(&c);
	put(&c, "docker",
	    &(struct op){.kind = &op_add_key,
			 .name = "docker-deb",
			 .url = "https://download.docker.com/linux/debian/gpg",
			 .path = "/etc/apt/keyrings/docker.asc",
			 .flags = OP_ARMOR});
	put(&c, "docker",
	    &(struct op){.kind = &op_add_key,
			 .name = "cuda-ubuntu2604",
			 .url = "https://host/key?a=1&b",
			 .path = "/x.gpg"});
	make_script(&c, &b);
	assert_non_null(strstr(b.data, "add_key https://download.docker.com/linux/debian/gpg "
				       "/etc/apt/keyrings/docker.asc as_text "
				       "9DC858229FC7DD38854AE2D88D81803C0EBFCD88\n"));
	assert_non_null(strstr(b.data,
			       "add_key 'https://host/key?a=1&b' /x.gpg as_bytes "
			       "\"${KEY_cuda_ubuntu2604:?the fingerprint that you trust}\"\n"));
}

/* The text of a file as the script's own function writes it, run by a real shell. */
static void expect_written(const char *text)
{
	CLEANUP(case_remove) struct case_box c;
	CLEANUP(buf_fini) struct buf b = {0};
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *script = NULL;
	CLEANUP(freep) char *out = NULL;
	char *root_check;
	struct err e = {0};

	case_make(&c);
	path = str_fmt("%s/root/a folder/x", c.b.folder);
	script = str_fmt("%s/script", c.b.folder);
	put(&c, "docker", &(struct op){.kind = &op_write_file, .path = path, .text = text});
	make_script(&c, &b);
	/* An ordinary user may run this test. */
	root_check = strstr(b.data, "[ \"$(id -u)\" = 0 ]");
	assert_non_null(root_check);
	*root_check = '#';
	assert_int_equal(file_write(AT_FDCWD, script, b.data, b.len, 0600, 0, &e), 0);
	if (proc_capture((const char *const[]){"sh", script, NULL}, &out, &e) < 0)
		fail_msg("%s", e.msg);
	box_expect(&c.b, "/a folder/x", text);
}

TEST(files_are_written_by_the_script_as_they_are)
{
	expect_written("one\ntwo\n");
	expect_written("");
	expect_written("no newline at the end");
	expect_written("END\n$HOME `id` \\ 'quoted' \"too\"\nEND2\n");
	expect_written("it's\nwithout a newline");
}

RUN(IT(a_plan_is_shown_by_step_with_what_changes_in_files), IT(choices_are_lines_of_their_own),
    IT(an_empty_plan_and_a_finished_one_say_so), IT(lists_are_read_anew_after_sources_that_change),
    IT(without_systemd_units_are_left_to_people), IT(programs_get_the_same_plan),
    IT(words_are_quoted_where_shell_would_read_them_otherwise),
    IT(a_script_has_what_it_uses_and_no_more), IT(a_key_that_is_not_pinned_is_asked_for),
    IT(files_are_written_by_the_script_as_they_are))
