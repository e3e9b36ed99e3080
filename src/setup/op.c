/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/op.h"

#include "base/attr.h"
#include "setup/op_parts.h"

/* Every kind, with the fields that it has and those that it cannot do without. */
static const struct op_row rows[] = {
	{&op_write_file, FIELD_PATH | FIELD_TEXT | FIELD_MODE, FIELD_PATH | FIELD_TEXT},
	{&op_move_aside, FIELD_PATH, FIELD_PATH},
	{&op_add_key, FIELD_NAME | FIELD_URL | FIELD_PATH, FIELD_NAME | FIELD_URL | FIELD_PATH},
	{&op_refresh, 0, 0},
	{&op_install, FIELD_CHOICES, FIELD_CHOICES},
	{&op_install_file, FIELD_URL | FIELD_NAME | FIELD_WORDS,
	 FIELD_URL | FIELD_NAME | FIELD_WORDS},
	{&op_remove, FIELD_WORDS, FIELD_WORDS},
	{&op_hold, FIELD_WORDS, FIELD_WORDS},
	{&op_mark, FIELD_WORDS, FIELD_WORDS},
	{&op_module_stream, FIELD_NAME, FIELD_NAME},
	{&op_run, FIELD_WORDS | FIELD_UNDO | FIELD_PATH | FIELD_USER, FIELD_WORDS},
	{&op_wait_module, FIELD_NAME, FIELD_NAME},
	{&op_initramfs, 0, 0},
	{&op_load_module, FIELD_NAME, FIELD_NAME},
	{&op_enrol_key, FIELD_PATH, FIELD_PATH},
	{&op_enable_unit, FIELD_NAME | FIELD_USER, FIELD_NAME},
	{&op_restart_unit, FIELD_NAME | FIELD_USER, FIELD_NAME},
	{&op_add_to_group, FIELD_USER | FIELD_NAME, FIELD_USER | FIELD_NAME},
	{&op_grant_subids, FIELD_USER, FIELD_USER},
	{&op_configure, FIELD_NAME | FIELD_USER, FIELD_NAME},
	{&op_describe_gpus, 0, 0},
	{&op_reboot, 0, 0},
};

const struct op_row *op_row_at(size_t i)
{
	return i < COUNT(rows) ? &rows[i] : NULL;
}

const struct op_row *op_row_of(const struct op_kind *kind)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].kind == kind)
			return &rows[i];
	return NULL;
}

const struct op_kind *op_kind_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].kind->name, name))
			return rows[i].kind;
	return NULL;
}
