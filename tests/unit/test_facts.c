/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/str.h"
#include "compat/gpus.h"
#include "compat/solve.h"

static const char *const folders[] = {NULL};

static void load(struct facts *f)
{
	struct err e = {0};

	assert_int_equal(facts_load(f, folders, &e), 0);
}

TEST(every_built_in_table_is_read_and_says_its_date)
{
	CLEANUP(facts_fini) struct facts f = {0};

	load(&f);
	assert_int_equal(tables_n, 12);
	for (size_t i = 0; i < tables_n; i++)
		assert_int_equal(strlen(tables[i].date), strlen("2026-11-23"));
	assert_int_equal(f.cuda.n, table_find("cuda")->rows);
	assert_string_equal(f.cuda.v[0].from.table, "cuda");
	assert_string_equal(f.cuda.v[0].from.row, "13.4.2");
	assert_int_equal(f.images.n, table_find("images")->rows);
}

TEST(every_gpu_of_the_table_can_be_looked_up)
{
	CLEANUP(facts_fini) struct facts f = {0};
	const struct table *t = table_find("gpus");

	load(&f);
	for (size_t i = 0; i < t->rows; i += 7) {
		struct gpu_fact g = {0};
		struct err e = {0};
		CLEANUP(freep) char *id = str_fmt("10de:%s", table_cell(t, i, 0));

		assert_int_equal(gpu_by_text(&f, id, &g, &e), 0);
		assert_null(g.guess);
		assert_non_null(g.product);
	}
}

TEST(gpus_are_found_as_people_write_them)
{
	static const struct {
		const char *text;
		const char *product;
		uint32_t major;
		uint32_t minor;
	} rows[] = {
		{"10de:2684", "NVIDIA GeForce RTX 4090", 8, 9},
		{"0x2684", "NVIDIA GeForce RTX 4090", 8, 9},
		{"2684", "NVIDIA GeForce RTX 4090", 8, 9},
		{"4090", "NVIDIA GeForce RTX 4090", 8, 9},
		{"RTX4090", "NVIDIA GeForce RTX 4090", 8, 9},
		{"gtx 1080ti", "NVIDIA GeForce GTX 1080 Ti", 6, 1},
		{"geforce rtx-4070tisuper", "NVIDIA GeForce RTX 4070 Ti SUPER", 8, 9},
		{"nvidia geforce rtx 4090", "NVIDIA GeForce RTX 4090", 8, 9},
		{"RTX 4090 Laptop", "NVIDIA GeForce RTX 4090 Laptop GPU", 8, 9},
		{"sm_90", "sm_90", 9, 0},
		{"sm_120a", "sm_120", 12, 0},
		{"7.5", "sm_75", 7, 5},
	};
	CLEANUP(facts_fini) struct facts f = {0};

	load(&f);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct gpu_fact g = {0};
		struct err e = {0};

		assert_int_equal(gpu_by_text(&f, rows[i].text, &g, &e), 0);
		assert_string_equal(g.product, rows[i].product);
		assert_int_equal(g.cc.part[0], rows[i].major);
		assert_int_equal(g.cc.part[1], rows[i].minor);
		assert_null(g.guess);
	}
}

TEST(names_that_mean_several_chips_and_no_chip_are_refused)
{
	static const struct {
		const char *text;
		enum err_code code;
	} rows[] = {{"GT 730", ERR_CONFIG}, {"1080", ERR_CONFIG}, {"Voodoo 3", ERR_ABSENT},
		    {"", ERR_ABSENT},	    {"sm_1", ERR_ABSENT}, {"10de:xyz", ERR_ABSENT}};
	CLEANUP(facts_fini) struct facts f = {0};

	load(&f);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct gpu_fact g = {0};
		struct err e = {0};

		assert_int_equal(gpu_by_text(&f, rows[i].text, &g, &e), -(int)rows[i].code);
		assert_true(e.hint[0]);
	}
}

TEST(a_subsystem_chooses_its_row)
{
	CLEANUP(facts_fini) struct facts f = {0};
	struct gpu_fact g;

	load(&f);
	gpu_by_id(&f, 0x2c33, 0x10de, 0x2053, &g);
	assert_int_equal(g.first.part[0], 580);
	gpu_by_id(&f, 0x2c33, 0x1028, 0x2053, &g);
	assert_int_equal(g.first.part[0], 570);
}

TEST(an_unknown_gpu_is_a_guess)
{
	CLEANUP(facts_fini) struct facts f = {0};
	struct gpu_fact g;

	load(&f);
	gpu_by_id(&f, 0x2ffe, 0, 0, &g);
	assert_non_null(g.guess);
	assert_int_equal(g.flavours, FLAVOUR_OPEN);
}

