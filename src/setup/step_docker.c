/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker: Docker's own packages where Docker has some for the distribution, the distribution's on
 * SUSE and Amazon Linux. Its configuration for the GPU is in step_gpu.c.
 */
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

#define ADDRESS "download.docker.com/linux"
#define APT_KEY "/etc/apt/keyrings/docker.asc"
#define RPM_KEY "/etc/pki/rpm-gpg/RPM-GPG-KEY-docker-ce"

/* What Docker's manual has removed first, by the folder of its repository. */
static const struct {
	const char *folder;
	const char *packages[16];
} conflicting[] = {
	{"ubuntu",
	 {"docker.io", "docker-compose", "docker-compose-v2", "docker-doc", "podman-docker",
	  "containerd", "runc"}},
	{"debian",
	 {"docker.io", "docker-doc", "docker-compose", "podman-docker", "containerd", "runc"}},
	{"fedora",
	 {"docker", "docker-client", "docker-client-latest", "docker-common", "docker-latest",
	  "docker-latest-logrotate", "docker-logrotate", "docker-selinux", "docker-engine-selinux",
	  "docker-engine", "moby-engine", "podman-docker"}},
	{"centos",
	 {"docker", "docker-client", "docker-client-latest", "docker-common", "docker-latest",
	  "docker-latest-logrotate", "docker-logrotate", "docker-engine", "podman-docker"}},
	{"rhel",
	 {"docker", "docker-client", "docker-client-latest", "docker-common", "docker-latest",
	  "docker-latest-logrotate", "docker-logrotate", "docker-engine", "podman-docker", "podman",
	  "runc"}},
};

/* "https://download.docker.com/linux/debian (use trixie)" of distros.tsv, taken apart. */
struct docker_repo {
	const char *url;
	const char *folder; /* its end: "debian" */
	const char *suite;  /* apt */
};

/* False: Docker has nothing for it. */
static bool find_repo(struct setup *s, const struct distro_fact *d, struct docker_repo *ret)
{
	static const char use[] = "(use ";
	const char *text = d->docker_repo;
	const char *note = strstr(text, use);
	const char *suite = note ? note + strlen(use) : d->codename;

	if (!str_starts(text, "https://"))
		return false;
	ret->url = arena_strn(&s->arena, text, strcspn(text, " "));
	ret->suite = arena_strn(&s->arena, suite, strcspn(suite, ")/"));
	ret->folder = strrchr(ret->url, '/') + 1;
	return true;
}

static int no_docker(struct setup *s, const struct distro_fact *d, struct err *e)
{
	if (!d || !s->pkg) {
		(void)err_set(e, ERR_UNSAT, "how Docker is installed on %s is not known",
			      step_distro_name(s));
		return err_hint(e, "install it as your system does it, then `sudo dlenv configure "
				   "docker`; dlenv's own engine needs none");
	}
	(void)err_set(e, ERR_UNSAT, "neither Docker nor %s has packages of Docker for it",
		      step_distro_name(s));
	return err_hint(e,
			"take a release that is still maintained, podman (`dlenv setup podman`), "
			"or dlenv's own engine (`dlenv setup dlenv`)");
}

/* Two daemons for one socket. */
static int check_others(const struct setup *s, struct err *e)
{
	if (root_has(s->root, "/snap/docker/current")) {
		(void)err_set(e, ERR_UNSAT,
			      "Docker is installed as a snap, which cannot use GPUs this way");
		return err_hint(e, "`sudo snap remove docker` (it takes its images along), then "
				   "this again");
	}
	if (str_eq(s->host.place, "wsl") && root_has(s->root, "/mnt/wsl/docker-desktop")) {
		(void)err_set(e, ERR_UNSAT,
			      "Docker Desktop gives this WSL distribution its docker");
		return err_hint(e, "GPUs work there already: `docker run --gpus all`; else switch "
				   "its WSL integration off, and try again");
	}
	return 0;
}

