/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/catalogue.h"
#include "base/i18n.h"
#include "test.h"

static const char *yes_in(const char *locale)
{
	tr_select(locale);
	return tr("yes");
}

TEST(names_of_the_language_choose_it)
{
	static const char *const chinese[] = {
		"zh_TW",      "zh_TW.UTF-8", "zh_TW.utf8",  "zh-TW",	   "zh_Hant",
		"zh-Hant-TW", "zh_HK",	     "zh_HK.UTF-8", "zh_TW@extra", "ZH_tw"};
	static const char *const english[] = {
		"C", "POSIX", "", "en_US.UTF-8", "zh_CN", "zh_TWX", "zh", "zh_TW.Big5", "de"};

	for (size_t i = 0; i < COUNT(chinese); i++)
		assert_string_equal(yes_in(chinese[i]), "是");
	for (size_t i = 0; i < COUNT(english); i++)
		assert_string_equal(yes_in(english[i]), "yes");
}

TEST(the_first_variable_that_is_set_decides)
{
	(void)setenv("LANG", "zh_TW.UTF-8", 1);
	(void)unsetenv("LC_ALL");
	(void)unsetenv("LC_MESSAGES");
	assert_string_equal(yes_in(NULL), "是");
	(void)setenv("LC_MESSAGES", "en_US.UTF-8", 1);
	assert_string_equal(yes_in(NULL), "yes");
	(void)setenv("LC_ALL", "zh_HK.UTF-8", 1);
	assert_string_equal(yes_in(NULL), "是");
	(void)setenv("LC_MESSAGES", "zh_TW", 1);
	(void)setenv("LC_ALL", "C", 1);
	assert_string_equal(yes_in(NULL), "yes");
	(void)setenv("LC_ALL", "", 1); /* counts as not set */
	assert_string_equal(yes_in(NULL), "是");
}

TEST(a_message_without_translation_stays)
{
	tr_select("zh_TW");
	assert_string_equal(tr("no such message"), "no such message");
	assert_string_equal(tr(""), "");
}

TEST(errors_speak_the_language)
{
	struct err e;

	tr_select("zh_TW");
	(void)err_set(&e, ERR_USAGE, "unknown command '%s'", "x");
	assert_string_equal(e.msg, "未知的命令「x」");
}

TEST(catalogues_are_sorted_for_the_search)
{
	for (size_t c = 0; c < tr_catalogues_n; c++)
		for (size_t i = 1; i < tr_catalogues[c].n; i++)
			assert_true(strcmp(tr_catalogues[c].entries[i - 1].id,
					   tr_catalogues[c].entries[i].id) < 0);
}

RUN(IT(names_of_the_language_choose_it), IT(the_first_variable_that_is_set_decides),
    IT(a_message_without_translation_stays), IT(errors_speak_the_language),
    IT(catalogues_are_sorted_for_the_search))
