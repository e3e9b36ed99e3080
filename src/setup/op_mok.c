/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operation enrol-key. How this works: mokutil leaves a request, which the firmware's
 * MokManager shows for ten seconds at the next boot. Only somebody at the console can confirm it,
 * with the one-time password that the request was made with. Nobody there: the request is gone, and
 * the machine starts as ever. So the password is kept until the key is enrolled, and the same one
 * is used again.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "host/host.h"
#include "setup/execute_parts.h"
#include "setup/mok.h"
#include "setup/op_parts.h"
#include "setup/script.h"

/* Digits are where they are on a US keyboard on nearly all others too. */
enum { PASSWORD_LEN = 8 };

static const char password_file[] = "mok-password";

enum mok_state mok_state_of(const char *words)
{
	static const struct {
		const char *words;
		enum mok_state state;
	} rows[] = {
		{"is not enrolled", MOK_ABSENT},
		{"already in the enrollment request", MOK_PENDING},
		{"is already enrolled", MOK_ENROLLED},
		{"already in the built-in trusted keyring", MOK_ENROLLED},
		{"is already in db", MOK_ENROLLED},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (strstr(words, rows[i].words))
			return rows[i].state;
	return MOK_UNKNOWN;
}

static enum mok_state look(const struct op *o, struct executor *x, char **ret_words)
{
	const char *const argv[] = {"mokutil", "--test-key", o->path, NULL};
	int status;

	if (executor_question(x, argv, NULL, ret_words, &status) < 0)
		return MOK_UNKNOWN;
	return mok_state_of(*ret_words);
}

static int mok_done(const struct op *o, struct executor *x)
{
	CLEANUP(freep) char *words = NULL;

	if (!x->live)
		return -1;
	if (!root_has(x->root, o->path))
		return 0;
	return look(o, x, &words) == MOK_ENROLLED;
}

static int make_password(char *ret, struct err *e)
{
	for (int i = 0; i < PASSWORD_LEN;) {
		unsigned char byte;

		if (getrandom(&byte, 1, 0) != 1)
			return err_sys(e, "cannot make a password");
		if (byte < 250)
			ret[i++] = (char)('0' + byte % 10);
	}
	ret[PASSWORD_LEN] = '\0';
	return 0;
}

/* The one of an earlier request, or a new one. *ret_again: there was one. */
static int get_password(struct executor *x, char *ret, bool *ret_again, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	struct err why = {0};

	*ret_again = file_read(x->state_fd, password_file, 64, &text, NULL, &why) == 0 &&
		     strspn(text, "0123456789") == PASSWORD_LEN;
	if (*ret_again) {
		memcpy(ret, text, PASSWORD_LEN);
		ret[PASSWORD_LEN] = '\0';
		return 0;
	}
	if (make_password(ret, e) < 0)
		return -(int)e->code;
	return file_write(x->state_fd, password_file, ret, PASSWORD_LEN, 0600, FILE_SYNC, e);
}

void mok_forget(struct executor *x)
{
	if (x->state_fd > 0 && unlinkat(x->state_fd, password_file, 0) < 0 && errno != ENOENT)
		executor_note(x, _("the password of the key's enrolment cannot be removed: %s/%s"),
			      x->state, password_file);
}

/* The password twice, as a file that is nowhere on the disk. */
static int password_twice(const char *password, struct err *e)
{
	CLEANUP(freep) char *text = str_fmt("%s\n%s\n", password, password);
	CLEANUP(fd_closep) int fd = memfd_create("password", MFD_CLOEXEC);

	if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "cannot hand the password on");
	return TAKE(fd);
}

static int request(const struct op *o, struct executor *x, const char *password, struct err *e)
{
	const char *const argv[] = {"mokutil", "--import", o->path, NULL};
	CLEANUP(freep) char *words = NULL;
	CLEANUP(freep) char *after = NULL;
	CLEANUP(fd_closep) int in = password_twice(password, e);
	int status = 0;
	const struct executor_program p = {
		.argv = argv,
		.stdin_fd = in,
		.secret = true,
		.ret_text = &words,
		.ret_status = &status,
	};

	if (in < 0 || executor_run_with(x, &p, e) < 0)
		return -(int)e->code;
	if (look(o, x, &after) == MOK_PENDING)
		return 0;
	(void)err_set(e, ERR_FAIL, "the key '%s' cannot be handed to the firmware: %.200s", o->path,
		      words);
	return err_hint(e,
			"is this machine started by UEFI? `mokutil --sb-state` must answer; else "
			"switch Secure Boot off in the firmware");
}

