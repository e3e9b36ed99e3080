/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/toml.h"
#include "test.h"

/* Texts that toml.io/en/v1.0.0 allows; test_toml compares them with Python's tomllib too. */
static const char *const good[] = {
	"",
	"# only a comment",
	"\r\n# and\r\n\tx = 1\r\n",
	"bare_key-1 = 1\n\"quoted key\" = 2\n'lit\"eral' = 3\n\"\" = 4\n1234 = 5\n\"\\u4f60\" = 6",
	"a.b.c = 1\na . b . d = 2\na.\"x.y\".z = 3",
	"3.14 = 'pi'",
	"s = \"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"",
	"s = \"\"\"\nRoses\r\nViolets\"\"\"",
	"s = \"\"\"a \\\n   \n\t b \\ \n c\"\"\"",
	"s = \"\"\"two \"\"quotes\"\" end\"\"\"\"\"",
	"s = '''\nraw \\n ''two'' '''''\nt = ''''x'''",
	"s = 'C:\\path'\nt = ''\nu = \"\"",
	"i = [+99, 42, 0, -17, 1_000, 5_349_221, -0, +0]",
	"i = [0xDEADBEEF, 0xdead_beef, 0o01234567, 0o755, 0b1101_0110]",
	"i = [9223372036854775807, -9223372036854775808]",
	"f = [+1.0, 3.1415, -0.01, 5e+22, 1e06, -2E-2, 6.626e-34, 224_617.445_991_228, 1_0e1_0]",
	"f = [inf, +inf, -inf, nan, +nan, -nan, -0.0]",
	"b = [true, false]",
	"d = [1979-05-27T07:32:00Z, 1979-05-27t00:32:00-07:00, 1979-05-27 07:32:00.999999z]",
	"d = [1979-05-27T07:32:00, 1979-05-27, 07:32:00, 00:32:00.5, 2000-02-29]",
	"a = [ [1, 2], [\"a\", 'b'], [], [{}], { x = [1] } ]",
	"a = [ # c\n  1, # d\n\n  2,\n # e\n]",
	"t = {}\nu = { a = 1, b.c = 2, \"d\" = [ { e = 1 } ] }\nv = { a = { b = {} } }",
	"[t]\n[t.u]\nx = 1\n[ v . \"w\" ]\n",
	"[x.y.z.w]\na = 1\n[x]\nb = 2\n[x.y]\nc = 1",
	"[[p]]\nn = 1\n[[p]]\n[[p]]\nn = 3\n[p.q]\nx = 1\n[[p.r]]\n[[p.r]]\ny = 2",
	"[fruit]\napple.color = 'red'\napple.taste.sweet = true\n[fruit.apple.texture]\nsmooth = "
	"true",
	"[a.b.c]\nx = 1\n[a]\nb.y = 2",
	"[a]#c\nx=1#d\n",
	"a = 1\n[b]\n\n   [b.c]\n     d = 2\n",
	"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n"
	"SystemdCgroup = true\n",
};

