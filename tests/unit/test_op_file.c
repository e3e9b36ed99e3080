/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/json.h"
#include "setup_box.h"

#define PATH "/etc/apt/sources.list.d/x.sources"

static const struct op write_x = {
	.kind = &op_write_file, .path = PATH, .text = "new\n", .mode = 0644};

static json_t *before(struct box *b, const struct op *o)
{
	json_t *ret = NULL;
	struct err e = {0};

	if (o->kind->before(o, &b->x, &ret, &e) < 0)
		fail_msg("%s", e.msg);
	return ret;
}

static void apply(struct box *b, const struct op *o)
{
	struct err e = {0};

	if (o->kind->apply(o, &b->x, &e) < 0)
		fail_msg("%s", e.msg);
}

static void undo(struct box *b, const struct op *o, const json_t *was)
{
	struct err e = {0};

	if (o->kind->undo(o, &b->x, was, NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

static mode_t mode_at(const struct box *b, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(b->root.fd, below(path), &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

TEST(a_new_file_is_written_and_taken_back_with_its_folders)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;

	box_make(&b);
	box_put(&b, "/etc/passwd", "root\n", 0644);
	assert_int_equal(write_x.kind->done(&write_x, &b.x), 0);
	was = before(&b, &write_x);
	box_expect(&b, PATH, NULL);
	apply(&b, &write_x);
	box_expect(&b, PATH, "new\n");
	assert_int_equal(write_x.kind->done(&write_x, &b.x), 1);
	undo(&b, &write_x, was);
	assert_false(root_has(&b.root, "/etc/apt"));
	assert_true(root_has(&b.root, "/etc/passwd"));
	assert_int_equal(b.x.notes.n, 0);
}

TEST(folders_that_others_use_meanwhile_stay)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;

	box_make(&b);
	was = before(&b, &write_x);
	apply(&b, &write_x);
	box_put(&b, "/etc/apt/sources.list", "", 0644);
	undo(&b, &write_x, was);
	assert_false(root_has(&b.root, "/etc/apt/sources.list.d"));
	assert_true(root_has(&b.root, "/etc/apt/sources.list"));
}

TEST(a_file_comes_back_byte_for_byte_with_its_mode)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;

	box_make(&b);
	box_put(&b, PATH, "old, without a newline", 0640);
	was = before(&b, &write_x);
	apply(&b, &write_x);
	box_expect(&b, PATH, "new\n");
	assert_int_equal(mode_at(&b, PATH), 0644);
	undo(&b, &write_x, was);
	box_expect(&b, PATH, "old, without a newline");
	assert_int_equal(mode_at(&b, PATH), 0640);
}

TEST(a_link_comes_back_as_a_link)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;
	char target[32] = "";

	box_make(&b);
	box_put(&b, "/etc/apt/sources.list.d/y", "old\n", 0644);
	assert_int_equal(symlinkat("y", b.root.fd, below(PATH)), 0);
	was = before(&b, &write_x);
	apply(&b, &write_x);
	box_expect(&b, "/etc/apt/sources.list.d/y", "old\n");
	undo(&b, &write_x, was);
	assert_int_equal(readlinkat(b.root.fd, below(PATH), target, sizeof(target)), 1);
	assert_string_equal(target, "y");
}

TEST(what_somebody_changed_since_stays_and_is_said)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;

	box_make(&b);
	box_put(&b, PATH, "old\n", 0644);
	was = before(&b, &write_x);
	apply(&b, &write_x);
	box_put(&b, PATH, "mine\n", 0644);
	undo(&b, &write_x, was);
	box_expect(&b, PATH, "mine\n");
	assert_int_equal(b.x.notes.n, 1);
	assert_non_null(strstr(b.x.notes.v[0], PATH));
}

/* Killed after its begin line: within the making of folders, or within the write. */
TEST(an_operation_that_was_cut_off_is_taken_back)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;
	struct err e = {0};

	box_make(&b);
	box_put(&b, "/etc/passwd", "root\n", 0644);
	was = before(&b, &write_x);
	undo(&b, &write_x, was);
	assert_int_equal(dir_make(b.root.fd, "etc/apt/sources.list.d", 0755, &e), 0);
	box_put(&b, "/etc/apt/sources.list.d/.x.sources.dlenv-new-77", "ne", 0644);
	undo(&b, &write_x, was);
	assert_false(root_has(&b.root, "/etc/apt"));
}

