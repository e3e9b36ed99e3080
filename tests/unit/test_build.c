/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/build_parts.h"

TEST(sizes_that_apt_prints_are_understood)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"8661 kB of archives.", 8661000},
		{"54.2 MB of additional", 54200000},
		{"1,234 MB/2,000 MB", 1234000000},
		{"2.9 GB", 2900000000},
		{"512 B", 512},
		{"0 B/577 MB of archives.", 0},
		{"many", 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(apt_output_size(cases[i].text), cases[i].bytes);
}

TEST(apt_says_what_it_is_going_to_do)
{
	struct apt_output a = {0};

	apt_output_line(&a, "Need to get 897 kB of archives.");
	apt_output_line(&a, "After this operation, 2448 kB of additional disk space will be used.");
	apt_output_line(&a, "0 upgraded, 382 newly installed, 0 to remove and 1 not upgraded.");
	apt_output_line(&a, "After this operation, 1 MB disk space will be freed.");
	assert_int_equal(a.download, 897000);
	assert_int_equal(a.unpacked, 2448000);
	assert_int_equal(a.packages, 382);
}

TEST(apt_says_how_far_it_is)
{
	static const struct {
		const char *line;
		const char *phase; /* NULL: nothing to report */
		const char *note;
		uint64_t done;
	} cases[] = {
		{"dlstatus:3:54.0108:Retrieving file 3 of 3", "download", NULL, 540000},
		{"dlstatus:3:100.0000:Retrieving file 3 of 3", "download", NULL, 1000000},
		{"pmstatus:dpkg-exec:0.0000:Running dpkg", NULL, NULL, 0},
		{"pmstatus:tmux:38.4615:Unpacking tmux (amd64)", "install", "tmux", 1},
		{"pmstatus:libc6:amd64:50.0000:Unpacking libc6 (amd64)", "install", "libc6", 2},
		{"pmstatus:tmux:84.6154:Configuring tmux (amd64)", "install", "tmux", 3},
		{"pmstatus:tmux:92.3077:Installed tmux (amd64)", NULL, NULL, 0},
		{"nonsense", NULL, NULL, 0},
		{":", NULL, NULL, 0},
		{"a:", NULL, NULL, 0},
		{"dlstatus::", NULL, NULL, 0},
	};
	struct apt_output a = {.download = 1000000, .packages = 2};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct progress_event ev = {0};

		assert_int_equal(apt_output_status(&a, cases[i].line, &ev), cases[i].phase != NULL);
		if (!cases[i].phase)
			continue;
		assert_string_equal(ev.phase, cases[i].phase);
		assert_int_equal(ev.done, cases[i].done);
		if (cases[i].note)
			assert_string_equal(ev.note, cases[i].note);
	}
}

