/* SPDX-License-Identifier: Apache-2.0 */
#include "setup_box.h"

#define LIST "/var/lib/apt/lists/deb_InRelease"
#define SOURCE "/etc/apt/sources.list.d/x.sources"

static const struct op refresh = {.kind = &op_refresh};

static void live(struct box *b, const char *manager)
{
	box_make(b);
	b->x.live = true;
	b->x.pkg = pkg_manager(manager);
}

/* The clock of change times is coarse: until it has moved on. */
static void later(const struct box *b)
{
	struct stat was;
	struct stat st;

	box_put(b, "/tmp/clock", "", 0644);
	assert_int_equal(fstatat(b->root.fd, "tmp/clock", &was, 0), 0);
	do {
		box_put(b, "/tmp/clock", "", 0644);
		assert_int_equal(fstatat(b->root.fd, "tmp/clock", &st, 0), 0);
	} while (st.st_ctim.tv_sec == was.st_ctim.tv_sec &&
		 st.st_ctim.tv_nsec == was.st_ctim.tv_nsec);
}

static int done(struct box *b)
{
	return refresh.kind->done(&refresh, &b->x);
}

TEST(lists_that_are_newer_than_all_sources_are_read)
{
	CLEANUP(box_remove) struct box b;

	live(&b, "apt");
	box_put(&b, SOURCE, "Types: deb\n", 0644);
	assert_int_equal(done(&b), 0);
	later(&b);
	box_put(&b, LIST, "", 0644);
	assert_int_equal(done(&b), 1);
	later(&b);
	box_put(&b, "/etc/apt/keyrings/x.asc", "key", 0644);
	assert_int_equal(done(&b), 0);
	later(&b);
	box_put(&b, LIST, "", 0644);
	assert_int_equal(done(&b), 1);
	/* A source that is gone is a change, too. */
	later(&b);
	assert_int_equal(unlinkat(b.root.fd, below(SOURCE), 0), 0);
	assert_int_equal(done(&b), 0);
}

TEST(other_files_of_a_manager_are_no_lists)
{
	CLEANUP(box_remove) struct box b;

	live(&b, "dnf4");
	box_put(&b, "/etc/yum.repos.d/x.repo", "[x]\n", 0644);
	later(&b);
	box_put(&b, "/var/cache/dnf/expired_repos.json", "[]", 0644);
	assert_int_equal(done(&b), 0);
	box_put(&b, "/var/cache/dnf/x.solv", "", 0644);
	assert_int_equal(done(&b), 1);
}

TEST(of_another_machine_it_is_not_known)
{
	CLEANUP(box_remove) struct box b;

	live(&b, "apt");
	b.x.live = false;
	assert_int_equal(done(&b), -1);
}

RUN(IT(lists_that_are_newer_than_all_sources_are_read), IT(other_files_of_a_manager_are_no_lists),
    IT(of_another_machine_it_is_not_known))