static void say_what_follows(struct setup *s, struct plan *p, const struct distro_fact *d)
{
	if (root_has(s->root, "/opt/docker-desktop"))
		plan_note(p, _("Docker Desktop runs containers in a virtual machine without the "
			       "GPU: choose this daemon with `docker context use default`"));
	if (str_starts(d->lifecycle, "end of"))
		plan_note(p,
			  _("%s is no longer maintained, and new packages of Docker may be "
			    "missing"),
			  step_distro_name(s));
	if (str_eq(s->host.os.id, "rhel") && s->live &&
	    !root_has(s->root, "/etc/pki/consumer/cert.pem"))
		plan_note(p, _("this RHEL is not registered: what Docker depends on comes from its "
			       "repositories (`sudo subscription-manager register`)"));
}

/* Debian's podman takes crun or runc: with the one removed, it needs the other. */
static void keep_podman(struct setup *s, struct plan *p, const char *const *removed)
{
	bool runc = false;

	for (; *removed; removed++)
		runc = runc || str_eq(*removed, "runc");
	if (runc && step_manager_is(s, "apt") && setup_has(s, "podman") && !setup_has(s, "crun"))
		plan_add(p,
			 &(struct op){.kind = &op_install,
				      ONE_OF(p, WORDS(p, "crun")),
				      .why = _("podman, which is installed, goes on with it when "
					       "runc is removed")});
}

static void remove_conflicting(struct setup *s, struct plan *p, const struct docker_repo *r)
{
	const char *folder = str_eq(r->folder, "rocky") ? "rhel" : r->folder;
	CLEANUP(strs_fini) struct strs words = {0};
	const char *const *there;
	bool kept = false;

	for (size_t i = 0; i < COUNT(conflicting); i++)
		for (size_t j = 0;
		     str_eq(conflicting[i].folder, folder) && conflicting[i].packages[j]; j++) {
			const char *package = conflicting[i].packages[j];
			/* Docker's containerd.io has a runc in it, which podman can use too. */
			bool podmans = str_eq(folder, "rhel") &&
				       (str_eq(package, "podman") || str_eq(package, "runc"));

			if (podmans && step_wants(s, SETUP_PODMAN))
				kept = kept || str_eq(package, "podman");
			else
				strs_add(&words, package);
		}
	if (kept)
		plan_note(p, _("Docker's manual removes podman on this distribution; it stays, "
			       "since it is asked for as well"));
	if (!words.n)
		return;
	there = step_installed(s, p, (const char *const *)words.v);
	if (!there)
		return;
	keep_podman(s, p, there);
	plan_add(p, &(struct op){.kind = &op_remove,
				 .words = there,
				 .why = _("they conflict with Docker's own packages; "
					  "images and volumes in /var/lib/docker stay")});
}

/* EL's $releasever may be a minor release, which Docker does not have. */
static const char *rpm_url(struct setup *s, const struct distro_fact *d,
			   const struct docker_repo *r)
{
	if (str_eq(r->folder, "fedora"))
		return arena_fmt(&s->arena, "%s/$releasever/$basearch/stable", r->url);
	return arena_fmt(&s->arena, "%s/%.*s/$basearch/stable", r->url,
			 (int)strcspn(d->version, "."), d->version);
}

static int add_repository(struct setup *s, struct plan *p, const struct distro_fact *d,
			  const struct docker_repo *r, struct err *e)
{
	bool apt = step_manager_is(s, "apt");
	const struct step_repository repo = {
		.repo = {.id = apt ? "docker" : "docker-ce-stable",
			 .name = "Docker CE Stable",
			 .url = apt ? r->url : rpm_url(s, d, r),
			 .suite = r->suite,
			 .components = "stable",
			 .check_packages = true},
		.address = ADDRESS,
		.key = apt ? "docker-deb" : "docker-rpm",
		.key_os = r->folder,
		.key_path = apt ? APT_KEY : RPM_KEY,
		.key_flags = apt ? OP_ARMOR : OP_ARMOR | OP_RPM_KEY,
		.why = _("Docker's own repository: newer than the distribution's, and the one that "
			 "its manual speaks of"),
	};

	return step_add_repository(s, p, &repo, e);
}

