/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is installed and where it comes from, out of the package managers' own files: no program
 * is run, so that a held lock or a broken manager cannot stop us.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "host/host_parts.h"

void host_probe_manager(const struct host_look *k)
{
	static const struct {
		const char *path;
		const char *name;
	} rows[] = {
		{"/usr/bin/apt-get", "apt"},   {"/var/lib/dpkg/status", "apt"},
		{"/usr/bin/zypper", "zypper"}, {"/usr/bin/dnf5", "dnf5"},
		{"/usr/bin/dnf", "dnf4"},      {"/usr/bin/microdnf", "microdnf"},
		{"/usr/bin/pacman", "pacman"}, {"/sbin/apk", "apk"},
	};
	/* Whoever holds one of these: a lock on the file, or a living process named in it. */
	static const struct {
		const char *manager;
		const char *path;
	} locks[] = {
		{"apt", "/var/lib/dpkg/lock-frontend"},
		{"apt", "/var/lib/dpkg/lock"},
		{"apt", "/var/lib/apt/lists/lock"},
		{"dnf", "/run/dnf/rpmtransaction.lock"},
		{"dnf", "/var/lib/rpm/.rpm.lock"},
		{"dnf", "/usr/lib/sysimage/rpm/.rpm.lock"},
		{"dnf", "/var/lib/dnf/rpmdb_lock.pid"},
		{"dnf", "/var/cache/dnf/metadata_lock.pid"},
		{"zypper", "/run/zypp.pid"},
		{"zypper", "/usr/lib/sysimage/rpm/.rpm.lock"},
	};
	CLEANUP(freep) char *held = NULL;
	struct host *h = k->h;

	for (size_t i = 0; i < COUNT(rows) && !h->manager; i++)
		if (root_has(k->r, rows[i].path))
			h->manager = rows[i].name;
	h->lock = host_recorded(k, "lock");
	for (size_t i = 0; h->manager && !h->lock && i < COUNT(locks); i++) {
		if (!str_starts(h->manager, locks[i].manager))
			continue;
		if (!held)
			held = host_text(k, "/proc/locks", HOST_LIST);
		if (host_lock_is_held(k->r, locks[i].path, held))
			h->lock = locks[i].path;
	}
}

/*
 * A line of /proc/locks: "1: POSIX  ADVISORY  WRITE 812 fe:01:1837 0 EOF". On btrfs and overlays
 * stat gives a device of no driver (major 0), which is another one than here: the inode has to do.
 */
static bool line_is_of(const char *line, size_t len, const struct stat *st)
{
	char want[64];
	int n;
	const char *at;

	if (major(st->st_dev))
		n = snprintf(want, sizeof(want), " %02x:%02x:%llu ", major(st->st_dev),
			     minor(st->st_dev), (unsigned long long)st->st_ino);
	else
		n = snprintf(want, sizeof(want), ":%llu ", (unsigned long long)st->st_ino);
	at = memmem(line, len, want, (size_t)n);
	/* One that waits ("1: -> POSIX") has not got it. */
	return at && !memmem(line, len, "->", 2);
}

bool host_lock_is_held(const struct root *r, const char *path, const char *locks)
{
	CLEANUP(fd_closep) int fd = nv_open(r, path, O_PATH);
	char text[64];
	char proc[64];
	size_t digits;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	for (const char *l = locks; l && *l; l += strcspn(l, "\n"), l += *l == '\n')
		if (line_is_of(l, strcspn(l, "\n"), &st))
			return true;
	if (!str_ends(path, ".pid") || nv_read_root(r, path, text, sizeof(text)) <= 0)
		return false;
	digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 10)
		return false;
	(void)snprintf(proc, sizeof(proc), "/proc/%.*s/stat", (int)digits, text);
	return root_has(r, proc);
}

/* By a text that their entries have. */
static const struct {
	const char *needle;
	const char *id;
	bool driver;
} known_sources[] = {
	{"developer.download.nvidia.com/compute/cuda/repos", "cuda-repo", true},
	{"graphics-drivers/ppa", "ppa", true},
	{"metalink?repo=nonfree-", "rpmfusion", true},
	{"rpmfusion.org/nonfree", "rpmfusion", true},
	{"negativo17.org/repos/", "negativo17", true},
	{"download.nvidia.com/opensuse", "suse", true},
	{"download.nvidia.com/suse", "suse", true},
	{"nvidia.github.io/libnvidia-container", "toolkit", false},
	{"nvidia.github.io/nvidia-docker", "toolkit-old", false},
	{"nvidia.github.io/nvidia-container-runtime", "toolkit-old", false},
	{"download.docker.com/linux", "docker", false},
};

