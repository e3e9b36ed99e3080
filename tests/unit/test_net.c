/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "net/net_parts.h"
#include "test.h"

static const char url[] = "https://localhost:4443/key";

/* What the programs really end with: curl 7.88 and 8.14, apt 2.6 and 3.0. */
static const struct {
	enum net_program program;
	int status;
	int http;
	const char *said;
	enum err_code code;
	bool again;
	const char *msg;
	const char *hint; /* "": none */
} ends[] = {
	{NET_CURL, 1, 302, "curl: (1) Protocol \"http\" not supported or disabled in libcurl",
	 ERR_VERIFY, false, "without TLS", ""},
	{NET_CURL, 6, 0, "curl: (6) Could not resolve host: nohost.invalid", ERR_NET, true,
	 "no host of that name", ""},
	{NET_CURL, 7, 0, "curl: (7) Failed to connect to localhost port 9", ERR_NET, true,
	 "refuses", ""},
	{NET_CURL, 18, 200, "curl: (18) transfer closed with 1900 bytes remaining to read", ERR_NET,
	 true, "cut", ""},
	{NET_CURL, 22, 404, "curl: (22) The requested URL returned error: 404", ERR_NET, false,
	 "HTTP status 404", ""},
	{NET_CURL, 22, 503, "curl: (22) The requested URL returned error: 503", ERR_NET, true,
	 "HTTP status 503", ""},
	{NET_CURL, 22, 407, "curl: (22) The requested URL returned error: 407", ERR_NET, false,
	 "proxy", "https_proxy"},
	{NET_CURL, 28, 0, "curl: (28) Operation timed out after 1000 milliseconds", ERR_NET, true,
	 "in time", ""},
	{NET_CURL, 56, 200, "curl: (56) Recv failure: Connection reset by peer", ERR_NET, true,
	 "cut", ""},
	{NET_CURL, 60, 0, "curl: (60) SSL certificate problem: certificate has expired", ERR_VERIFY,
	 false, "has expired", "clock"},
	{NET_CURL, 60, 0, "curl: (60) SSL certificate problem: certificate is not yet valid",
	 ERR_VERIFY, false, "not valid yet", "timedatectl"},
	{NET_CURL, 60, 0, "curl: (60) server verification failed: certificate has expired.",
	 ERR_VERIFY, false, "has expired", "clock"},
	{NET_CURL, 60, 0,
	 "curl: (60) SSL: no alternative certificate subject name matches target host name",
	 ERR_VERIFY, false, "another name", ""},
	{NET_CURL, 60, 0, "curl: (60) SSL certificate problem: self-signed certificate", ERR_VERIFY,
	 false, "vouches", "ca-certificates"},
	{NET_CURL, 77, 0, "curl: (77) error setting certificate file: /etc/ssl/cert.pem",
	 ERR_VERIFY, false, "no certificates", "ca-certificates"},
	{NET_CURL, 63, 200, "curl: (63) Maximum file size exceeded", ERR_VERIFY, false,
	 "more than 1000 bytes", ""},
	{NET_CURL, 128 + SIGXFSZ, 0, "", ERR_VERIFY, false, "more than 1000 bytes", ""},
	{NET_CURL, 99, 0, "curl: (99) something new", ERR_NET, false, "something new", ""},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://localhost:4443/key  404  Not Found [IP: 127.0.0.1 4443]",
	 ERR_NET, false, "HTTP status 404", ""},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://localhost:4443/key  503  Service Unavailable [IP: ::1 443]",
	 ERR_NET, true, "HTTP status 503", ""},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://localhost:4443/key  Redirection from https to "
	 "'http://localhost:9/x' is forbidden [IP: 127.0.0.1 4443]",
	 ERR_VERIFY, false, "without TLS", ""},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://localhost:4443/key  Could not resolve 'localhost'", ERR_NET,
	 true, "no host of that name", ""},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://localhost:9/x  Could not connect to localhost:9 (127.0.0.1). "
	 "- connect (111: Connection refused)",
	 ERR_NET, true, "refuses", ""},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://127.0.0.1:4443/ok  Certificate verification failed: The "
	 "certificate is NOT trusted. The name in the certificate does not match the expected.",
	 ERR_VERIFY, false, "another name", ""},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://localhost:4443/key  Certificate verification failed: The "
	 "certificate is NOT trusted. The certificate issuer is unknown.",
	 ERR_VERIFY, false, "vouches", "ca-certificates"},
	{NET_APT, 100, 0,
	 "E: Failed to fetch https://localhost:4443/key  Certificate verification failed: The "
	 "certificate is NOT trusted. The certificate chain uses expired certificate.",
	 ERR_VERIFY, false, "has expired", "clock"},
};

