/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/facts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "compat/decode.h"

/*
 * How this works: a table has a row of columns here, which say what a cell becomes and where in
 * the struct it goes. Built-in tables and a user's are decoded by the same rows.
 */

#define CELL(container, member, column_name, kind)                                                 \
	{                                                                                          \
		.column = (column_name), .type = (kind), .offset = offsetof(container, member)     \
	}
#define KEY(container, member, column_name, kind)                                                  \
	{                                                                                          \
		.column = (column_name), .type = (kind), .offset = offsetof(container, member),    \
		.key = true                                                                        \
	}

/* A part of the key that a user's table need not have. */
#define MORE_KEY(container, member, column_name, kind)                                             \
	{                                                                                          \
		.column = (column_name), .type = (kind), .offset = offsetof(container, member),    \
		.key = true, .optional = true                                                      \
	}

static const struct cell_row gpu_cells[] = {
	KEY(struct gpu_fact, id, "device_id", CELL_HEX),
	MORE_KEY(struct gpu_fact, subvendor, "subvendor_id", CELL_HEX),
	MORE_KEY(struct gpu_fact, subdevice, "subdevice_id", CELL_HEX),
	CELL(struct gpu_fact, product, "product", CELL_STR),
	CELL(struct gpu_fact, chip, "chip", CELL_STR),
	CELL(struct gpu_fact, arch, "architecture", CELL_STR),
	CELL(struct gpu_fact, cc, "compute_capability", CELL_VERSION),
	CELL(struct gpu_fact, flavours, "open_modules", CELL_MODULES),
	CELL(struct gpu_fact, last, "last_driver_branch", CELL_VERSION),
	CELL(struct gpu_fact, first, "first_open_release", CELL_VERSION),
	{0},
};

static const struct cell_row cuda_cells[] = {
	KEY(struct cuda_fact, release, "release", CELL_VERSION),
	CELL(struct cuda_fact, driver, "driver", CELL_VERSION),
	CELL(struct cuda_fact, minor_driver, "minor_driver", CELL_VERSION),
	CELL(struct cuda_fact, cc_min, "cc_min", CELL_VERSION),
	CELL(struct cuda_fact, cc_max, "cc_max", CELL_VERSION),
	CELL(struct cuda_fact, compat_package, "compat_package", CELL_STR),
	CELL(struct cuda_fact, compat_branches, "compat_branches", CELL_RANGES),
	{0},
};

static const struct cell_row cudnn_cells[] = {
	KEY(struct cudnn_fact, version, "version", CELL_VERSION),
	KEY(struct cudnn_fact, toolkits, "toolkits", CELL_RANGES),
	CELL(struct cudnn_fact, driver, "driver", CELL_VERSION),
	CELL(struct cudnn_fact, cc_min, "cc_min", CELL_VERSION),
	CELL(struct cudnn_fact, cc_max, "cc_max", CELL_VERSION),
	CELL(struct cudnn_fact, package, "package", CELL_STR),
	{0},
};

static const struct cell_row framework_cells[] = {
	KEY(struct framework_fact, project, "project", CELL_STR),
	KEY(struct framework_fact, release_text, "release", CELL_STR),
	KEY(struct framework_fact, variant, "variant", CELL_STR),
	CELL(struct framework_fact, release, "release", CELL_VERSION_OR_NAME),
	CELL(struct framework_fact, cuda, "cuda", CELL_RANGES),
	CELL(struct framework_fact, python, "python", CELL_STR),
	CELL(struct framework_fact, cc, "cc", CELL_CAPABILITIES),
	CELL(struct framework_fact, evidence, "evidence", CELL_STR),
	CELL(struct framework_fact, driver, "driver", CELL_VERSION),
	CELL(struct framework_fact, cudnn, "cudnn", CELL_STR),
	CELL(struct framework_fact, packages, "packages", CELL_STR),
	CELL(struct framework_fact, status, "status", CELL_STR),
	{0},
};

static const struct cell_row image_cells[] = {
	KEY(struct image_fact, tag, "tag", CELL_STR),
	CELL(struct image_fact, cuda, "cuda", CELL_VERSION),
	CELL(struct image_fact, flavour, "flavour", CELL_STR),
	CELL(struct image_fact, extra, "extra", CELL_STR),
	CELL(struct image_fact, os, "os", CELL_STR),
	CELL(struct image_fact, status, "status", CELL_STR),
	{0},
};

