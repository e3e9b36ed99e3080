/* SPDX-License-Identifier: Apache-2.0 */
/* Files in which repositories are named: written, found, and changed in one place only. */
#include <stdlib.h>

#include "pkg/pkg.h"
#include "pkg/pkg_parts.h"
#include "test.h"

static void same(const char *got, const char *wanted)
{
	if (!str_eq(got, wanted))
		fail_msg("'%s', not '%s'", got ? got : "NULL", wanted ? wanted : "NULL");
}

TEST(repositories_are_written_in_each_managers_form)
{
	static const struct pkg_repo repo = {
		.id = "docker-ce-stable",
		.name = "Docker",
		.url = "https://download.docker.com/x",
		.suite = "noble",
		.components = "stable",
		.arch = "amd64",
		.key = "/etc/apt/keyrings/docker.asc",
		.check_packages = true,
		.exclude = "a b",
		.priority = 90,
	};
	static const struct {
		const char *manager;
		const char *path;
		const char *text;
	} rows[] = {
		{"apt", "/etc/apt/sources.list.d/docker-ce-stable.sources",
		 "Types: deb\nURIs: https://download.docker.com/x\nSuites: noble\n"
		 "Components: stable\nArchitectures: amd64\n"
		 "Signed-By: /etc/apt/keyrings/docker.asc\n"},
		{"dnf5", "/etc/yum.repos.d/docker-ce-stable.repo",
		 "[docker-ce-stable]\nname=Docker\nbaseurl=https://download.docker.com/x\n"
		 "enabled=1\ngpgcheck=1\nrepo_gpgcheck=0\n"
		 "gpgkey=/etc/apt/keyrings/docker.asc\npriority=90\nexcludepkgs=a b\n"},
		{"zypper", "/etc/zypp/repos.d/docker-ce-stable.repo",
		 "[docker-ce-stable]\nname=Docker\nbaseurl=https://download.docker.com/x\n"
		 "enabled=1\nautorefresh=1\ntype=rpm-md\ngpgcheck=1\nrepo_gpgcheck=0\n"
		 "pkg_gpgcheck=1\ngpgkey=/etc/apt/keyrings/docker.asc\npriority=90\n"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct pkg_manager *m = pkg_manager(rows[i].manager);
		CLEANUP(freep) char *path = pkg_repo_path(m, &repo);
		CLEANUP(freep) char *text = pkg_repo_text(m, &repo);

		same(path, rows[i].path);
		assert_true(text[0] == '#');
		same(strchr(text, '\n') + 1, rows[i].text);
	}
}

TEST(an_address_is_found_in_enabled_entries_only)
{
	static const struct {
		const char *path;
		const char *text;
		bool found;
	} rows[] = {
		{"a.list", "deb [arch=amd64] https://a.b/c x y\n", true},
		{"a.list", "# deb https://a.b/c x y\ndeb https://other x # a.b/c\n", false},
		{"sources.list", "\t deb-src https://a.b/c x y", true},
		{"a.sources", "Types: deb\nURIs: https://a.b/c\nSuites: /\n", true},
		{"a.sources", "Types: deb\nURIs:\n https://x\n https://a.b/c\nSuites: /\n", true},
		{"a.sources", "URIs: https://a.b/c\nEnabled: no\n\nURIs: https://x\n", false},
		{"a.sources", "Enabled: no\nURIs: https://x\n\nURIs: https://a.b/c\n", true},
		{"a.sources", "# URIs: https://a.b/c\nURIs: https://x\nSigned-By: a.b/c\n", false},
		{"a.repo", "[a]\nbaseurl = https://a.b/c\n", true},
		{"a.repo", "[a]\nbaseurl=https://a.b/c\nenabled=0\n[b]\nbaseurl=https://x\n",
		 false},
		{"a.repo", "[a]\nenabled=0\nbaseurl=x\n[b]\nmetalink=https://a.b/c?x\n", true},
		{"a.repo", "[a]\nbaseurl=https://x\n  https://a.b/c\n", true},
		{"a.repo", "[a]\nname=https://a.b/c\ngpgkey=https://a.b/c\n", false},
		{"a.repo", "", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (repo_text_names(rows[i].path, rows[i].text, "a.b/c") != rows[i].found)
			fail_msg("row %zu: %s", i, rows[i].text);
}

TEST(keys_in_the_network_are_seen)
{
	static const char text[] = "[far]\ngpgkey=https://a/key\n"
				   "[near]\ngpgkey=file:///etc/key\n"
				   "[off]\ngpgkey=https://a/key\nenabled=0\n"
				   "[both]\ngpgkey=file:///etc/key,\n  https://a/key\n"
				   "[lists]\nrepo_gpgcheck=1\ngpgkey=https://a/key\n"
				   "[none]\nbaseurl=https://a\n"
				   "[last]\n# gpgkey=file:///x\ngpgkey = http://a/key";
	CLEANUP(strs_fini) struct strs ids = {0};

	repo_text_remote_keys(text, &ids);
	assert_int_equal(ids.n, 3);
	same(ids.v[0], "far");
	same(ids.v[1], "both");
	same(ids.v[2], "last");
}

TEST(components_are_added_where_the_distribution_is_named)
{
	static const struct {
		const char *path;
		const char *before;
		const char *after; /* NULL: as before */
	} rows[] = {
		{"sources.list",
		 "deb http://ftp.debian.org/debian trixie main # mine\n# deb x main\n",
		 "deb http://ftp.debian.org/debian trixie main contrib non-free # mine\n"
		 "# deb x main\n"},
		{"sources.list",
		 "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror/d "
		 "trixie main contrib",
		 "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror/d "
		 "trixie main contrib non-free"},
		{"sources.list", "deb http://ftp.debian.org/debian trixie main non-free contrib\n",
		 NULL},
		{"x.list", "deb https://download.docker.com/linux/debian trixie stable\n", NULL},
		{"x.list", "deb https://apt.example.com/stable trixie main\n", NULL},
		{"x.list", "deb [signed-by=/a.gpg] http://ftp.debian.org/debian trixie main\n",
		 NULL},
		{"x.list", "deb http://ppa.launchpad.net/a/b/ubuntu noble main\n", NULL},
		{"x.list", "deb-src http://ftp.debian.org/debian trixie main\n", NULL},
		{"x.list", "deb [broken http://ftp.debian.org/debian trixie main\ndeb\ndeb x\n",
		 NULL},
		{"debian.sources",
		 "# mine\nTypes: deb deb-src\nURIs: mirror+file:///etc/apt/mirrors/debian.list\n"
		 "Suites: trixie trixie-updates\nComponents: main\n\n"
		 "Types: deb\nURIs: http://ftp.debian.org/debian-security/\nSuites: "
		 "trixie-security\n"
		 "Components: main non-free-firmware\n"
		 "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
		 "# mine\nTypes: deb deb-src\nURIs: mirror+file:///etc/apt/mirrors/debian.list\n"
		 "Suites: trixie trixie-updates\nComponents: main contrib non-free\n\n"
		 "Types: deb\nURIs: http://ftp.debian.org/debian-security/\nSuites: "
		 "trixie-security\n"
		 "Components: main non-free-firmware contrib non-free\n"
		 "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"},
		{"ubuntu.sources",
		 "Enabled: no\nTypes: deb\nURIs: http://archive.ubuntu.com/ubuntu/\nSuites: noble\n"
		 "Components: main\n",
		 NULL},
		{"x.sources",
		 "Types: deb\nURIs: http://ftp.debian.org/debian\nSuites: x\nComponents: main\n"
		 "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n",
		 NULL},
		{"x.sources", "", NULL},
	};
	static const char *const components[] = {"contrib", "non-free", NULL};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep)
		char *got = pkg_apt_components(rows[i].path, rows[i].before, components);

		same(got, rows[i].after);
	}
}

TEST(a_section_is_switched_on_alone)
{
	static const char text[] = "[a]\nenabled=0\n[b]\n# enabled=0\nenabled = 0\nname=b\n[c]\n";
	CLEANUP(freep) char *b = pkg_repo_enable(text, "b");

	same(b, "[a]\nenabled=0\n[b]\n# enabled=0\nenabled=1\nname=b\n[c]\n");
	same(pkg_repo_enable(text, "c"), NULL);
	same(pkg_repo_enable(text, "nosuch"), NULL);
}

RUN(IT(repositories_are_written_in_each_managers_form),
    IT(an_address_is_found_in_enabled_entries_only), IT(keys_in_the_network_are_seen),
    IT(components_are_added_where_the_distribution_is_named), IT(a_section_is_switched_on_alone))