/* A text that is refused, and where. */
static const struct {
	const char *text;
	const char *at;
} bad[] = {
	{"x", "t:1:2: '='"},
	{"x = ", "t:1:5: a value"},
	{"x = 1 y = 2", "t:1:7: the end of the line"},
	{"= 1", "t:1:1: a key"},
	{"\"\"\"x\"\"\" = 1", "t:1:1: a key cannot have"},
	{"a\n.b = 1", "t:1:2: "},
	{"x = 1\nx = 2", "t:2:1: this key is there twice"},
	{"x = 1\n\"x\" = 2", "t:2:1: this key is there twice"},
	{"a = 1\na.b = 2", "t:2:1: this key has a value"},
	{"a.b = 1\na.b.c = 2", "t:2:3: this key has a value"},
	{"[a]\n[a]", "t:2:2: this table is there twice"},
	{"[a]\nb = 1\n[a.b]", "t:3:4: this table is there twice"},
	{"[a.b]\n[a]\nb.c = 1", "t:3:1: this key has a value"},
	{"a.b = 1\n[a]", "t:2:2: this table is there twice"},
	{"[a]\nb.c = 1\n[a.b]", "t:3:4: this table is there twice"},
	{"a = {}\n[a.b]", "t:2:2: this key has a value"},
	{"a = {}\na.b = 1", "t:2:1: this key has a value"},
	{"a = [{}]\n[[a]]", "t:2:3: this is no list of tables"},
	{"a = [{}]\n[a.b]", "t:2:2: this key has a value"},
	{"[a]\n[[a]]", "t:2:3: this is no list of tables"},
	{"[[a]]\n[a]", "t:2:2: this table is there twice"},
	{"[[a]\n", "t:1:4: ']'"},
	{"[a]]\n", "t:1:4: the end of the line"},
	{"[a\n]", "t:1:3: ']'"},
	{"[]", "t:1:2: a key"},
	{"[a.]", "t:1:4: a key"},
	{"[a] x = 1", "t:1:5: the end of the line"},
	{"x = {a = 1,}", "t:1:12: a key"},
	{"x = {a = 1\n}", "t:1:11: ',' or '}'"},
	{"x = {a = 1, a = 2}", "t:1:13: this key is there twice"},
	{"x = {a.b = 1, a = 2}", "t:1:15: this key is there twice"},
	{"x = [1 2]", "t:1:8: ',' or ']'"},
	{"x = [1,,2]", "t:1:8: a value"},
	{"x = [", "t:1:6: a value"},
	{"x = \"a\nb\"", "t:1:5: the string"},
	{"x = 'a", "t:1:5: the string"},
	{"x = \"\"\"a\"\"", "t:1:5: the string"},
	{"x = \"\\x\"", "t:1:6: TOML has no such"},
	{"x = \"\"\"\\ x\"\"\"", "t:1:8: TOML has no such"},
	{"x = \"\\u12\"", "t:1:6: too few"},
	{"x = \"\\ud800\"", "t:1:6: there is no such letter"},
	{"x = \"\\U00110000\"", "t:1:6: there is no such letter"},
	{"x = \"\x01\"", "t:1:6: a control"},
	{"x = 1 # \x7f", "t:1:9: a control"},
	{"x = 1\r", "t:1:6: the end of the line"},
	{"x = \"\xe4\xbd\xa0\xff\"", "t:1:7: a byte that is not UTF-8"},
	{"x = 01", "t:1:5: not a number"},
	{"x = 1__0", "t:1:5: not a number"},
	{"x = 1_", "t:1:5: not a number"},
	{"x = _1", "t:1:5: a text has to"},
	{"x = 0x", "t:1:5: not a number"},
	{"x = +0x1", "t:1:5: not a number"},
	{"x = 0X1", "t:1:5: not a number"},
	{"x = 9223372036854775808", "t:1:5: not a number"},
	{"x = 0x8000000000000000", "t:1:5: not a number"},
	{"x = 1.", "t:1:5: not a number"},
	{"x = .1", "t:1:5: a text has to"},
	{"x = 1.e1", "t:1:5: not a number"},
	{"x = 1e", "t:1:5: not a number"},
	{"x = 1e1.5", "t:1:5: not a number"},
	{"x = True", "t:1:5: a text has to"},
	{"x = runc", "t:1:5: a text has to"},
	{"x = 2001-02-29", "t:1:5: not a number"},
	{"x = 1900-02-29", "t:1:5: not a number"},
	{"x = 2000-13-01", "t:1:5: not a number"},
	{"x = 2000-01-01T24:00:00", "t:1:5: not a number"},
	{"x = 2000-01-01T00:60:00", "t:1:5: not a number"},
	{"x = 2000-01-01T00:00", "t:1:5: not a number"},
	{"x = 07:32:00Z", "t:1:5: not a number"},
	{"x = 07:32:00.", "t:1:5: not a number"},
	{"x = 1979-5-27", "t:1:5: not a number"},
	{"\xef\xbb\xbfx = 1", "t:1:1: a key"},
};