static const struct cell_row distro_cells[] = {
	KEY(struct distro_fact, id, "os_id", CELL_STR),
	KEY(struct distro_fact, version, "version_id", CELL_STR),
	CELL(struct distro_fact, codename, "codename", CELL_STR),
	CELL(struct distro_fact, family, "family", CELL_STR),
	CELL(struct distro_fact, package_manager, "package_manager", CELL_STR),
	CELL(struct distro_fact, cuda_repo_dir, "cuda_repo_dir", CELL_STR),
	CELL(struct distro_fact, docker_route, "docker_route", CELL_STR),
	CELL(struct distro_fact, docker_repo, "docker_repo", CELL_STR),
	CELL(struct distro_fact, podman_version, "podman_version", CELL_STR),
	CELL(struct distro_fact, podman_cdi, "podman_cdi", CELL_STR),
	CELL(struct distro_fact, lifecycle, "lifecycle", CELL_STR),
	{0},
};

static const struct cell_row route_cells[] = {
	KEY(struct route_fact, id, "os_id", CELL_STR),
	KEY(struct route_fact, version, "version_id", CELL_STR),
	KEY(struct route_fact, route, "route", CELL_STR),
	CELL(struct route_fact, branches, "branches", CELL_STR),
	CELL(struct route_fact, flavours, "flavours", CELL_FLAVOURS),
	CELL(struct route_fact, packages, "packages", CELL_STR),
	CELL(struct route_fact, note, "note", CELL_STR),
	{0},
};

static const struct cell_row branch_cells[] = {
	KEY(struct branch_fact, branch, "branch", CELL_VERSION),
	CELL(struct branch_fact, kind, "kind", CELL_STR),
	CELL(struct branch_fact, newest, "newest", CELL_VERSION),
	{0},
};

static const struct cell_row toolkit_cells[] = {
	KEY(struct toolkit_fact, version_text, "version", CELL_STR),
	CELL(struct toolkit_fact, version, "version", CELL_VERSION_OR_NAME),
	CELL(struct toolkit_fact, docker, "docker", CELL_STR),
	CELL(struct toolkit_fact, podman, "podman", CELL_STR),
	{0},
};

static const struct cell_row engine_cells[] = {
	KEY(struct engine_fact, engine, "engine", CELL_STR),
	KEY(struct engine_fact, feature, "feature", CELL_STR),
	CELL(struct engine_fact, version, "version", CELL_VERSION),
	{0},
};

static const struct cell_row brand_cells[] = {
	KEY(struct brand_fact, word, "word", CELL_STR),
	CELL(struct brand_fact, brand, "brand", CELL_STR),
	{0},
};

static const struct cell_row key_cells[] = {
	KEY(struct key_fact, id, "id", CELL_STR),
	CELL(struct key_fact, url, "url", CELL_STR),
	CELL(struct key_fact, fingerprint, "fingerprint", CELL_STR),
	CELL(struct key_fact, note, "note", CELL_STR),
	{0},
};

enum table_flags { LOOKED_UP = 1 << 0 /* of the built-in table only what is asked for */ };

/* In struct facts: the list's place. A FACT_LIST of any type has the same layout. */
struct any_list {
	void *v;
	size_t n;
};

struct table_row {
	const char *name;
	const struct cell_row *cells;
	size_t item_size;
	size_t offset;
	unsigned int flags;
};

#define TABLE(table_name, rows, type, member)                                                      \
	.name = (table_name), .cells = (rows), .item_size = sizeof(type),                          \
	.offset = offsetof(struct facts, member)

static const struct table_row table_rows[] = {
	{TABLE("gpus", gpu_cells, struct gpu_fact, own_gpus), .flags = LOOKED_UP},
	{TABLE("cuda", cuda_cells, struct cuda_fact, cuda)},
	{TABLE("cudnn", cudnn_cells, struct cudnn_fact, cudnn)},
	{TABLE("frameworks", framework_cells, struct framework_fact, frameworks)},
	{TABLE("images", image_cells, struct image_fact, images)},
	{TABLE("distros", distro_cells, struct distro_fact, distros)},
	{TABLE("routes", route_cells, struct route_fact, routes)},
	{TABLE("branches", branch_cells, struct branch_fact, branches)},
	{TABLE("toolkits", toolkit_cells, struct toolkit_fact, toolkits)},
	{TABLE("engines", engine_cells, struct engine_fact, engines)},
	{TABLE("brands", brand_cells, struct brand_fact, brands)},
	{TABLE("keys", key_cells, struct key_fact, keys)},
};