TEST(mistakes_in_a_users_table_are_named_with_their_line)
{
	static const struct {
		const char *table;
		const char *text;
		const char *where;
	} rows[] = {
		{"cuda", "# nothing\n", "t.tsv:1: there is no line of column names"},
		{"cuda", "release\tdriver\n12.1\n", "t.tsv:2: 1 cells where the heading has 2"},
		{"cuda", "release\n\n12.1\tx\n", "t.tsv:3: 2 cells where the heading has 1"},
		{"cuda", "release\tcolour\n", "t.tsv:1: the table cuda has no column 'colour'"},
		{"cuda", "driver\n1\n", "t.tsv:1: the column 'release' is missing"},
		{"cuda", "release\trelease\n", "t.tsv:1: the column 'release' is there twice"},
		{"cuda", "release\tdriver\n12.1\tnew\n",
		 "t.tsv:2: 'new' in column 'driver' is not a version"},
		{"cuda", "release\tdriver\n\t525\n", "t.tsv:2: the row has no key"},
		{"cuda", "release\r\n", "t.tsv:1: a NUL or a carriage return"},
		{"cudnn", "version\ttoolkits\n9\t12.0-\n",
		 "t.tsv:2: '12.0-' in column 'toolkits' is not a list such as 12.0-12.6,12.8"},
		{"frameworks", "project\trelease\tvariant\tcc\ntorch\t3\tcu1\t+PTX\n",
		 "t.tsv:2: '+PTX' in column 'cc' is not a list such as 7.5;8.0;9.0+PTX"},
		{"gpus", "device_id\topen_modules\n2684\tboth\n",
		 "t.tsv:2: 'both' in column 'open_modules' is not y, n, required"},
		{"gpus", "device_id\n26845\n",
		 "t.tsv:2: '26845' in column 'device_id' is not a PCI id of four hexadecimal "
		 "digits"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(facts_fini) struct facts f = {0};
		struct err e = {0};

		load(&f);
		assert_int_equal(facts_add(&f, rows[i].table, rows[i].text, strlen(rows[i].text),
					   "t.tsv", &e),
				 -ERR_PARSE);
		assert_string_equal(e.msg, rows[i].where);
	}
}

TEST(a_users_row_takes_the_place_of_the_one_with_its_key)
{
	static const char text[] = "# date 2027-01-02\nrelease\tdriver\n12.4.1\t551\n99.9\t999\n";
	CLEANUP(facts_fini) struct facts f = {0};
	struct err e = {0};
	size_t before;
	size_t found = 0;

	load(&f);
	before = f.cuda.n;
	assert_int_equal(facts_add(&f, "cuda", text, strlen(text), "own.tsv", &e), 0);
	assert_int_equal(f.cuda.n, before + 1);
	for (size_t i = 0; i < f.cuda.n; i++)
		if (str_eq(f.cuda.v[i].from.row, "12.4.1")) {
			found++;
			assert_int_equal(f.cuda.v[i].driver.part[0], 551);
			assert_string_equal(f.cuda.v[i].from.file, "own.tsv");
			assert_string_equal(f.cuda.v[i].from.date, "2027-01-02");
		}
	assert_int_equal(found, 1);
}

TEST(a_users_board_is_found_by_its_name)
{
	static const char text[] = "device_id\tproduct\tarchitecture\tcompute_capability\topen_"
				   "modules\n2FFF\tNVIDIA Test Board\tAda Lovelace\t8.9\ty\n";
	CLEANUP(facts_fini) struct facts f = {0};
	struct gpu_fact g = {0};
	struct err e = {0};

	load(&f);
	assert_int_equal(facts_add(&f, "gpus", text, strlen(text), "own.tsv", &e), 0);
	assert_int_equal(gpu_by_text(&f, "test board", &g, &e), 0);
	assert_int_equal(g.id, 0x2fff);
	assert_null(g.guess);
}

TEST(more_values_than_a_set_holds_are_refused)
{
	CLEANUP(facts_fini) struct facts f = {0};
	CLEANUP(buf_fini) struct buf text = {0};
	const struct solve_request r = {0};
	struct solve_answer a;
	struct err e = {0};

	load(&f);
	buf_str(&text, "release\tdriver\n");
	for (int i = 0; i < 300; i++)
		buf_fmt(&text, "20.%d\t700\n", i);
	assert_int_equal(facts_add(&f, "cuda", text.data, text.len, "own.tsv", &e), 0);
	assert_int_equal(solve(&f, &r, 0, &a, &e), -ERR_CONFIG);
}

TEST(ranges_hold_what_begins_with_their_end)
{
	struct version_range one[] = {
		{{.n = 2, .part = {12, 0}}, {.n = 2, .part = {12, 6}}},
		{{.n = 1, .part = {13}}, {.n = 1, .part = {13}}},
	};
	const struct ranges r = {one, COUNT(one)};
	static const struct {
		struct version v;
		bool held;
	} rows[] = {
		{{.n = 3, .part = {12, 6, 3}}, true}, {{.n = 2, .part = {12, 8}}, false},
		{{.n = 2, .part = {11, 8}}, false},   {{.n = 3, .part = {13, 4, 2}}, true},
		{{.n = 1, .part = {14}}, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(ranges_hold(&r, &rows[i].v), rows[i].held);
}

RUN(IT(every_built_in_table_is_read_and_says_its_date), IT(every_gpu_of_the_table_can_be_looked_up),
    IT(gpus_are_found_as_people_write_them),
    IT(names_that_mean_several_chips_and_no_chip_are_refused), IT(a_subsystem_chooses_its_row),
    IT(an_unknown_gpu_is_a_guess), IT(mistakes_in_a_users_table_are_named_with_their_line),
    IT(a_users_row_takes_the_place_of_the_one_with_its_key), IT(a_users_board_is_found_by_its_name),
    IT(more_values_than_a_set_holds_are_refused), IT(ranges_hold_what_begins_with_their_end))
