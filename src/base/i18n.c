/* SPDX-License-Identifier: Apache-2.0 */
#include "base/i18n.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/catalogue.h"

/* Set once by tr_select, before anything is translated. NULL: English. */
static const struct tr_catalogue *chosen;

static int compare_id(const void *id, const void *entry)
{
	return strcmp(id, ((const struct tr_entry *)entry)->id);
}

const char *tr(const char *msgid)
{
	const struct tr_entry *found;

	if (!chosen || !msgid)
		return msgid;
	found = bsearch(msgid, chosen->entries, chosen->n, sizeof(*found), compare_id);
	return found ? found->text : msgid;
}

/* Names that people and systems use for a language that we have. */
struct alias {
	const char *name;
	const char *lang;
};

static const struct alias aliases[] = {
	{"zh_TW", "zh_TW"},
	{"zh_Hant", "zh_TW"},
	{"zh_HK", "zh_TW"},
	{"zh_MO", "zh_TW"},
};

/* Whether name is alias, or alias with a further part: zh_Hant_TW. '-' counts as '_'. */
static bool names_alias(const char *name, size_t len, const char *alias)
{
	size_t n = strlen(alias);

	if (len < n || (len > n && name[n] != '_' && name[n] != '-'))
		return false;
	for (size_t i = 0; i < n; i++) {
		char letter = name[i] == '-' ? '_' : name[i];

		if (strncasecmp(&letter, &alias[i], 1) != 0)
			return false;
	}
	return true;
}

/* The texts are UTF-8: a terminal that says another encoding gets English. */
static bool is_utf8(const char *codeset)
{
	return strncasecmp(codeset, ".UTF-8", 6) == 0 || strncasecmp(codeset, ".UTF8", 5) == 0;
}

static const struct tr_catalogue *catalogue_find(const char *lang)
{
	for (size_t i = 0; i < tr_catalogues_n; i++)
		if (strcmp(tr_catalogues[i].lang, lang) == 0)
			return &tr_catalogues[i];
	return NULL;
}

static const char *locale_of_environment(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < COUNT(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			return value;
	}
	return "C";
}

void tr_select(const char *locale)
{
	const char *name = locale ? locale : locale_of_environment();
	size_t len = strcspn(name, ".@");

	chosen = NULL;
	if (name[len] == '.' && !is_utf8(name + len))
		return;
	for (size_t i = 0; i < COUNT(aliases) && !chosen; i++)
		if (names_alias(name, len, aliases[i].name))
			chosen = catalogue_find(aliases[i].lang);
}
