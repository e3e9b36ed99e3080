/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "compat/distro.h"
#include "compat/problem.h"

/*
 * How pins are written: any and none for all; else
 *   torch, rapids, cupy, dali   RELEASE, VARIANT or RELEASE+VARIANT: 2.6+cu124, cu124
 *   driver                      loaded, or BRANCH or VERSION, open, proprietary: 580.95.05-open
 *   distro, engine              NAME or NAME:VERSION
 *   image                       the tag, with or without nvidia/cuda:
 *   cuda, cudnn, toolkit        VERSION; route: its name
 */

static const char open_suffix[] = "open";
static const char proprietary_suffix[] = "proprietary";
static const char image_name[] = "nvidia/cuda:";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_framework(enum solve_var var)
{
	return var >= VAR_TORCH && var <= VAR_DALI;
}

/* Where the name of a pin ends and its version begins, or NULL. */
static const char *behind_name(const char *pin)
{
	const char *colon = strchr(pin, ':');

	return colon ? colon + 1 : NULL;
}

struct version pin_version(enum solve_var var, const char *pin)
{
	struct version none = {0};
	const char *s = pin;

	if (var == VAR_DISTRO || var == VAR_ENGINE)
		s = behind_name(pin);
	else if (var == VAR_IMAGE && str_starts(pin, image_name))
		s = pin + sizeof(image_name) - 1;
	return s && is_digit(*s) ? version_in(s) : none;
}

/* What stands behind the version: "+cu124" gives cu124, "-open" open; a pin without one: all. */
static const char *pin_suffix(const char *pin)
{
	size_t n = is_digit(*pin) ? strspn(pin, "0123456789.") : 0;

	return pin[n] == '+' || pin[n] == '-' || pin[n] == '/' ? pin + n + 1 : pin + n;
}

static bool versions_meet(const struct version *v, const struct version *pin)
{
	return version_begins(v, pin) || version_begins(pin, v);
}

static bool framework_allows(const char *pin, const struct value *v)
{
	const struct framework_fact *f = v->row;
	struct version wanted = pin_version(VAR_TORCH, pin);
	const char *plus = strchr(pin, '+');
	const char *variant = wanted.n ? pin_suffix(pin) : plus ? plus + 1 : pin;

	if (!f)
		return false;
	if (plus && !wanted.n &&
	    (strlen(f->release_text) != (size_t)(plus - pin) ||
	     strncmp(f->release_text, pin, (size_t)(plus - pin)) != 0))
		return false;
	if (wanted.n && !versions_meet(&v->v, &wanted))
		return false;
	return !*variant || str_eq(variant, f->variant) ||
	       (!wanted.n && !plus && str_eq(pin, f->release_text));
}

static bool driver_allows(const char *pin, const struct value *v)
{
	struct version wanted = pin_version(VAR_DRIVER, pin);
	const char *flavour = pin_suffix(pin);
	bool exact = v->flags & VALUE_EXACT;

	if (str_eq(pin, "loaded"))
		return v->flags & VALUE_LOADED;
	if (*flavour && str_eq(flavour, open_suffix) != !!(v->flags & VALUE_OPEN))
		return false;
	if (wanted.n == 1)
		return v->v.part[0] == wanted.part[0];
	return !wanted.n || (exact && version_compare(&v->v, &wanted) == 0);
}

static bool name_allows(const char *pin, const struct value *v)
{
	const char *version = behind_name(pin);
	size_t n = version ? (size_t)(version - pin - 1) : strlen(pin);

	return strncmp(v->text, pin, n) == 0 && (v->text[n] == '\0' || v->text[n] == ':') &&
	       (!version || str_eq(v->text, pin));
}

static bool distro_allows(const char *pin, const struct value *v)
{
	if (v->guess)
		return str_eq(v->text, pin);
	return v->row && distro_is(v->row, pin);
}

bool pin_allows(enum solve_var var, const char *pin, const struct value *v)
{
	struct version wanted = pin_version(var, pin);

	if (str_eq(pin, "none"))
		return v->flags & VALUE_NONE;
	if (v->flags & VALUE_NONE)
		return false;
	if (str_eq(pin, "any"))
		return true;
	switch (var) {
	case VAR_TORCH:
	case VAR_RAPIDS:
	case VAR_CUPY:
	case VAR_DALI:
		return framework_allows(pin, v);
	case VAR_CUDA:
		return version_begins(&v->v, &wanted);
	case VAR_CUDNN:
		return versions_meet(&v->v, &wanted);
	case VAR_DRIVER:
		return driver_allows(pin, v);
	case VAR_ENGINE:
		return name_allows(pin, v);
	case VAR_DISTRO:
		return distro_allows(pin, v);
	case VAR_TOOLKIT:
		return wanted.n ? version_begins(&v->v, &wanted) : str_eq(v->text, pin);
	case VAR_IMAGE:
		return str_eq(v->text,
			      str_starts(pin, image_name) ? pin + sizeof(image_name) - 1 : pin);
	case VAR_ROUTE:
	case VARS:
		break;
	}
	return str_eq(v->text, pin);
}

static int refuse(enum solve_var var, const char *pin, const char *such_as, struct err *e)
{
	return err_set(e, ERR_CONFIG, "--%s '%.60s' cannot be read: write it like %s",
		       solve_names[var], pin, such_as);
}

static bool is_version(const char *text, size_t n)
{
	CLEANUP(freep) char *copy = str_fmt("%.*s", (int)(n < 60 ? n : 60), text);
	struct version v;
	struct err e;

	return version_parse(copy, "", &v, &e) == 0;
}

static int check_driver(const char *pin, struct err *e)
{
	size_t n = strspn(pin, "0123456789.");
	const char *suffix = pin_suffix(pin);

	if ((n && (!is_version(pin, n) || (pin[n] && pin[n] != '-'))) ||
	    (*suffix && !str_eq(suffix, open_suffix) && !str_eq(suffix, proprietary_suffix)))
		return refuse(VAR_DRIVER, pin, "580, 580.95.05-open, proprietary, loaded", e);
	return 0;
}

static int check_engine(const char *pin, struct err *e)
{
	static const char *const engines[] = {"dlenv", "docker", "podman"};
	const char *version = behind_name(pin);
	size_t n = version ? (size_t)(version - pin - 1) : strlen(pin);

	for (size_t i = 0; i < COUNT(engines); i++)
		if (strlen(engines[i]) == n && strncmp(engines[i], pin, n) == 0 &&
		    (!version || (i > 0 && is_version(version, strlen(version)))))
			return 0;
	return refuse(VAR_ENGINE, pin, "dlenv, docker, podman:4.9.3", e);
}

int pin_check(enum solve_var var, const char *pin, struct err *e)
{
	size_t n = strspn(pin, "0123456789.");

	if (str_eq(pin, "any") || str_eq(pin, "none") ||
	    (var == VAR_DRIVER && str_eq(pin, "loaded")))
		return 0;
	if (!*pin)
		return err_set(e, ERR_CONFIG, "--%s is empty", solve_names[var]);
	if (var == VAR_DRIVER)
		return check_driver(pin, e);
	if (var == VAR_ENGINE)
		return check_engine(pin, e);
	if ((var == VAR_CUDA || var == VAR_CUDNN) && !is_version(pin, strlen(pin)))
		return refuse(var, pin, "12.4", e);
	if (is_framework(var) && n && (!is_version(pin, n) || (pin[n] && pin[n] != '+')))
		return refuse(var, pin, "2.6, 2.6+cu124", e);
	return 0;
}