static void add_source(struct host *h, const char *id, const char *path, bool driver)
{
	for (size_t i = 0; i < h->sources_n; i++)
		if (str_eq(h->sources[i].id, id) && str_eq(h->sources[i].path, path))
			return;
	if (h->sources_n < HOST_SOURCES_MAX)
		h->sources[h->sources_n++] =
			(struct host_source){id, host_clean(arena_str(&h->arena, path)), driver};
}

/* A section of a .repo file, a stanza of a .sources file, lines of a .list file. */
struct entry {
	unsigned int found; /* of known_sources */
	bool off;
	bool no_driver; /* NVIDIA's packages are excluded there */
};

static void entry_end(struct host *h, const char *path, struct entry *n)
{
	for (size_t i = 0; !n->off && i < COUNT(known_sources); i++)
		if (n->found & 1U << i && !(known_sources[i].driver && n->no_driver))
			add_source(h, known_sources[i].id, path, known_sources[i].driver);
	*n = (struct entry){0};
}

static void entry_line(char *line, struct entry *n)
{
	line += strspn(line, " \t");
	if (*line == '#' || *line == ';')
		return;
	n->off = n->off || str_starts(line, "enabled=0") || str_starts(line, "enabled = 0") ||
		 str_starts(line, "Enabled: no");
	n->no_driver =
		n->no_driver || (str_starts(line, "exclude") && strstr(line, "nvidia") != NULL);
	for (size_t i = 0; i < COUNT(known_sources); i++)
		if (strstr(line, known_sources[i].needle))
			n->found |= 1U << i;
}

static void read_source(const struct host_look *k, const char *path)
{
	CLEANUP(freep) char *text = host_text(k, path, HOST_LIST);
	struct entry n = {0};
	char *next;

	for (char *l = text; l; l = next) {
		next = strchr(l, '\n');
		if (next)
			*next++ = '\0';
		if (!*l || *l == '[')
			entry_end(k->h, path, &n);
		entry_line(l, &n);
	}
	entry_end(k->h, path, &n);
}

void host_probe_sources(const struct host_look *k)
{
	static const struct {
		const char *folder;
		const char *ending;
	} rows[] = {
		{"/etc/apt/sources.list.d", ".list"}, {"/etc/apt/sources.list.d", ".sources"},
		{"/etc/yum.repos.d", ".repo"},	      {"/etc/zypp/repos.d", ".repo"},
		{"/etc/dnf/repos.d", ".repo"},
	};
	static const char uninstall[] = "/usr/bin/nvidia-uninstall";

	read_source(k, "/etc/apt/sources.list");
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(strs_fini) struct strs names = {0};
		CLEANUP(fd_closep) int fd = nv_open(k->r, rows[i].folder, O_RDONLY | O_DIRECTORY);

		if (fd >= 0)
			nv_names(fd, ".", &names);
		for (size_t j = 0; j < names.n && j < HOST_FILES_MAX; j++) {
			CLEANUP(freep) char *path = str_fmt("%s/%s", rows[i].folder, names.v[j]);

			if (str_ends(names.v[j], rows[i].ending))
				read_source(k, path);
		}
	}
	/* The installer's log stays after the driver was removed; this program does not. */
	if (root_has(k->r, uninstall))
		add_source(k->h, "runfile", uninstall, true);
}

/* Packages that are looked for, and where their version goes. */
static const struct wanted {
	const char *name;
	size_t at; /* of a const char * in struct host */
	bool prefix;
} wanted[] = {
	{"docker-ce", offsetof(struct host, docker), false},
	{"docker.io", offsetof(struct host, docker), false},
	{"moby-engine", offsetof(struct host, docker), false},
	{"podman", offsetof(struct host, podman), false},
	{"containerd.io", offsetof(struct host, containerd), false},
	{"containerd", offsetof(struct host, containerd), false},
	{"nvidia-container-toolkit", offsetof(struct host, toolkit), false},
	{"nvidia-driver", offsetof(struct host, driver_package), true},
	{"nvidia-headless", offsetof(struct host, driver_package), true},
	{"nvidia-open", offsetof(struct host, driver_package), true},
	{"cuda-drivers", offsetof(struct host, driver_package), true},
	{"akmod-nvidia", offsetof(struct host, driver_package), true},
};

static const char **place_of(struct host *h, const struct wanted *w)
{
	return (const char **)((char *)h + w->at);
}

static bool is_driver(const struct wanted *w)
{
	return w->at == offsetof(struct host, driver_package);
}