static int install_ce(struct setup *s, struct plan *p, const struct distro_fact *d,
		      const struct docker_repo *r, struct err *e)
{
	const char *const *words = WORDS(p, "docker-ce", "docker-ce-cli", "containerd.io",
					 "docker-buildx-plugin", "docker-compose-plugin");

	remove_conflicting(s, p, r);
	if (add_repository(s, p, d, r, e) < 0)
		return -(int)e->code;
	plan_add(p,
		 &(struct op){.kind = &op_install,
			      ONE_OF(p, words),
			      .why = _("daemon, client, containerd, and the plugins for building "
				       "images and for compose files")});
	return 0;
}

/* SLES 15 has Docker in a module that has to be switched on. */
static void add_suse_module(struct setup *s, struct plan *p)
{
	const char *version = s->host.os.version;
	CLEANUP(freep)
	char *module = str_fmt("sle-module-containers/%s/%s", version,
			       s->host.arch ? s->host.arch : "x86_64");

	if (str_eq(s->host.os.id, "sles") && str_starts(version, "15"))
		plan_add(p, &(struct op){.kind = &op_run,
					 .words = WORDS(p, "SUSEConnect", "-p", module),
					 .undo = WORDS(p, "SUSEConnect", "-d", "-p", module),
					 .path = "/etc/products.d/sle-module-containers.prod",
					 .why = _("Docker is in SUSE's Containers Module")});
}

static void install_distribution(struct setup *s, struct plan *p)
{
	add_suse_module(s, p);
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, WORDS(p, "docker", "docker-buildx", "docker-compose"),
					WORDS(p, "docker")),
				 .why = _("the distribution's: Docker itself has no packages for "
					  "it")});
}

/* Docker's own packages have two; a distribution's dockerd starts its containerd itself. */
static void start_daemon(struct plan *p, bool ce)
{
	static const char *const units[] = {"containerd.service", "docker.service"};

	for (size_t i = ce ? 0 : 1; i < COUNT(units); i++)
		plan_add(p, &(struct op){.kind = &op_enable_unit,
					 .name = units[i],
					 .flags = OP_NOW,
					 .why = _("runs now and from every boot on")});
}

static void add_member(struct setup *s, struct plan *p)
{
	const char *user = step_user(s);

	if (!user) {
		plan_note(p, _("nobody is named who will use Docker: `sudo usermod -aG docker "
			       "NAME` lets NAME use it without sudo, which is as much as being "
			       "root"));
		return;
	}
	plan_add(p, &(struct op){.kind = &op_add_to_group,
				 .user = user,
				 .name = "docker",
				 .why = _("docker without sudo, from the next login on; who is in "
					  "this group is as good as root")});
}

/* Docker's tool refuses to go on without this module, also where nftables does its work. */
static void load_tables(struct setup *s, struct plan *p)
{
	static const char *const module = "/sys/module/ip_tables";
	CLEANUP(freep)
	char *path =
		str_fmt("/lib/modules/%s/modules.builtin", s->host.kernel ? s->host.kernel : "");
	CLEANUP(freep) char *builtin = NULL;
	struct err ignored = {0};

	if (root_has(s->root, module) ||
	    (root_read(s->root, path, 1 << 20, &builtin, &ignored) == 0 &&
	     strstr(builtin, "/ip_tables.ko")))
		return;
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = "/etc/modules-load.d/dlenv-docker.conf",
				 .text = "ip_tables\n",
				 .mode = 0644,
				 .why = _("Docker's tool asks for this kernel module, which a user "
					  "cannot load")});
	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "modprobe", "ip_tables"),
				 .path = module,
				 .flags = OP_OPTIONAL | OP_KEEP,
				 .why = _("from now on, not only from the next boot on")});
}