TEST(what_went_wrong_is_read_from_the_output)
{
	static const struct {
		const char *lines[4];
		enum err_code code;
		const char *said;
	} cases[] = {
		{{"E: Unable to locate package foozle", "E: Unable to locate package barzle"},
		 ERR_ABSENT,
		 "foozle, barzle"},
		{{"E: Version '9.9' for 'sl' was not found"}, ERR_ABSENT, "sl=9.9"},
		{{"E: Package 'cuda' has no installation candidate"}, ERR_ABSENT, "cuda"},
		{{"E: Failed to fetch http://m/x.deb  Connection failed [IP: ::1 80]",
		  "E: Unable to fetch some archives, maybe run apt-get update?"},
		 ERR_NET,
		 "Connection failed"},
		{{"Temporary failure resolving 'm'", "E: Some index files failed to download."},
		 ERR_NET,
		 "resolving"},
		{{"E: Failed to fetch http://m/x.deb  Hash Sum mismatch"}, ERR_VERIFY, "Hash Sum"},
		{{"W: GPG error: http://m trixie InRelease: NO_PUBKEY 0123",
		  "E: The repository 'http://m trixie InRelease' is not signed."},
		 ERR_VERIFY,
		 "NO_PUBKEY"},
		{{"E: Failed to fetch http://m/InRelease  Sub-process /usr/bin/sqv returned an "
		  "error "
		  "code (1), error message is: Message has been manipulated"},
		 ERR_VERIFY,
		 "manipulated"},
		{{"E: Release file for http://m/InRelease is not valid yet (invalid for another "
		  "1h)"},
		 ERR_VERIFY,
		 "at this time"},
		{{"E: Release file for http://m/InRelease is expired (invalid since 1d)"},
		 ERR_VERIFY,
		 "at this time"},
		{{"dpkg: error processing archive /x.deb (--unpack):",
		  " cannot copy: failed to write (No space left on device)"},
		 ERR_NOSPC,
		 "No space"},
		{{"E: Unable to correct problems, you have held broken packages."},
		 ERR_UNSAT,
		 "held broken"},
		{{"dpkg: error processing package foo (--configure):",
		  "E: Sub-process /usr/bin/dpkg returned an error code (1)"},
		 ERR_FAIL,
		 "package foo"},
		{{"all is well"}, ERR_FAIL, "as it was"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trouble t = {0};
		struct err e = {.code = ERR_FAIL, .msg = "as it was"};

		for (size_t k = 0; k < 4 && cases[i].lines[k]; k++)
			trouble_line(&t, cases[i].lines[k]);
		assert_int_equal(trouble_report(&t, &e), -(int)cases[i].code);
		assert_non_null(strstr(e.msg, cases[i].said));
		trouble_fini(&t);
	}
}

TEST(an_address_with_a_password_is_refused)
{
	static const char *const good[] = {"http://mirror.example/debian",
					   "https://mirror.example:8080/a/b@c"};
	static const char *const bad[] = {
		"https://me:pw@mirror.example/debian",
		"http://token@mirror.example",
		"file:///srv",
		"https://",
		"http:///debian",
		"http://a b/debian",
		"http://m/x\nURIs: http://evil",
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		struct err e = {0};

		assert_int_equal(sources_check_uri(good[i], &e), 0);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = {0};

		assert_int_equal(sources_check_uri(bad[i], &e), -ERR_CONFIG);
	}
}

static const char debian[] = "ID=debian\nVERSION_CODENAME=bookworm\n";

#define SIGNED "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"

TEST(only_debians_own_archive_is_taken_from_the_host)
{
	static const struct {
		const char *os;
		const char *list;    /* /etc/apt/sources.list */
		const char *sources; /* /etc/apt/sources.list.d/x.sources */
		const char *suffix;
		const char *found; /* NULL: none */
	} cases[] = {
		{debian, "deb http://m/debian/ bookworm main\n", "", "", "http://m/debian"},
		{debian, "deb [arch=amd64] https://m/debian bookworm main # x\n", "", "",
		 "https://m/debian"},
		{debian, "# deb http://m/debian bookworm main\n", "", "", NULL},
		{debian, "deb-src http://m/debian bookworm main\n", "", "", NULL},
		{debian, "deb cdrom:[x]/ bookworm main\n", "", "", NULL},
		{debian, "deb http://m/debian trixie main\n", "", "", NULL},
		{debian, "deb http://m/debian bookworm contrib\n", "", "", NULL},
		{debian, "deb https://vendor/linux/debian bookworm stable\n", "", "", NULL},
		{debian, "deb [signed-by=/k/vendor.gpg] https://vendor/debian bookworm main\n", "",
		 "", NULL},
		{debian, "",
		 "Types: deb deb-src\nURIs: http://a/debian http://b/debian\n"
		 "Suites: bookworm bookworm-updates\nComponents: main\n" SIGNED,
		 "", "http://a/debian"},
		{debian, "",
		 "Types: deb\nURIs: http://a/debian\nSuites: bookworm\nComponents: main\n"
		 "Enabled: no\n\nTypes: deb\n# comment\nURIs: http://b/debian\nSuites: bookworm\n"
		 "Components: main\n",
		 "", "http://b/debian"},
		{debian,
		 "deb http://m/debian bookworm main\n"
		 "deb http://s/debian-security bookworm-security main\n",
		 "", "-security", "http://s/debian-security"},
		{"ID=ubuntu\nVERSION_CODENAME=noble\n", "deb http://m/debian noble main\n", "", "",
		 NULL},
		{"ID=debian\n", "deb http://m/debian sid main\n", "", "", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(root_close) struct root r = {.fd = -1};
		CLEANUP(freep) char *found = NULL;
		char dir[] = "/tmp/test-build.XXXXXX";
		struct err e = {0};

		assert_non_null(mkdtemp(dir));
		assert_int_equal(root_open(&r, dir, &e), 0);
		assert_int_equal(dir_make(r.fd, "etc/apt/sources.list.d", 0755, &e), 0);
		assert_int_equal(file_write(r.fd, "etc/os-release", cases[i].os,
					    strlen(cases[i].os), 0644, 0, &e),
				 0);
		assert_int_equal(file_write(r.fd, "etc/apt/sources.list", cases[i].list,
					    strlen(cases[i].list), 0644, 0, &e),
				 0);
		assert_int_equal(file_write(r.fd, "etc/apt/sources.list.d/x.sources",
					    cases[i].sources, strlen(cases[i].sources), 0644, 0,
					    &e),
				 0);
		found = sources_of_host(&r, cases[i].suffix);
		if (cases[i].found)
			assert_string_equal(found, cases[i].found);
		else
			assert_null(found);
		assert_int_equal(tree_remove(AT_FDCWD, dir, &e), 0);
	}
}

TEST(the_sources_of_an_image_name_its_suites)
{
	static const struct build b = {.suite = "trixie", .nonfree = true};
	const struct sources s = {.uri = (char *)"http://m/debian",
				  .security = (char *)"http://s/x",
				  .updates = true};
	CLEANUP(freep) char *text = sources_text(&b, &s, "/k");

	assert_string_equal(text,
			    "Types: deb\nURIs: http://m/debian\nSuites: trixie trixie-updates\n"
			    "Components: main contrib non-free\nSigned-By: /k\n"
			    "\nTypes: deb\nURIs: http://s/x\nSuites: trixie-security\n"
			    "Components: main contrib non-free\nSigned-By: /k\n");
}

RUN(IT(sizes_that_apt_prints_are_understood), IT(apt_says_what_it_is_going_to_do),
    IT(apt_says_how_far_it_is), IT(what_went_wrong_is_read_from_the_output),
    IT(an_address_with_a_password_is_refused), IT(only_debians_own_archive_is_taken_from_the_host),
    IT(the_sources_of_an_image_name_its_suites))