TEST(wrong_texts_are_refused_with_their_position)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(doc_fini) struct doc d = {0};
		struct err e = {0};

		if (toml_read(bad[i].text, strlen(bad[i].text), "t", &d, &e) != -ERR_PARSE)
			fail_msg("'%s' was taken", bad[i].text);
		if (strncmp(e.msg, bad[i].at, strlen(bad[i].at)) != 0)
			fail_msg("'%s': '%s' instead of '%s'", bad[i].text, e.msg, bad[i].at);
	}
}

static void repeat(struct buf *b, const char *s, size_t n)
{
	while (n--)
		buf_str(b, s);
}

TEST(levels_are_bounded)
{
	static const struct {
		const char *head;
		const char *open;
		const char *tail;
		const char *close;
		size_t most;
	} rows[] = {
		{"x = ", "[", "", "]", 63},  {"x = ", "{a=", "1", "}", 62},
		{"[", "a.", "a]\n", "", 61}, {"[[", "a.", "a]]\n", "", 60},
		{"", "a.", "a = 1", "", 62},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t more = 0; more < 2; more++) {
			CLEANUP(buf_fini) struct buf text = {0};
			CLEANUP(doc_fini) struct doc d = {0};
			struct err e = {0};

			buf_str(&text, rows[i].head);
			repeat(&text, rows[i].open, rows[i].most + more * 3);
			buf_str(&text, rows[i].tail);
			repeat(&text, rows[i].close, rows[i].most + more * 3);
			assert_int_equal(toml_read(text.data, text.len, "t", &d, &e),
					 more ? -ERR_PARSE : 0);
		}
	}
}

TEST(positions_are_where_things_stand)
{
	static const char text[] =
		"a = 1\n\n[t]\n  \"\xe4\xbd\xa0\".b = [\n 'x', 2]\n[[l]]\nc = {d = 3}";
	CLEANUP(doc_fini) struct doc d = {0};
	const struct doc_node *n;
	struct err e = {0};

	assert_int_equal(toml_read(text, strlen(text), "t", &d, &e), 0);
	n = doc_get(doc_get(doc_get(d.top, "t"), "\xe4\xbd\xa0"), "b");
	assert_int_equal(n->key_line, 4);
	assert_int_equal(n->key_col, 7);
	assert_int_equal(n->line, 4);
	assert_int_equal(n->col, 11);
	assert_int_equal(n->first->next->line, 5);
	assert_int_equal(n->first->next->col, 7);
	n = doc_get(doc_get(doc_get(d.top, "l")->first, "c"), "d");
	assert_int_equal(n->key_line, 7);
	assert_int_equal(n->key_col, 6);
	assert_int_equal(n->col, 10);
}

static json_t *tree_json(const struct doc_node *n)
{
	static const char *const kinds[] = {"null", "bool", "number", "string"};
	json_t *j;

	if (n->text)
		return json_pack("{s:s, s:s}", "kind", kinds[n->kind], "text", n->text);
	j = n->kind == DOC_LIST ? json_array() : json_object();
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (n->kind == DOC_LIST)
			(void)json_array_append_new(j, tree_json(c));
		else
			(void)json_object_set_new(j, c->key, tree_json(c));
	}
	return n->kind == DOC_LIST ? j : json_pack("{s:o}", "map", j);
}

