/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An environment's life. How this works: every operation holds the
 * environment's lock and looks at what is there before it acts, so that a run
 * that was killed anywhere is continued by the next. env.json is written last:
 * without it the environment does not exist yet.
 */
#include "env/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/build.h"
#include "engine/gpu_layer.h"
#include "engine/net.h"
#include "engine/user_layer.h"
#include "env/gpu.h"
#include "env/inside.h"
#include "env/jupyter.h"
#include "env/services.h"
#include "env/ssh.h"

/* Dot files that a new home gets; an image that lacks them is none the worse. */
static const char *const skeleton[] = {".bashrc", ".profile", ".bash_logout"};

struct folders {
	const char *dir;
};

/* As the container's root: the overlay's upper folder is what "/" will look like inside. */
static int make_overlay(void *arg, struct err *e)
{
	const struct folders *f = arg;
	CLEANUP(fd_closep) int dir = -1;

	(void)umask(0022);
	if (dir_open(AT_FDCWD, f->dir, &dir, e) < 0 || dir_make(dir, "upper", 0755, e) < 0 ||
	    dir_make(dir, "work", 0755, e) < 0)
		return -(int)e->code;
	return 0;
}

static int remove_overlay(void *arg, struct err *e)
{
	const struct folders *f = arg;
	CLEANUP(fd_closep) int dir = -1;

	if (dir_open(AT_FDCWD, f->dir, &dir, e) < 0 || tree_remove(dir, "upper", e) < 0)
		return -(int)e->code;
	return tree_remove(dir, "work", e);
}

static int remove_all(void *arg, struct err *e)
{
	const struct folders *f = arg;

	return tree_remove(AT_FDCWD, f->dir, e);
}