TEST(a_write_that_was_cut_off_leaves_the_old_file_and_is_done_again)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *first = NULL;
	CLEANUP(json_unrefp) json_t *second = NULL;
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e = {0};

	box_make(&b);
	box_put(&b, PATH, "old\n", 0644);
	first = before(&b, &write_x);
	box_put(&b, "/etc/apt/sources.list.d/.x.sources.dlenv-new-77", "ne", 0644);
	b.x.number++;
	second = before(&b, &write_x);
	apply(&b, &write_x);
	undo(&b, &write_x, second);
	undo(&b, &write_x, first);
	box_expect(&b, PATH, "old\n");
	assert_int_equal(dir_list(b.root.fd, "etc/apt/sources.list.d", &names, &e), 0);
	assert_int_equal(names.n, 1);
	assert_int_equal(b.x.notes.n, 0);
}

TEST(undoing_twice_does_nothing_the_second_time)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;

	box_make(&b);
	box_put(&b, PATH, "old\n", 0600);
	was = before(&b, &write_x);
	apply(&b, &write_x);
	undo(&b, &write_x, was);
	undo(&b, &write_x, was);
	box_expect(&b, PATH, "old\n");
	assert_int_equal(b.x.notes.n, 0);
}

TEST(what_is_no_file_is_not_written_over)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;
	struct err e = {0};

	box_make(&b);
	assert_int_equal(dir_make(b.root.fd, below(PATH), 0755, &e), 0);
	assert_int_equal(write_x.kind->before(&write_x, &b.x, &was, &e), -ERR_CONFIG);
	assert_int_equal(mode_at(&b, PATH), 0755);
}

static const struct op move_x = {.kind = &op_move_aside, .path = PATH};

TEST(a_file_is_moved_aside_and_back)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;

	box_make(&b);
	assert_int_equal(move_x.kind->done(&move_x, &b.x), 1);
	box_put(&b, PATH, "old\n", 0644);
	box_put(&b, PATH ".dlenv-off", "older\n", 0644);
	assert_int_equal(move_x.kind->done(&move_x, &b.x), 0);
	was = before(&b, &move_x);
	apply(&b, &move_x);
	box_expect(&b, PATH, NULL);
	box_expect(&b, PATH ".dlenv-off", "older\n");
	box_expect(&b, PATH ".dlenv-off-2", "old\n");
	undo(&b, &move_x, was);
	box_expect(&b, PATH, "old\n");
	box_expect(&b, PATH ".dlenv-off", "older\n");
	box_expect(&b, PATH ".dlenv-off-2", NULL);
}

TEST(a_file_that_was_written_anew_is_not_replaced_by_the_one_moved_aside)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *was = NULL;

	box_make(&b);
	box_put(&b, PATH, "old\n", 0644);
	was = before(&b, &move_x);
	apply(&b, &move_x);
	box_put(&b, PATH, "mine\n", 0644);
	undo(&b, &move_x, was);
	box_expect(&b, PATH, "mine\n");
	box_expect(&b, PATH ".dlenv-off", "old\n");
	assert_int_equal(b.x.notes.n, 1);
}

TEST(what_a_program_makes_is_there_when_it_has_contents_or_is_a_marker)
{
	static const struct op made = {.kind = &op_run, .path = "/etc/made"};
	static const struct op marker = {.kind = &op_run, .path = "/etc/made", .flags = OP_MARKER};
	CLEANUP(box_remove) struct box b;

	box_make(&b);
	assert_int_equal(made.kind->done(&made, &b.x), OP_TODO);
	assert_int_equal(marker.kind->done(&marker, &b.x), OP_TODO);
	box_put(&b, "/etc/made", "", 0644);
	assert_int_equal(made.kind->done(&made, &b.x), OP_TODO);
	assert_int_equal(marker.kind->done(&marker, &b.x), OP_DONE);
	box_put(&b, "/etc/made", "a key", 0644);
	assert_int_equal(made.kind->done(&made, &b.x), OP_DONE);
}

RUN(IT(what_a_program_makes_is_there_when_it_has_contents_or_is_a_marker),
    IT(a_new_file_is_written_and_taken_back_with_its_folders),
    IT(folders_that_others_use_meanwhile_stay), IT(a_file_comes_back_byte_for_byte_with_its_mode),
    IT(a_link_comes_back_as_a_link), IT(what_somebody_changed_since_stays_and_is_said),
    IT(an_operation_that_was_cut_off_is_taken_back),
    IT(a_write_that_was_cut_off_leaves_the_old_file_and_is_done_again),
    IT(undoing_twice_does_nothing_the_second_time), IT(what_is_no_file_is_not_written_over),
    IT(a_file_is_moved_aside_and_back),
    IT(a_file_that_was_written_anew_is_not_replaced_by_the_one_moved_aside))