static const struct table *built_in(const char *name)
{
	const struct table *t = table_find(name);

	if (!t)
		err_bug("there is no table '%s'", name);
	return t;
}

/* Where each cell row's column and the source stand among columns; n when absent. */
struct layout {
	size_t at[DECODE_COLUMNS];
	size_t source;
};

static size_t column_at(const char *const *columns, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && !str_eq(columns[i], name))
		i++;
	return i;
}

static struct layout layout_of(const struct cell_row *rows, const char *const *columns, size_t n)
{
	struct layout l = {.source = column_at(columns, n, "source")};

	for (size_t i = 0; rows[i].column; i++)
		l.at[i] = column_at(columns, n, rows[i].column);
	return l;
}

/* A row's key: its key cells that are not empty, "torch/2.7/cu128". */
static const char *row_key(const struct cell_row *rows, const struct layout *l,
			   const char *const *cells, size_t columns, struct arena *a)
{
	const char *key = NULL;

	for (size_t i = 0; rows[i].column; i++)
		if (rows[i].key && l->at[i] < columns && *cells[l->at[i]])
			key = key ? arena_fmt(a, "%s/%s", key, cells[l->at[i]]) : cells[l->at[i]];
	return key ? key : "";
}

static int decode_row(const struct table_row *t, const struct layout *l, const char *const *cells,
		      size_t columns, void *item, struct arena *a, struct err *e)
{
	struct fact *from = item;

	for (size_t i = 0; t->cells[i].column; i++)
		if (l->at[i] < columns &&
		    cell_decode(&t->cells[i], cells[l->at[i]], item, a, e) < 0)
			return -(int)e->code;
	from->table = t->name;
	from->row = row_key(t->cells, l, cells, columns, a);
	from->source = l->source < columns ? cells[l->source] : "";
	return 0;
}

static void cells_of(const struct table *b, size_t row, const char *cells[TSV_COLUMNS])
{
	for (size_t i = 0; i < b->columns_n; i++)
		cells[i] = table_cell(b, row, i);
}

/* A row of a built-in table, which the build has seen to be right. */
static void decode_built_in(const struct table_row *t, const struct table *b,
			    const struct layout *l, size_t row, void *item, struct arena *a)
{
	const char *cells[TSV_COLUMNS];
	struct err e;

	cells_of(b, row, cells);
	if (decode_row(t, l, cells, b->columns_n, item, a, &e) < 0)
		err_bug("%s.tsv, row %zu: %s", b->name, row + 1, e.msg);
	((struct fact *)item)->date = b->date;
}

static void load_built_in(struct facts *f, const struct table_row *t)
{
	const struct table *b = built_in(t->name);
	struct any_list *list = (struct any_list *)((char *)f + t->offset);
	struct layout l = layout_of(t->cells, b->columns, b->columns_n);

	list->v = arena_alloc(&f->arena, (b->rows + 1) * t->item_size);
	for (list->n = 0; list->n < b->rows; list->n++)
		decode_built_in(t, b, &l, list->n, (char *)list->v + list->n * t->item_size,
				&f->arena);
}

/* A user's row takes the place of the one with its key, or goes in front: it is seen first. */
static void put(struct any_list *list, const struct table_row *t, const void *item)
{
	for (size_t i = 0; i < list->n; i++) {
		char *at = (char *)list->v + i * t->item_size;

		if (str_eq(((struct fact *)at)->row, ((const struct fact *)item)->row)) {
			memcpy(at, item, t->item_size);
			return;
		}
	}
	memmove((char *)list->v + t->item_size, list->v, list->n * t->item_size);
	memcpy(list->v, item, t->item_size);
	list->n++;
}

static int check_columns(const struct table_row *t, const struct layout *l, const struct tsv *own,
			 struct err *e)
{
	const struct table *b = built_in(t->name);

