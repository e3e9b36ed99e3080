/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/findings.h"

#include "base/str.h"
#include "cli/output.h"

static const char *level_word(enum finding_level level)
{
	switch (level) {
	case FINDING_NOTE:
		return _("note");
	case FINDING_WARNING:
		return _("warning");
	case FINDING_ERROR:
		return _("error");
	}
	return "";
}

static bool is_repairable(const struct findings *f, const char *id)
{
	for (size_t i = 0; i < f->repairs_n; i++)
		if (str_eq(f->repairs[i].id, id))
			return true;
	return false;
}

/* The worst first; what is equally bad stays in its order. */
void findings_print(struct cli *c, const struct findings *f)
{
	for (int level = FINDING_ERROR; level >= FINDING_NOTE; level--)
		for (size_t i = 0; i < f->n; i++) {
			const struct finding *one = &f->v[i];

			if ((int)one->level != level)
				continue;
			cli_print(c, "%s  %s: %s", one->id, level_word(one->level), one->cause);
			cli_print(c, _("        why: %s"), one->why);
			if (one->command)
				cli_print(c, _("        fix: %s: %s"), one->fix, one->command);
			else
				cli_print(c, _("        fix: %s"), one->fix);
		}
}

json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->v[i];

		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:b}", "id", one->id,
					"level", finding_levels[one->level], "cause", one->cause,
					"why", one->why, "fix", one->fix, "command", one->command,
					"repairable", is_repairable(f, one->id)));
	}
	return list;
}

int findings_result(const struct findings *f, struct err *e)
{
	size_t wrong = 0;

	for (size_t i = 0; i < f->n; i++)
		wrong += f->v[i].level != FINDING_NOTE;
	if (!wrong)
		return 0;
	return err_set(e, ERR_PROBLEMS, "problems found: %zu", wrong);
}