/* Reads N.toml and N.json (what was made of it here) in its folder; prints what differs. */
static const char compare_py[] =
	"import datetime, json, math, pathlib, sys, tomllib\n"
	"def same(a, b):\n"
	"    if isinstance(b, list):\n"
	"        return isinstance(a, list) and len(a) == len(b) and all(map(same, a, b))\n"
	"    if 'map' in b:\n"
	"        m = b['map']\n"
	"        return isinstance(a, dict) and a.keys() == m.keys() and all(same(a[k], m[k]) for "
	"k in a)\n"
	"    kind, text = b['kind'], b['text']\n"
	"    if kind == 'bool': return isinstance(a, bool) and a == (text == 'true')\n"
	"    if kind == 'number':\n"
	"        if isinstance(a, bool) or not isinstance(a, (int, float)): return False\n"
	"        if isinstance(a, int): return a == int(text)\n"
	"        return a == float(text) or (math.isnan(a) and math.isnan(float(text)))\n"
	"    if isinstance(a, datetime.time): return a == datetime.time.fromisoformat(text)\n"
	"    if isinstance(a, datetime.datetime): return a == "
	"datetime.datetime.fromisoformat(text.upper())\n"
	"    if isinstance(a, datetime.date): return a == datetime.date.fromisoformat(text)\n"
	"    return a == text\n"
	"for f in sorted(pathlib.Path(sys.argv[1]).glob('*.toml')):\n"
	"    text, ours = f.read_bytes(), json.loads(f.with_suffix('.json').read_text())\n"
	"    try: theirs = tomllib.loads(text.decode())\n"
	"    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OverflowError): theirs = None\n"
	"    refused = ours is None\n"
	"    # tomllib's integers have no bound.\n"
	"    if refused and theirs is not None and b'8000000000000000' in text: continue\n"
	"    if refused and theirs is not None and b'9223372036854775808' in text: continue\n"
	"    if refused != (theirs is None) or not refused and not same(theirs, ours):\n"
	"        print(repr(text), theirs, ours)\n"
	"        sys.exit(1)\n";

static void write_case(int dir, size_t n, const char *text)
{
	CLEANUP(freep) char *toml = str_fmt("%03zu.toml", n);
	CLEANUP(freep) char *json = str_fmt("%03zu.json", n);
	CLEANUP(doc_fini) struct doc d = {0};
	struct err e = {0};
	json_t *j;

	j = toml_read(text, strlen(text), "t", &d, &e) < 0 ? json_null() : tree_json(d.top);
	assert_int_equal(file_write(dir, toml, text, strlen(text), 0600, 0, &e), 0);
	assert_int_equal(json_write_file(dir, json, j, 0600, 0, &e), 0);
	json_decref(j);
}

TEST(what_is_read_is_what_tomllib_reads)
{
	char folder[] = "/tmp/dlenv-toml-XXXXXX";
	const char *const probe[] = {"python3", "-c", "import tomllib", NULL};
	const char *const argv[] = {"python3", "-c", compare_py, folder, NULL};
	CLEANUP(freep) char *out = NULL;
	CLEANUP(fd_closep) int dir = -1;
	struct err e = {0};
	size_t n = 0;

	if (proc_capture(probe, &out, &e) < 0) {
		print_message("no Python with tomllib (3.11) here\n");
		skip();
	}
	freep(&out);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(dir_open(AT_FDCWD, folder, &dir, &e), 0);
	for (size_t i = 0; i < COUNT(good); i++)
		write_case(dir, n++, good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		write_case(dir, n++, bad[i].text);
	if (proc_capture(argv, &out, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(tree_remove(AT_FDCWD, folder, &e), 0);
}

TEST(all_good_texts_are_taken)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		CLEANUP(doc_fini) struct doc d = {0};
		struct err e = {0};

		if (toml_read(good[i], strlen(good[i]), "t", &d, &e) < 0)
			fail_msg("%s: %s", good[i], e.msg);
	}
}

TEST(numbers_and_dates_are_spelled_plainly)
{
	static const char text[] =
		"a = [0xff, 1_000, +5, -0, 1_0.5E+3, +inf, 1979-05-27 07:32:00Z]";
	static const char *const texts[] = {
		"255", "1000", "5", "-0", "10.5e+3", "inf", "1979-05-27 07:32:00Z"};
	CLEANUP(doc_fini) struct doc d = {0};
	const struct doc_node *n;
	struct err e = {0};
	size_t i = 0;

	assert_int_equal(toml_read(text, strlen(text), "t", &d, &e), 0);
	for (n = doc_get(d.top, "a")->first; n; n = n->next)
		assert_string_equal(n->text, texts[i++]);
	assert_int_equal(i, COUNT(texts));
}

RUN(IT(all_good_texts_are_taken), IT(wrong_texts_are_refused_with_their_position),
    IT(levels_are_bounded), IT(positions_are_where_things_stand),
    IT(what_is_read_is_what_tomllib_reads), IT(numbers_and_dates_are_spelled_plainly))