	for (size_t i = 0; i < own->columns_n; i++)
		if (table_column(b, own->columns[i]) == b->columns_n)
			return err_set(e, ERR_PARSE, "%s:1: the table %s has no column '%.40s'",
				       own->file, t->name, own->columns[i]);
	for (size_t i = 0; t->cells[i].column; i++)
		if (t->cells[i].key && !t->cells[i].optional && l->at[i] == own->columns_n)
			return err_set(e, ERR_PARSE, "%s:1: the column '%s' is missing", own->file,
				       t->cells[i].column);
	return 0;
}

static int add_own(struct facts *f, const struct table_row *t, const struct tsv *own, struct err *e)
{
	struct any_list *list = (struct any_list *)((char *)f + t->offset);
	struct layout l = layout_of(t->cells, own->columns, own->columns_n);
	void *grown = arena_alloc(&f->arena, (list->n + own->rows_n + 1) * t->item_size);
	void *item = arena_alloc(&f->arena, t->item_size);

	if (check_columns(t, &l, own, e) < 0)
		return -(int)e->code;
	if (list->n)
		memcpy(grown, list->v, list->n * t->item_size);
	list->v = grown;
	for (size_t i = own->rows_n; i-- > 0;) {
		const struct tsv_row *row = &own->rows[i];
		struct fact *from = item;

		memset(item, 0, t->item_size);
		if (decode_row(t, &l, row->cells, own->columns_n, item, &f->arena, e) < 0)
			return err_wrap(e, "%s:%d", own->file, row->line);
		if (!*from->row)
			return err_set(e, ERR_PARSE, "%s:%d: the row has no key", own->file,
				       row->line);
		from->file = own->file;
		from->date = own->date;
		put(list, t, item);
	}
	return 0;
}

static const struct table_row *table_row(const char *name)
{
	for (size_t i = 0; i < COUNT(table_rows); i++)
		if (str_eq(table_rows[i].name, name))
			return &table_rows[i];
	return NULL;
}

int facts_add(struct facts *f, const char *table, const char *text, size_t len, const char *file,
	      struct err *e)
{
	const struct table_row *t = table_row(table);
	struct tsv own;

	if (!t)
		return err_set(e, ERR_ABSENT, "there is no table '%s'", table);
	if (tsv_read(text, len, file, &f->arena, &own, e) < 0)
		return -(int)e->code;
	return add_own(f, t, &own, e);
}

static int load_folder(struct facts *f, const struct table_row *t, const char *folder,
		       struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s.tsv", folder, t->name);
	CLEANUP(freep) char *text = NULL;
	size_t len;

	/* A folder that is not for us to enter has none. */
	if (access(folder, X_OK) < 0)
		return 0;
	if (file_read(AT_FDCWD, path, TSV_BYTES, &text, &len, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	return facts_add(f, t->name, text, len, path, e);
}

int facts_load(struct facts *ret, const char *const *folders, struct err *e)
{
	*ret = (struct facts){0};
	for (size_t i = 0; i < COUNT(table_rows); i++) {
		if (!(table_rows[i].flags & LOOKED_UP))
			load_built_in(ret, &table_rows[i]);
		for (const char *const *folder = folders; *folder; folder++)
			if (load_folder(ret, &table_rows[i], *folder, e) < 0) {
				facts_fini(ret);
				return -(int)e->code;
			}
	}
	return 0;
}

void facts_fini(struct facts *f)
{
	arena_fini(&f->arena);
	*f = (struct facts){0};
}

const struct table *gpu_table(void)
{
	return built_in(table_rows[0].name);
}

void gpu_row(struct facts *f, size_t row, struct gpu_fact *ret)
{
	const struct table *b = gpu_table();
	struct layout l = layout_of(gpu_cells, b->columns, b->columns_n);

	*ret = (struct gpu_fact){0};
	decode_built_in(&table_rows[0], b, &l, row, ret, &f->arena);
}

const struct key_fact *facts_key(const struct facts *f, const char *id)
{
	for (size_t i = 0; i < f->keys.n; i++)
		if (str_eq(f->keys.v[i].id, id))
			return &f->keys.v[i];
	return NULL;
}

bool key_is_whole(const struct key_fact *k)
{
	enum { V4_LEN = 40, V6_LEN = 64 };
	size_t n = strlen(k->fingerprint);

	return n == V4_LEN || n == V6_LEN;
}
