/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked for, as a line of the journal keeps it. */
#include <string.h>

#include "base/str.h"
#include "setup/execute_parts.h"
#include "setup/setup.h"

enum { TRUST_MAX = 64 };

static json_t *texts(const char *const *v)
{
	json_t *ret = json_array();

	for (; v && *v; v++)
		(void)json_array_append_new(ret, json_string(*v));
	return ret;
}

json_t *options_json(const struct setup_options *o)
{
	json_t *pins = json_object();

	for (size_t i = 0; i < VARS; i++)
		if (o->pin[i])
			(void)json_object_set_new(pins, solve_names[i], json_string(o->pin[i]));
	return json_pack("{s:o, s:o, s:s?, s:o, s:b, s:b, s:b}", "targets",
			 setup_targets_json(o->targets), "pins", pins, "user", o->user, "trust",
			 texts(o->trust), "rootless", o->rootless, "reboot", o->reboot,
			 "no_network", o->no_network);
}

static int unknown(struct err *e, const char *name)
{
	return err_set(e, ERR_PARSE, "what an earlier run asked for is not known here: '%s'",
		       name ? name : "");
}

static int read_targets(const json_t *j, struct setup_options *o, struct err *e)
{
	const json_t *name;
	size_t at;

	json_array_foreach(j, at, name)
	{
		const char *text = json_string_value(name);
		unsigned int target = setup_target(text);

		if (!target)
			return unknown(e, text);
		o->targets |= target;
	}
	return 0;
}

static int read_pins(json_t *j, struct arena *a, struct setup_options *o, struct err *e)
{
	const char *name;
	json_t *value;

	json_object_foreach(j, name, value)
	{
		size_t i = 0;

		while (i < VARS && !str_eq(solve_names[i], name))
			i++;
		if (i == VARS || !json_is_string(value))
			return unknown(e, name);
		o->pin[i] = arena_str(a, json_string_value(value));
	}
	return 0;
}

static int read_trust(const json_t *j, struct arena *a, struct setup_options *o, struct err *e)
{
	size_t n = json_array_size(j);
	const char **v;

	if (n > TRUST_MAX)
		return unknown(e, "trust");
	if (!n)
		return 0;
	v = arena_alloc(a, (n + 1) * sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		v[i] = arena_str(a, json_string_value(json_array_get(j, i)));
		if (!v[i])
			return unknown(e, "trust");
	}
	o->trust = v;
	return 0;
}

int options_from_json(const json_t *j, struct arena *a, struct setup_options *ret, struct err *e)
{
	struct setup_options o = {
		.user = arena_str(a, json_string_value(json_object_get(j, "user"))),
		.rootless = json_is_true(json_object_get(j, "rootless")),
		.reboot = json_is_true(json_object_get(j, "reboot")),
		.no_network = json_is_true(json_object_get(j, "no_network")),
	};

	if (read_targets(json_object_get(j, "targets"), &o, e) < 0 ||
	    read_pins(json_object_get(j, "pins"), a, &o, e) < 0 ||
	    read_trust(json_object_get(j, "trust"), a, &o, e) < 0)
		return -(int)e->code;
	*ret = o;
	return 0;
}
