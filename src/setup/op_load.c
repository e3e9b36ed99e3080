/* SPDX-License-Identifier: Apache-2.0 */
/* The operation load-module, with the reasons why a kernel refuses one. */
#include <string.h>

#include "base/i18n.h"
#include "setup/execute_parts.h"
#include "setup/op_module.h"
#include "setup/op_parts.h"
#include "setup/script.h"

static int load_done(const struct op *o, struct executor *x)
{
	return module_is_loaded(x->root, o->name);
}

static int load_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	(void)e;
	*ret = json_pack("{s:b}", "loaded", (int)module_is_loaded(x->root, o->name));
	return 0;
}

/* What modprobe prints, and the kernel's log says, of a module that is refused. */
static const struct reason {
	const char *text;
	enum err_code code;
	const char *msg;  /* with the module's name */
	const char *hint; /* or NULL */
} reasons[] = {
	{"Key was rejected by service", ERR_HUMAN,
	 N_("the kernel refuses the module '%s': Secure Boot is on and the key that signed it is "
	    "not enrolled"),
	 N_("`dlenv setup driver` signs it and asks for its key to be enrolled; or switch Secure "
	    "Boot off in the firmware")},
	{"Required key not available", ERR_HUMAN,
	 N_("the kernel refuses the module '%s': Secure Boot is on and it is not signed"),
	 N_("`dlenv setup driver` signs it and asks for its key to be enrolled; or switch Secure "
	    "Boot off in the firmware")},
	{"requires use of the NVIDIA open kernel modules", ERR_FAIL,
	 N_("the module '%s' does not drive this GPU: it needs the open kernel modules"),
	 N_("dlenv setup driver, without a --driver that is not open")},
	{"not supported by open nvidia.ko", ERR_FAIL,
	 N_("the module '%s' does not drive this GPU: the open kernel modules do not know it"),
	 N_("take the proprietary ones: dlenv setup driver --driver 580")},
	{"does not include the required GPU System Processor", ERR_FAIL,
	 N_("the module '%s' does not drive this GPU: it has no GSP, which the open kernel "
	    "modules need"),
	 N_("take the proprietary ones: dlenv setup driver --driver 580")},
	{"NVIDIA legacy drivers", ERR_FAIL,
	 N_("the module '%s' is too new for this GPU: it is driven by a legacy branch"),
	 N_("`dlenv solve` says which")},
	{"API mismatch", ERR_REBOOT, N_("another version of the module '%s' runs"), NULL},
	{"No NVIDIA GPU found", ERR_FAIL, N_("the module '%s' finds no GPU"),
	 N_("see whether `lspci -d 10de:` lists it; in a virtual machine it has to be passed "
	    "through")},
	{"Exec format error", ERR_FAIL, N_("the module '%s' was built for another kernel"),
	 N_("reboot into the newest kernel, then: dlenv setup --resume")},
	{"Cannot allocate memory", ERR_FAIL, N_("the module '%s' gets no memory"), NULL},
};

/* Also what the module itself says of the card, which modprobe does not know. */
static const struct reason *reason_of(const char *words)
{
	static const char *const module[] = {"NVRM:", NULL};
	CLEANUP(freep) char *kernel = module_kernel_says(module);

	for (size_t i = 0; i < COUNT(reasons); i++)
		if (strstr(words, reasons[i].text) || (kernel && strstr(kernel, reasons[i].text)))
			return &reasons[i];
	return NULL;
}

static int refused(const struct op *o, struct executor *x, const char *words, struct err *e)
{
	static const char *const module[] = {"NVRM:", "nvidia:", NULL};
	const struct reason *r = reason_of(words);
	CLEANUP(freep) char *kernel = module_kernel(x->root);
	CLEANUP(freep) char *other = NULL;
	CLEANUP(freep) char *says = NULL;

	if (r) {
		(void)err_set(e, r->code, r->msg, o->name);
		return r->hint ? err_hint(e, "%s", _(r->hint)) : -(int)e->code;
	}
	if (strstr(words, "not found in directory") && kernel) {
		other = module_other_kernel(x->root, kernel, o->name);
		if (other)
			return err_set(e, ERR_REBOOT,
				       "the module '%s' is there for kernel %s, and %s runs",
				       o->name, other, kernel);
		(void)err_set(e, ERR_FAIL, "there is no module '%s' for the running kernel %s",
			      o->name, kernel);
		return err_hint(e, "its packages may be for a newer kernel: upgrade, reboot, then "
				   "`dlenv setup --resume`");
	}
	says = module_kernel_says(module);
	(void)err_set(e, ERR_FAIL, "the module '%s' cannot be loaded: %.200s", o->name,
		      says ? says : words);
	return err_hint(e, "the kernel's log says why: sudo dmesg | grep -e NVRM -e nvidia");
}

static int load_apply(const struct op *o, struct executor *x, struct err *e)
{
	const char *const argv[] = {"modprobe", o->name, NULL};
	CLEANUP(freep) char *text = NULL;
	const struct executor_program p = {
		.argv = argv, .ret_text = &text, .ret_status = &(int){0}};

	if (module_nouveau_holds(x->root))
		return err_set(e, ERR_REBOOT, "nouveau has the card until the next boot");
	if (executor_run_with(x, &p, e) < 0)
		return -(int)e->code;
	return *p.ret_status ? refused(o, x, text, e) : 0;
}

static int load_undo(const struct op *o, struct executor *x, const json_t *before,
		     const json_t *after, struct err *e)
{
	const char *const argv[] = {"modprobe", "-r", o->name, NULL};
	struct err why = {0};

	(void)after;
	(void)e;
	if (json_is_true(json_object_get(before, "loaded")) || !module_is_loaded(x->root, o->name))
		return 0;
	if (executor_run(x, argv, NULL, &why) < 0)
		executor_note(x, _("the module '%s' is in use: it goes with the next boot"),
			      o->name);
	return 0;
}

static void load_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	buf_fmt(ret, _("load the kernel module %s"), o->name);
}

static void load_script(const struct op *o, struct script *s)
{
	script_line(s, (const char *const[]){"modprobe", o->name, NULL});
}

const struct op_kind op_load_module = {
	.name = "load-module",
	.done = load_done,
	.before = load_before,
	.apply = load_apply,
	.undo = load_undo,
	.show = load_show,
	.script = load_script,
};