TEST(each_way_to_fail_has_its_words)
{
	const struct net_get g = {.url = url, .path = "/tmp/key", .max = 1000};

	for (size_t i = 0; i < COUNT(ends); i++) {
		const struct net_end end = {ends[i].program, ends[i].status, ends[i].http,
					    ends[i].said};
		struct err e = {0};
		bool again = !ends[i].again;

		if (net_judge(&g, &end, &again, &e) != -(int)ends[i].code ||
		    again != ends[i].again || !strstr(e.msg, ends[i].msg) ||
		    (ends[i].hint[0] ? !strstr(e.hint, ends[i].hint) : e.hint[0] != '\0'))
			fail_msg("'%s': code %d, again %d: %s (%s)", ends[i].said, e.code, again,
				 e.msg, e.hint);
	}
}

TEST(a_full_disk_is_said_to_be_one)
{
	const struct net_get g = {.url = url, .path = "/tmp/key", .max = 1000};
	const struct net_end end = {NET_APT, 100, 0,
				    "E: Failed to fetch https://localhost/x  Error writing to file "
				    "- write (28: No space left on device)"};
	struct err e = {0};
	bool again = true;

	assert_int_equal(net_judge(&g, &end, &again, &e), -ERR_NOSPC);
	assert_false(again);
}

static char *folder_new(void)
{
	char name[] = "/tmp/dlenv-net.XXXXXX";

	assert_non_null(mkdtemp(name));
	return str_dup(name);
}

TEST(only_https_is_fetched_and_what_was_there_goes)
{
	static const char *const urls[] = {"http://localhost/key", "file:///etc/passwd", "",
					   "https://localhost/a b", "https://localhost/\n--output"};
	CLEANUP(freep) char *folder = folder_new();
	CLEANUP(freep) char *path = str_fmt("%s/key", folder);
	struct err e = {0};

	for (size_t i = 0; i < COUNT(urls); i++) {
		const struct net_get g = {.url = urls[i], .path = path, .max = 1000};

		assert_int_equal(file_write(AT_FDCWD, path, "old", 3, 0644, 0, &e), 0);
		assert_int_equal(net_fetch(&g, &e), -ERR_CONFIG);
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_int_equal(tree_remove(AT_FDCWD, folder, &e), 0);
}

/* Nobody listens on port 1. */
TEST(a_server_that_refuses_leaves_no_file)
{
	CLEANUP(freep) char *folder = folder_new();
	CLEANUP(freep) char *path = str_fmt("%s/key", folder);
	const struct net_get g = {.url = "https://127.0.0.1:1/key", .path = path, .max = 1000};
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e = {0};

	SKIP_UNLESS(net_is_possible(), "net", "neither curl nor apt's helper is installed");
	assert_int_equal(net_fetch(&g, &e), -ERR_NET);
	assert_non_null(strstr(e.msg, "refuses"));
	assert_int_equal(dir_list(AT_FDCWD, folder, &names, &e), 0);
	assert_int_equal(names.n, 0);
	assert_int_equal(tree_remove(AT_FDCWD, folder, &e), 0);
}

RUN(IT(each_way_to_fail_has_its_words), IT(a_full_disk_is_said_to_be_one),
    IT(only_https_is_fetched_and_what_was_there_goes), IT(a_server_that_refuses_leaves_no_file))
