/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: whatever the source, the devices become the value of one more
 * NVIDIA_VISIBLE_DEVICES behind the container's own variables, where the last one counts; so there
 * is one reader of variables. Names of CDI devices are taken out before.
 */
#include "hook/wish.h"

#include <string.h>

#include "base/str.h"
#include "cdi/registry.h"

#define VOLUME_FOLDER "/var/run/nvidia-container-devices/"
#define VISIBLE "NVIDIA_VISIBLE_DEVICES"

/* What the sources say. */
struct asked {
	struct strs devices;
	struct strs channels; /* IMEX */
	bool variables;	      /* the container's own NVIDIA_VISIBLE_DEVICES */
};

static void asked_fini(struct asked *a)
{
	strs_fini(&a->devices);
	strs_fini(&a->channels);
}

static void add_list(struct strs *l, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, ",");

		if (n)
			strs_fmt(l, "%.*s", (int)n, text);
		text += n + (text[n] == ',');
	}
}

static void from_annotations(const struct bundle *b, const struct toolkit_config *c,
			     struct asked *ret)
{
	for (size_t i = 0; i < b->annotations.n; i++) {
		const struct doc_pair *p = &b->annotations.items[i];

		for (const char **prefix = c->runtime.cdi_annotation_prefixes; prefix && *prefix;
		     prefix++)
			if (str_starts(p->key, *prefix)) {
				add_list(&ret->devices, p->value);
				break;
			}
	}
}

/* "cdi/VENDOR/CLASS/DEVICE" is a CDI device, "imex/N" a channel, the rest a GPU. */
static void from_volume(const char *what, struct asked *ret)
{
	const char *class_ = str_starts(what, "cdi/") ? strchr(what + 4, '/') : NULL;
	const char *device = class_ ? strchr(class_ + 1, '/') : NULL;

	if (device)
		strs_fmt(&ret->devices, "%.*s=%s", (int)(device - what - 4), what + 4, device + 1);
	else if (str_starts(what, "imex/"))
		strs_add(&ret->channels, what + 5);
	else
		strs_add(&ret->devices, what);
}

static void from_volumes(const struct bundle *b, struct asked *ret)
{
	const struct bundle_mount *m = b->mounts.items;

	for (size_t i = 0; i < b->mounts.n; i++)
		if (str_eq(m[i].source, "/dev/null") && m[i].destination &&
		    str_starts(m[i].destination, VOLUME_FOLDER))
			from_volume(m[i].destination + strlen(VOLUME_FOLDER), ret);
}

static void from_swarm(const struct bundle *b, const struct toolkit_config *c, struct asked *ret)
{
	CLEANUP(strs_fini) struct strs names = {0};

	add_list(&names, c->swarm_resource ? c->swarm_resource : "");
	for (size_t i = 0; i < names.n; i++) {
		const char *value = bundle_env(b, names.v[i] + strspn(names.v[i], " "));

		add_list(&ret->devices, value ? value : "");
	}
}

static void ask(const struct bundle *b, const struct toolkit_config *c, bool annotations,
		struct asked *ret)
{
	bool variables = c->accept_devices_envvar_when_unprivileged || bundle_is_privileged(b);

	if (annotations)
		from_annotations(b, c, ret);
	if (!ret->devices.n && c->accept_devices_as_volume_mounts)
		from_volumes(b, ret);
	if (!ret->devices.n && variables)
		from_swarm(b, c, ret);
	if (!ret->devices.n && variables) {
		const char *value = bundle_env(b, VISIBLE);

		ret->variables = true;
		add_list(&ret->devices, value ? value : "");
	}
	if (ret->channels.n && !ret->devices.n)
		strs_add(&ret->devices, "none");
}

/* The variables as gpu_request_from_env is to see them. */
static void environment(const struct bundle *b, const struct asked *a, bool names, struct strs *ret)
{
	for (const char **v = b->env; v && *v; v++)
		strs_add(ret, *v);
	if (names)
		strs_add(ret, VISIBLE "=none");
	else if (!a->variables && !a->devices.n)
		strs_add(ret, VISIBLE "=void");
	else if (!a->variables) {
		CLEANUP(buf_fini) struct buf list = {0};

		for (size_t i = 0; i < a->devices.n; i++)
			buf_fmt(&list, "%s%s", i ? "," : "", a->devices.v[i]);
		strs_fmt(ret, VISIBLE "=%s", list.data);
	}
	if (a->channels.n) {
		CLEANUP(buf_fini) struct buf list = {0};

		for (size_t i = 0; i < a->channels.n; i++)
			buf_fmt(&list, "%s%s", i ? "," : "", a->channels.v[i]);
		strs_fmt(ret, "NVIDIA_IMEX_CHANNELS=%s", list.data);
	}
}

/* All, some or none of the devices are names of CDI devices. */
static int take_names(const struct asked *a, struct wish *ret, struct err *e)
{
	size_t named = 0;

	if (strs_has(&a->devices, "void"))
		return 0;
	for (size_t i = 0; i < a->devices.n; i++)
		named += cdi_name_is_qualified(a->devices.v[i]);
	if (!named)
		return 0;
	if (named < a->devices.n) {
		(void)err_set(e, ERR_CONFIG,
			      "names of CDI devices and of GPUs are mixed in what is asked for");
		return err_hint(e, "write all of them as VENDOR/CLASS=NAME, or none");
	}
	ret->names = arena_alloc(&ret->arena, (named + 1) * sizeof(*ret->names));
	for (size_t i = 0; i < named; i++)
		ret->names[i] = arena_str(&ret->arena, a->devices.v[i]);
	return 0;
}

int wish_read(const struct bundle *b, const struct toolkit_config *c, bool annotations,
	      struct wish *ret, struct err *e)
{
	CLEANUP(asked_fini) struct asked a = {0};
	CLEANUP(strs_fini) struct strs env = {0};

	ask(b, c, annotations, &a);
	if (take_names(&a, ret, e) < 0)
		return -(int)e->code;
	environment(b, &a, ret->names != NULL, &env);
	if (gpu_request_from_env((const char *const *)env.v, bundle_is_privileged(b), &ret->q, e) <
	    0)
		return -(int)e->code;
	ret->none = !ret->names && ret->q.ids && str_eq(ret->q.ids[0], "none");
	if (c->features.ignore_imex_channel_requests)
		ret->q.imex = NULL;
	ret->caps_given = bundle_env(b, "NVIDIA_DRIVER_CAPABILITIES") != NULL;
	return 0;
}

void wish_fini(struct wish *w)
{
	gpu_request_fini(&w->q);
	arena_fini(&w->arena);
}
