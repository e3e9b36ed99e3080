/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "cdi/registry.h"
#include "cdi/spec_check.h"

/* SPEC.md "Kind": lengths of the two halves; a device's name has none. */
enum { VENDOR_MAX = 253, CLASS_MAX = 63 };

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/* What each part's name must look like, as whole sentences. */
static const struct {
	size_t max;
	bool letter_first;
	const char *others; /* letters that may stand inside */
	const char *first;
	const char *last;
	const char *inside;
	const char *length;
} rules[] = {
	[CDI_VENDOR] = {VENDOR_MAX, true, "_-.", N_("the vendor '%s' must begin with a letter"),
			N_("the vendor '%s' must end with a letter or a digit"),
			N_("the vendor '%s' may have only letters, digits, '_', '-' and '.'"),
			N_("the vendor '%.64s...' is longer than 253 letters")},
	[CDI_CLASS] = {CLASS_MAX, true, "_-.", N_("the class '%s' must begin with a letter"),
		       N_("the class '%s' must end with a letter or a digit"),
		       N_("the class '%s' may have only letters, digits, '_', '-' and '.'"),
		       N_("the class '%.64s...' is longer than 63 letters")},
	[CDI_DEVICE] = {SIZE_MAX, false,
			"_-.:", N_("the device '%s' must begin with a letter or a digit"),
			N_("the device '%s' must end with a letter or a digit"),
			N_("the device '%s' may have only letters, digits, '_', '-', '.' and ':'"),
			NULL},
};

const char *cdi_name_rule(enum cdi_part part, const char *name)
{
	size_t len = strlen(name);

	if (!len || !(rules[part].letter_first ? is_letter(name[0]) : is_alnum(name[0])))
		return rules[part].first;
	if (!is_alnum(name[len - 1]))
		return rules[part].last;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(name[i]) && !strchr(rules[part].others, name[i]))
			return rules[part].inside;
	return len > rules[part].max ? rules[part].length : NULL;
}

int cdi_name_parse(struct arena *a, const char *text, struct cdi_name *ret, struct err *e)
{
	const char *slash = strchr(text, '/');
	const char *equals = slash ? strchr(slash, '=') : NULL;
	const char *parts[3];

	if (!equals || slash == text || equals == slash + 1 || !equals[1]) {
		(void)err_set(e, ERR_PARSE, "'%s' is not the full name of a CDI device", text);
		return err_hint(e, "write VENDOR/CLASS=DEVICE, such as nvidia.com/gpu=0");
	}
	parts[CDI_VENDOR] = arena_strn(a, text, (size_t)(slash - text));
	parts[CDI_CLASS] = arena_strn(a, slash + 1, (size_t)(equals - slash - 1));
	parts[CDI_DEVICE] = arena_str(a, equals + 1);
	for (int i = CDI_VENDOR; i <= CDI_DEVICE; i++) {
		const char *rule = cdi_name_rule((enum cdi_part)i, parts[i]);

		if (!rule)
			continue;
		(void)err_set(e, ERR_PARSE, rule, parts[i]);
		return err_wrap(e, "'%s' is not the full name of a CDI device", text);
	}
	*ret = (struct cdi_name){parts[CDI_VENDOR], parts[CDI_CLASS], parts[CDI_DEVICE]};
	return 0;
}

bool cdi_name_is_qualified(const char *text)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct cdi_name name;
	struct err e;

	return cdi_name_parse(&a, text, &name, &e) == 0;
}