/* The program's own version: "28.3.3" of "5:28.3.3-1~ubuntu.24.04~noble". */
static const char *upstream(struct host *h, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);

	if (colon) {
		len -= (size_t)(colon + 1 - text);
		text = colon + 1;
	}
	for (size_t i = 0; i < len; i++)
		if (!text[i] || !strchr("0123456789.", text[i]))
			len = i;
	return arena_strn(&h->arena, text, len);
}

/* The value of a field in a paragraph of dpkg's status; its length in *len. */
static const char *field(const char *p, const char *end, const char *name, size_t *len)
{
	size_t n = strlen(name);
	const char *at = memmem(p, (size_t)(end - p), name, n);

	*len = at ? strcspn(at + n, "\n") : 0;
	return at ? at + n : NULL;
}

static bool name_fits(const struct wanted *w, const char *name, size_t len)
{
	size_t n = strlen(w->name);

	/* Settings and pins of a driver ("nvidia-driver-pinning-580", "-assistant") are none. */
	if (w->prefix)
		return len >= n && strncmp(name, w->name, n) == 0 &&
		       (len == n || (name[n] == '-' && name[n + 1] != 'p' && name[n + 1] != 'a'));
	return len == n && strncmp(name, w->name, n) == 0;
}

static void dpkg_paragraph(struct host *h, const char *p, const char *end)
{
	const char *name = p + strlen("Package: ");
	size_t name_len = strcspn(name, "\n");

	for (size_t i = 0; i < COUNT(wanted); i++) {
		const char **ret = place_of(h, &wanted[i]);
		size_t len;
		const char *value;

		if (*ret || !name_fits(&wanted[i], name, name_len))
			continue;
		value = field(p, end, "\nStatus: ", &len);
		if (!value || len < 10 || strncmp(value + len - 10, " installed", 10) != 0)
			continue;
		value = field(p, end, "\nVersion: ", &len);
		value = value ? value : "";
		*ret = is_driver(&wanted[i])
			       ? host_clean(arena_fmt(&h->arena, "%.*s %.*s", (int)name_len, name,
						      (int)len, value))
			       : upstream(h, value, len);
	}
}

static void read_dpkg(const struct host_look *k)
{
	CLEANUP(freep) char *text = host_text(k, "/var/lib/dpkg/status", HOST_DATABASE);
	const char *end;

	for (const char *p = text; p; p = end) {
		const char *stop;

		if (!str_starts(p, "Package: "))
			p = strstr(p, "\nPackage: ");
		if (!p)
			return;
		p += *p == '\n';
		end = strstr(p, "\n\n");
		stop = end ? end : p + strlen(p);
		dpkg_paragraph(k->h, p, stop);
	}
}

/* dnf5 keeps names of packages with their versions as text: "podman-5:5.4.2-1.fc42.x86_64". */
static void read_dnf5(const struct host_look *k)
{
	CLEANUP(freep)
	char *text = host_text(k, "/usr/lib/sysimage/libdnf5/nevras.toml", HOST_DATABASE);

	for (size_t i = 0; text && i < COUNT(wanted); i++) {
		CLEANUP(freep) char *needle = str_fmt("\"%s-", wanted[i].name);
		const char **ret = place_of(k->h, &wanted[i]);
		const char *p = strstr(text, needle);
		size_t len;

		while (p && !strchr("0123456789", p[strlen(needle)]))
			p = strstr(p + 1, needle);
		if (!p || *ret)
			continue;
		p += strlen(needle);
		len = strcspn(p, "\"\n");
		*ret = is_driver(&wanted[i]) ? host_clean(arena_fmt(&k->h->arena, "%s %.*s",
								    wanted[i].name, (int)len, p))
					     : upstream(k->h, p, len);
	}
}

void host_probe_packages(const struct host_look *k)
{
	/* A version that is in no text file is not known: the program is there all the same. */
	static const struct {
		const char *path;
		size_t at;
	} programs[] = {
		{"/usr/bin/dockerd", offsetof(struct host, docker)},
		{"/usr/bin/podman", offsetof(struct host, podman)},
		{"/usr/bin/containerd", offsetof(struct host, containerd)},
		{"/usr/bin/nvidia-ctk", offsetof(struct host, toolkit)},
	};

	read_dpkg(k);
	read_dnf5(k);
	for (size_t i = 0; i < COUNT(programs); i++) {
		const char **ret = (const char **)((char *)k->h + programs[i].at);

		if (!*ret && root_has(k->r, programs[i].path))
			*ret = "";
	}
}