static void show_card(struct executor *x, const char *password)
{
	CLEANUP(host_fini) struct host h = {0};

	executor_note(
		x,
		_("At the next boot a blue screen comes up for ten seconds: press a key. Then:\n"
		  "  1. Enroll MOK\n"
		  "  2. Continue\n"
		  "  3. Yes\n"
		  "  4. the password: %s   (digits; the keyboard counts as a US one)\n"
		  "  5. Reboot\n"
		  "Nobody can do that over the network. If the screen is missed, the machine "
		  "starts as before, and `dlenv setup --resume` asks again."),
		password);
	host_read(x->root, NULL, &h);
	if (str_eq(h.place, "vm"))
		executor_note(x, _("This is a virtual machine: open its console (VNC or serial, at "
				   "your provider or in your hypervisor) before it reboots. Where "
				   "there is none, switch Secure Boot off for it instead."));
}

static int wait_for_somebody(struct err *e)
{
	(void)err_set(e, ERR_HUMAN, "somebody has to confirm the key at this machine's console");
	return err_hint(e, "reboot, follow the card above at the console, then: dlenv setup "
			   "--resume");
}

static int mok_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(freep) char *words = NULL;
	char password[PASSWORD_LEN + 1];
	enum mok_state state;
	bool again = false;

	if (!root_has(x->root, o->path)) {
		(void)err_set(e, ERR_ABSENT, "there is no key '%s' to enrol", o->path);
		return err_hint(e, "it is made before the module is built; go on from there: "
				   "dlenv setup --resume");
	}
	state = look(o, x, &words);
	if (state == MOK_ENROLLED)
		return 0;
	if (get_password(x, password, &again, e) < 0)
		return -(int)e->code;
	/* At boot there is nobody who could read a card: asking again and again helps nobody. */
	if (state == MOK_ABSENT && again && getenv("DLENV_SETUP_UNIT")) {
		(void)err_set(e, ERR_HUMAN,
			      "the key was not confirmed at the console, and the firmware has "
			      "dropped the request");
		return err_hint(e, "run `dlenv setup --resume`: it asks again and shows the card");
	}
	if (state == MOK_PENDING && !again) {
		executor_note(x, _("The key waits already, with a password that somebody else "
				   "chose. To choose another: mokutil --revoke-import"));
		return wait_for_somebody(e);
	}
	if (state != MOK_PENDING && request(o, x, password, e) < 0)
		return -(int)e->code;
	show_card(x, password);
	return wait_for_somebody(e);
}

static int mok_undo(const struct op *o, struct executor *x, const json_t *before,
		    const json_t *after, struct err *e)
{
	const char *const argv[] = {"mokutil", "--revoke-import", NULL};
	CLEANUP(freep) char *words = NULL;
	enum mok_state state = root_has(x->root, o->path) ? look(o, x, &words) : MOK_UNKNOWN;

	(void)before;
	(void)after;
	mok_forget(x);
	if (state == MOK_PENDING)
		return executor_run(x, argv, NULL, e);
	if (state == MOK_ENROLLED)
		executor_note(x,
			      _("the key stays enrolled in the firmware; somebody at the console "
				"can remove it: mokutil --delete %s, then reboot"),
			      o->path);
	return 0;
}

static void mok_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	buf_fmt(ret,
		_("ask the firmware to enrol the key %s (somebody confirms it at the console)"),
		o->path);
}

static void mok_script(const struct op *o, struct script *s)
{
	buf_str(&s->text, "if mokutil --test-key ");
	buf_shell(&s->text, o->path);
	buf_str(&s->text, " | grep -q 'is not enrolled'; then\n"
			  "\techo 'Choose a password of digits: the firmware asks for it.' >&2\n"
			  "\tmokutil --import ");
	buf_shell(&s->text, o->path);
	buf_str(&s->text, "\n\techo 'Reboot, confirm the key at the console, then run this "
			  "again.' >&2\n\texit 8\nfi\n");
}

const struct op_kind op_enrol_key = {
	.name = "enrol-key",
	.done = mok_done,
	.apply = mok_apply,
	.undo = mok_undo,
	.show = mok_show,
	.script = mok_script,
};