static int fill_home(struct env *v, const struct image *img, struct err *e)
{
	CLEANUP(freep) char *home = env_path(v, "home");
	CLEANUP(freep) char *base = layer_path(&v->site->store, img->layers.v[0]);
	CLEANUP(fd_closep) int root = -1;
	CLEANUP(fd_closep) int fd = -1;

	if (dir_make(AT_FDCWD, home, 0755, e) < 0 || dir_open(AT_FDCWD, home, &fd, e) < 0 ||
	    dir_make(fd, "workspace", 0755, e) < 0 || dir_open(AT_FDCWD, base, &root, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(skeleton); i++) {
		CLEANUP(freep) char *path = str_fmt("/etc/skel/%s", skeleton[i]);
		CLEANUP(fd_closep) int from = -1;
		CLEANUP(buf_fini) struct buf text = {.max = 65536};

		if (file_exists(fd, skeleton[i]) ||
		    rootfs_open(root, path, O_RDONLY, 0, &from, e) < 0)
			continue;
		buf_str(&text, "");
		if (read_all(from, &text) < 0)
			return err_sys(e, "cannot read '%s' of the image", path);
		if (file_write(fd, skeleton[i], text.data, text.len, 0644, 0, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

/* Everything that is missing of the environment's folder; run again after a kill. */
static int make_folders(struct env *v, const struct image *img, struct err *e)
{
	static const char *const folders[] = {"run/ssh", "run/jupyter", "run/log"};
	struct folders f = {v->dir};

	if (dir_make(AT_FDCWD, v->dir, 0700, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(folders); i++) {
		CLEANUP(freep) char *path = env_path(v, folders[i]);

		if (dir_make(AT_FDCWD, path, 0755, e) < 0)
			return -(int)e->code;
	}
	if (userns_call(&v->site->engine.map, make_overlay, &f, e) < 0)
		return err_wrap(e, "cannot prepare the environment '%s'", v->name);
	return fill_home(v, img, e);
}

bool env_wants_cuda(const struct site *s, const struct env_def *d)
{
	return preset_has_cuda(d->preset) &&
	       (d->accelerator == ACCEL_CUDA ||
		(d->accelerator == ACCEL_AUTO && s->host.nvidia_gpus));
}

/* The build of this definition's image; layers and name belong to a. */
static int plan_build(struct site *s, const struct env_def *d, struct arena *a, struct build *ret,
		      struct err *e)
{
	bool cuda = env_wants_cuda(s, d);

	*ret = (struct build){
		.paths = s->paths,
		.store = &s->store,
		.user = s->user,
		.map = &s->engine.map,
		.suite = d->image.suite,
		.mirror = d->image.mirror,
		.progress = s->progress,
		.nonfree = cuda,
		.log_fd = -1,
	};
	if (env_def_layers(d, cuda, a, &ret->layers, &ret->layers_n, e) < 0)
		return -(int)e->code;
	/* What is nothing but a preset goes by the preset's name and is shared. */
	ret->name = ret->layers_n > d->preset->layers_n
			    ? arena_str(a, d->name)
			    : arena_fmt(a, "%s%s", d->preset_name, cuda ? "-cuda" : "");
	return 0;
}

/* *ret is the image when it is there and made of just the layers that are needed. */
static bool find_image(const struct build *b, struct image *ret)
{
	struct err ignored;

	if (build_ready_layers(b) == b->layers_n &&
	    image_load(b->store, b->name, ret, &ignored) == 0 && build_is_current(b, ret))
		return true;
	image_fini(ret);
	*ret = (struct image){0};
	return false;
}

int env_image_ready(struct site *s, const struct env_def *d, bool *ret, struct err *e)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(image_fini) struct image img = {0};
	struct build b;

	if (plan_build(s, d, &a, &b, e) < 0)
		return -(int)e->code;
	*ret = find_image(&b, &img);
	return 0;
}

int env_image(struct site *s, const struct env_def *d, bool offline, struct image *ret,
	      bool *ret_cuda, struct err *e)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(freep) char *log_path = str_fmt("%s/build.log", s->paths->data);
	CLEANUP(fd_closep) int log = -1;
	struct build b;

	if (plan_build(s, d, &a, &b, e) < 0)
		return -(int)e->code;
	*ret_cuda = b.nonfree;
	if (find_image(&b, ret))
		return 0;
	log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	b.log_fd = log;
	b.offline = offline;
	if (build_image(&b, ret, e) < 0) {
		if (!e->hint[0])
			return err_hint(e, "the whole log is in %s", log_path);
		return -(int)e->code;
	}
	return 0;
}

static bool same_layers(const struct strs *a, const struct strs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->v[i], b->v[i]))
			return false;
	return true;
}

static void record_layers(struct env *v, const struct image *img)
{
	strs_fini(&v->rec.layers);
	for (size_t i = 0; i < img->layers.n; i++)
		strs_add(&v->rec.layers, img->layers.v[i]);
}

static void record_text(char **slot, const char *value)
{
	freep(slot);
	*slot = str_dup(value);
}

/*
 * Packages that were installed by hand are recorded in the upper layer's dpkg
 * status, which would hide the one of a new image: such an environment keeps
 * its image until `rebuild`.
 */
static bool has_own_packages(const struct env *v)
{
	CLEANUP(freep) char *status = env_path(v, "upper/var/lib/dpkg/status");

	return access(status, F_OK) == 0;
}

static int create(struct env *v, const struct env_def *d, const struct image *img, bool cuda,
		  struct err *e)
{
	struct folders f = {v->dir};

	const struct idmap *map = &v->site->engine.map;

	/* What a removal or a creation that was killed left behind is nobody's. */
	if (build_verify(&v->site->store, map, img, VERIFY_MARK, v->site->progress, e) < 0 ||
	    userns_call(map, remove_all, &f, e) < 0 || make_folders(v, img, e) < 0)
		return -(int)e->code;
	record_text(&v->rec.project, d->folder);
	record_text(&v->rec.preset, d->preset_name);
	record_text(&v->rec.accelerator, cuda ? "cuda" : "cpu");
	record_layers(v, img);
	v->rec.created = time(NULL);
	return env_record_save(v, e);
}

/* Another folder's environment of the same name is not ours to take over. */
static int check_project(const struct env *v, const struct env_def *d, struct err *e)
{
	if (str_eq(v->rec.project, d->folder) || (!d->file && str_eq(v->name, "default")))
		return 0;
	(void)err_set(e, ERR_CONFIG, "the environment '%s' belongs to the folder '%s'", v->name,
		      v->rec.project);
	return err_hint(e, "give this one another name in dlenv.yaml, or `dlenv rm %s` first",
			v->name);
}

static void say_image(const struct site *s, const struct image *img)
{
	CLEANUP(freep) char *size = str_size(img->bytes);
	CLEANUP(freep)
	char *line = str_fmt(_("%s: Debian 13, %zu layers, %llu packages, %s"), img->name,
			     img->layers.n, (unsigned long long)img->packages, size);

	progress_report(s->progress,
			&(struct progress_event){.step = "image", .note = line, .finished = true});
}

int env_up(struct env *v, const struct env_def *d, unsigned int *ret_what, struct err *e)
{
	CLEANUP(image_fini) struct image img = {0};
	CLEANUP(running_fini) struct running r = {0};
	bool is_new = !v->exists;
	bool running;
	bool cuda;

	*ret_what = 0;
	if (v->exists && check_project(v, d, e) < 0)
		return -(int)e->code;
	if (env_image(v->site, d, false, &img, &cuda, e) < 0)
		return -(int)e->code;
	say_image(v->site, &img);
	running = v->exists && env_running(v, &r, e) == 0;
	if (is_new && create(v, d, &img, cuda, e) < 0)
		return -(int)e->code;
	if (is_new)
		*ret_what |= UP_CREATED;
	if (!same_layers(&v->rec.layers, &img.layers)) {
		if (running || has_own_packages(v)) {
			*ret_what |= UP_STALE;
		} else {
			record_layers(v, &img);
			record_text(&v->rec.preset, d->preset_name);
			record_text(&v->rec.accelerator, cuda ? "cuda" : "cpu");
		}
	}
	if (running)
		return 0;
	/* The default environment follows the folder that it is started from. */
	record_text(&v->rec.project, d->folder);
	*ret_what |= UP_STARTED;
	return env_start(v, d, e);
}

int env_definition(const struct env *v, struct env_def *ret, struct err *e)
{
	const struct def_sources sources = {
		.cwd = v->rec.project,
		.system = "/etc/dlenv",
		.user = v->site->paths->config,
		.home = v->site->user->home,
		.env = (const char *const *)environ,
		.flags = (const char *const *)v->rec.settings.v,
	};

	return env_def_load(&sources, ret, e);
}

static int stack(struct site *s, const struct strs *layers, struct strs *ret, struct layer *ret_own,
		 struct err *e)
{
	struct image img = {.layers = *layers};
	const struct user_layer l = {
		.store = &s->store, .user = s->user, .map = &s->engine.map, .image = &img};

	if (user_layer_stack(&l, ret, ret_own, e) == 0)
		return 0;
	if (e->code == ERR_ABSENT)
		return err_hint(e, "the image is damaged: `dlenv rebuild` makes it again and keeps "
				   "your files");
	return -(int)e->code;
}

/* Put our init into the container: bound over a file that the user's run folder has for it. */
static int bind_init(const struct env *v, struct container *c, struct err *e)
{
	CLEANUP(freep) char *program = NULL;
	CLEANUP(freep) char *point = env_path(v, "run/dlenv-init");

	if (services_init_program(&program, e) < 0 ||
	    (access(point, F_OK) < 0 && file_write(AT_FDCWD, point, "", 0, 0755, 0, e) < 0))
		return -(int)e->code;
	container_bind(c, program, "/run/dlenv/dlenv-init", true);
	return 0;
}

static int prepare_files(struct env *v, const struct env_def *d, struct err *e)
{
	CLEANUP(freep) char *status = env_path(v, "run/status");
	bool moved = false;

	(void)unlink(status);
	if (d->jupyter.enable && jupyter_choose_port(v, d, &moved, e) < 0)
		return -(int)e->code;
	if (moved && v->site->engine.warn)
		v->site->engine.warn(
			v->site->engine.warn_arg,
			_("JupyterLab's port was taken: it moves to the next free one"));
	if (jupyter_prepare(v, d, e) < 0 || ssh_prepare(v, d, e) < 0)
		return -(int)e->code;
	return services_write(v, d, e);
}

/* slirp4netns forwards nothing to a server on the container's loopback, where JupyterLab is. */
static int choose_network(const struct env *v, const struct env_def *d, enum net_mode *ret,
			  struct err *e)
{
	const struct engine *en = &v->site->engine;
	const char *why = NULL;

	if (net_choose((enum net_mode)d->run.network, ret, &why, e) < 0)
		return -(int)e->code;
	if (why)
		dbg("network: not pasta: %s", why);
	if (*ret != NET_SLIRP || !d->jupyter.enable)
		return 0;
	if (d->run.network == NET_AUTO)
		*ret = NET_HOST;
	else if (en->warn)
		en->warn(en->warn_arg, _("with slirp4netns JupyterLab is reached through ssh only: "
					 "ssh -L 8888:127.0.0.1:PORT"));
	return 0;
}

int env_start(struct env *v, const struct env_def *d, struct err *e)
{
	static const char *const args[] = {"/run/dlenv/dlenv-init", "/run/dlenv/init.conf", NULL};
	static const char *const vars[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	struct engine *en = &v->site->engine;
	CLEANUP(freep) char *upper = env_path(v, "upper");
	CLEANUP(freep) char *work = env_path(v, "work");
	CLEANUP(container_fini) struct container c;
	CLEANUP(strs_fini) struct strs lowers = {0};
	CLEANUP(layer_fini) struct layer own = {0};
	CLEANUP(running_fini) struct running r = {0};
	struct gpu_layer driver = {.engine = en, .store = &v->site->store, .below = &own};
	uint16_t ports[2] = {0};

	container_init(&c);
	if (env_running(v, &r, e) == 0)
		return 0;
	/* What an earlier start left behind when it was killed. */
	if (en->ops->stop(en, v->id, 0, e) < 0 || choose_network(v, d, &c.net, e) < 0)
		return -(int)e->code;
	if (stack(v->site, &v->rec.layers, &lowers, &own, e) < 0 ||
	    inside_fill(v->site, v, d, &c, e) < 0 || env_gpu_give(v->site, v, d, &c, e) < 0 ||
	    prepare_files(v, d, e) < 0 || bind_init(v, &c, e) < 0)
		return -(int)e->code;
	ports[0] = d->jupyter.enable ? v->rec.jupyter_port : 0;
	c.id = v->id;
	c.hostname = v->name;
	c.upper = upper;
	c.work = work;
	gpu_layer_add(&driver, &c, &lowers);
	c.lowers = (const char *const *)lowers.v;
	c.args = args;
	c.env = vars;
	c.cwd = "/";
	c.ports = ports;
	record_text(&v->rec.network, net_name(c.net));
	if (env_record_save(v, e) < 0 || en->ops->start(en, &c, &r, e) < 0)
		return -(int)e->code;
	return ssh_client_write(v->site, e);
}

int env_stop(struct env *v, int timeout_ms, struct err *e)
{
	struct engine *en = &v->site->engine;

	return en->ops->stop(en, v->id, timeout_ms, e);
}

int env_reset(struct env *v, struct err *e)
{
	struct folders f = {v->dir};

	if (userns_call(&v->site->engine.map, remove_overlay, &f, e) < 0)
		return err_wrap(e, "cannot reset '%s'", v->name);
	return userns_call(&v->site->engine.map, make_overlay, &f, e);
}

int env_remove(struct env *v, struct err *e)
{
	CLEANUP(freep) char *record = env_path(v, "env.json");
	struct folders f = {v->dir};

	/* Without its record it does not exist any more: a kill from here on leaves only waste. */
	if (unlink(record) < 0 && errno != ENOENT)
		return err_sys(e, "cannot remove '%s'", record);
	if (userns_call(&v->site->engine.map, remove_all, &f, e) < 0)
		return err_wrap(e, "cannot remove all of '%s'", v->name);
	return ssh_client_write(v->site, e);
}

int env_enter(struct env *v, const struct env_def *d, const struct enter *n, int *ret_status,
	      struct err *e)
{
	struct engine *en = &v->site->engine;
	CLEANUP(running_fini) struct running r = {0};
	CLEANUP(strs_fini) struct strs vars = {0};
	CLEANUP(freep) char *cwd = n->cwd ? str_dup(n->cwd) : inside_cwd(v->site, d);
	struct command_in cmd = {
		.args = n->args,
		.cwd = cwd,
		.uid = n->root ? 0 : v->site->user->uid,
		.gid = n->root ? 0 : v->site->user->gid,
		.tty = n->tty,
	};

	if (env_running(v, &r, e) < 0) {
		(void)err_set(e, ERR_ABSENT, "the environment '%s' is not running", v->name);
		return err_hint(e, "`dlenv start %s` starts it", v->name);
	}
	inside_variables(v->site, v, d, &vars);
	inside_terminal(&vars);
	if (n->gpu && env_gpu_limit(v, d, n->gpu, &vars, e) < 0)
		return -(int)e->code;
	cmd.env = (const char *const *)vars.v;
	return en->ops->exec(en, v->id, &r, &cmd, ret_status, e);
}