/* Lingering is asked for, and comes later: without the user's systemd Docker's tool makes no unit.
 */
static void start_users_systemd(const struct setup *s, struct plan *p)
{
	CLEANUP(freep) char *unit = str_fmt("user@%u.service", s->host.uid);
	CLEANUP(freep) char *path = str_fmt("/run/user/%u/systemd/private", s->host.uid);

	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "systemctl", "start", unit),
				 .path = path,
				 .flags = OP_OPTIONAL | OP_KEEP,
				 .why = _("the user's own systemd has to be there, which runs the "
					  "daemon")});
}

/*
 * Its view of /run is made when it starts: of descriptions in a folder that comes later it never
 * hears. Early in each boot, then.
 */
static void make_cdi_folder(struct plan *p)
{
	static const char *const file = "/etc/tmpfiles.d/dlenv-cdi.conf";

	plan_add(p,
		 &(struct op){.kind = &op_write_file,
			      .path = file,
			      .text = "d /run/cdi 0755 root root -\n",
			      .mode = 0644,
			      .why = _("a daemon without root sees descriptions of GPUs only in a "
				       "folder that is there before it starts")});
	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "systemd-tmpfiles", "--create", file),
				 .path = "/run/cdi",
				 .flags = OP_KEEP,
				 .why = _("from now on, not only from the next boot on")});
}

/* A daemon of the user's own (rootless Docker); the machine's is left as it is. */
static int plan_rootless(struct setup *s, struct plan *p, struct err *e)
{
	const char *user = step_user(s);
	const char *home = step_home(s);
	CLEANUP(freep)
	char *unit = home ? str_fmt("%s/.config/systemd/user/docker.service", home) : NULL;

	if (!user) {
		(void)err_set(e, ERR_UNSAT, "nobody is named whose daemon that would be");
		return err_hint(e, "run `sudo dlenv setup docker --rootless` from that account");
	}
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, step_manager_is(s, "apt")
						   ? WORDS(p, "docker-ce-rootless-extras", "uidmap",
							   "dbus-user-session", "slirp4netns")
					   : step_manager_is(s, "zypper")
						   ? WORDS(p, "docker-rootless-extras", "shadow",
							   "slirp4netns")
						   : WORDS(p, "docker-ce-rootless-extras",
							   "shadow-utils", "slirp4netns")),
				 .why = _("what Docker needs to run without root")});
	step_grant_ids(p, user);
	if (step_has_gpu(s))
		make_cdi_folder(p);
	load_tables(s, p);
	step_linger(p, user, _("the daemon runs also while nobody is logged in"));
	start_users_systemd(s, p);
	plan_add(p,
		 &(struct op){
			 .kind = &op_run,
			 .user = user,
			 .words = WORDS(p, "dockerd-rootless-setuptool.sh", "install", "--force"),
			 .undo = WORDS(p, "dockerd-rootless-setuptool.sh", "uninstall", "--force"),
			 .path = unit,
			 .why = _("Docker's own tool makes the user's unit and context, and "
				  "starts the daemon")});
	plan_note(p, _("the machine's own daemon stays; `sudo systemctl disable --now "
		       "docker.service docker.socket` stops it"));
	return 0;
}

int docker_plan(struct setup *s, struct plan *p, struct err *e)
{
	const struct distro_fact *d = step_distro(s);
	struct docker_repo r;
	bool ce;

	if (check_others(s, e) < 0)
		return -(int)e->code;
	if (!s->pkg || !d || str_eq(d->docker_route, "unsupported"))
		return no_docker(s, d, e);
	say_what_follows(s, p, d);
	ce = !str_starts(d->docker_route, "distro docker") && find_repo(s, d, &r);
	if (!ce)
		install_distribution(s, p);
	else if (install_ce(s, p, d, &r, e) < 0)
		return -(int)e->code;
	if (s->options->rootless)
		return plan_rootless(s, p, e);
	start_daemon(p, ce);
	add_member(s, p);
	return 0;
}
