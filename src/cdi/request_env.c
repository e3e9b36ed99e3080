/* SPDX-License-Identifier: Apache-2.0 */
/* What NVIDIA's variables ask for. A container's environment is outside data. */
#include <string.h>

#include "base/i18n.h"
#include "base/version.h"
#include "cdi/request.h"
#include "cdi/request_parts.h"

enum { IMEX_CHANNEL_MAX = (1 << 20) - 1, REQUIRES_MAX = 64 };

/* The value of the last entry of that name; NULL: there is none. */
static const char *value_of(const char *const *env, const char *name)
{
	size_t n = strlen(name);
	const char *value = NULL;

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			value = *env + n + 1;
	return value;
}

/* The parts of a list with commas, without spaces around them and without what is empty. */
static void split(const char *text, struct strs *ret)
{
	for (const char *p = text; *p && ret->n < REQUEST_IDS_MAX;) {
		size_t n = strcspn(p, ",");
		const char *from = p + strspn(p, " \t");
		size_t len = from < p + n ? (size_t)(p + n - from) : 0;
		CLEANUP(freep) char *word = NULL;

		while (len && strchr(" \t\n", from[len - 1]))
			len--;
		word = str_fmt("%.*s", (int)len, from);
		if (len && !strs_has(ret, word))
			strs_add(ret, word);
		p += n + (p[n] == ',');
	}
}

static bool has_name(const char *entry, const char *prefix)
{
	return str_starts(entry, prefix) && strchr(entry, '=');
}

/* Images from before nvidia-docker 2 say so by CUDA_VERSION alone. */
static bool is_legacy(const char *const *env)
{
	return value_of(env, "CUDA_VERSION") && !value_of(env, "NVIDIA_REQUIRE_CUDA");
}

static void take_devices(struct gpu_request *q, const char *text)
{
	CLEANUP(strs_fini) struct strs words = {0};
	CLEANUP(strs_fini) struct strs ids = {0};

	split(text, &words);
	if (!words.n || strs_has(&words, "void"))
		return;
	q->any = true;
	for (size_t i = 0; i < words.n; i++)
		if (!str_eq(words.v[i], "none"))
			strs_add(&ids, words.v[i]);
	if (strs_has(&words, "all")) {
		strs_fini(&ids);
		strs_add(&ids, "all");
	} else if (!ids.n) {
		strs_add(&ids, "none");
	}
	q->ids = request_list(&q->arena, &ids);
}

static int take_caps(struct gpu_request *q, const char *const *env, struct err *e)
{
	const char *text = value_of(env, "NVIDIA_DRIVER_CAPABILITIES");

	q->caps = CAP_DEFAULT;
	if (!text && is_legacy(env)) {
		q->caps = CAP_ALL;
		return 0;
	}
	if (text && cdi_caps_parse(text, &q->caps, e) < 0)
		return err_wrap(e, "%s", "NVIDIA_DRIVER_CAPABILITIES");
	if (!q->caps)
		q->caps = CAP_DEFAULT;
	return 0;
}

/* As Go's strconv.ParseBool, which defines these words for images. */
static bool is_true(const char *text)
{
	static const char *const words[] = {"1", "t", "T", "true", "TRUE", "True"};

	for (size_t i = 0; text && i < COUNT(words); i++)
		if (str_eq(text, words[i]))
			return true;
	return false;
}

/* The last of each name; NVIDIA_REQUIRE_JETPACK is no expression. */
static void take_require(struct gpu_request *q, const char *const *env)
{
	static const char prefix[] = "NVIDIA_REQUIRE_";
	const char *cuda = value_of(env, "CUDA_VERSION");
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(strs_fini) struct strs found = {0};
	struct version v;

	if (is_true(value_of(env, "NVIDIA_DISABLE_REQUIRE")))
		return;
	for (const char *const *p = env; p && *p; p++) {
		CLEANUP(freep) char *name = str_fmt("%.*s", (int)strcspn(*p, "="), *p);
		const char *value;

		if (!has_name(*p, prefix) || str_eq(name, "NVIDIA_REQUIRE_JETPACK") ||
		    strs_has(&names, name) || names.n == REQUIRES_MAX)
			continue;
		strs_add(&names, name);
		value = value_of(env, name);
		if (value && *value)
			strs_add(&found, value);
	}
	v = version_in(cuda ? cuda : "");
	if (is_legacy(env) && v.n)
		strs_fmt(&found, "cuda>=%u.%u", v.part[0], v.n > 1 ? v.part[1] : 0);
	q->require = request_list(&q->arena, &found);
}

static int take_imex(struct gpu_request *q, const char *const *env, struct err *e)
{
	const char *text = value_of(env, "NVIDIA_IMEX_CHANNELS");
	CLEANUP(strs_fini) struct strs words = {0};
	uint64_t channel;

	if (!text)
		return 0;
	split(text, &words);
	for (size_t i = 0; i < words.n; i++) {
		if (parse_uint(words.v[i], IMEX_CHANNEL_MAX, "channel", &channel, e) == 0)
			continue;
		e->code = ERR_CONFIG;
		(void)err_wrap(e, "%s", "NVIDIA_IMEX_CHANNELS");
		return err_hint(e, "name the channels by their numbers, with commas");
	}
	if (words.n)
		q->imex = request_list(&q->arena, &words);
	return 0;
}

static int take_mig(const char *const *env, const char *name, bool privileged, bool *ret,
		    struct err *e)
{
	const char *value = value_of(env, name);

	if (!value || !*value || str_eq(value, "void") || str_eq(value, "none"))
		return 0;
	if (!privileged) {
		(void)err_set(e, ERR_PRIV, "%s is for privileged containers only", name);
		return err_hint(e, "take the variable out, or make the container privileged");
	}
	if (!str_eq(value, "all")) {
		(void)err_set(e, ERR_CONFIG, "%s cannot be '%.64s'", name, value);
		return err_hint(e, "write all, or take the variable out");
	}
	*ret = true;
	return 0;
}

static void take_modes(struct gpu_request *q, const char *const *env)
{
	static const char *const rows[][2] = {
		{"NVIDIA_GDS", "gds"},
		{"NVIDIA_MOFED", "mofed"},
		{"NVIDIA_GDRCOPY", "gdrcopy"},
		{"NVIDIA_NVSWITCH", "nvswitch"},
	};
	CLEANUP(strs_fini) struct strs modes = {0};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(value_of(env, rows[i][0]), "enabled"))
			strs_add(&modes, rows[i][1]);
	if (modes.n)
		q->modes = request_list(&q->arena, &modes);
}

int gpu_request_from_env(const char *const *env, bool privileged, struct gpu_request *ret,
			 struct err *e)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {0};
	const char *devices = value_of(env, "NVIDIA_VISIBLE_DEVICES");

	if (!devices && is_legacy(env))
		devices = "all";
	if (devices)
		take_devices(&q, devices);
	if (q.any) {
		if (take_caps(&q, env, e) < 0 || take_imex(&q, env, e) < 0 ||
		    take_mig(env, "NVIDIA_MIG_CONFIG_DEVICES", privileged, &q.mig_config, e) < 0 ||
		    take_mig(env, "NVIDIA_MIG_MONITOR_DEVICES", privileged, &q.mig_monitor, e) < 0)
			return -(int)e->code;
		take_require(&q, env);
		take_modes(&q, env);
	}
	*ret = q;
	q = (struct gpu_request){0};
	return 0;
}
