/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/os.h"
#include "host/pci.h"

/* A machine below a temporary folder. */
struct machine {
	char path[64];
	struct root root;
};

static void put(const struct machine *m, const char *path, const char *text)
{
	CLEANUP(freep) char *folder = str_dup(path);
	struct err e = {0};

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make(m->root.fd, folder, 0755, &e), 0);
	assert_int_equal(file_write(m->root.fd, path, text, strlen(text), 0644, 0, &e), 0);
}

static void machine_make(struct machine *m)
{
	struct err e = {0};

	*m = (struct machine){.path = "/tmp/dlenv-os-XXXXXX"};
	assert_non_null(mkdtemp(m->path));
	assert_int_equal(root_open(&m->root, m->path, &e), 0);
}

static void machine_drop(struct machine *m)
{
	struct err e = {0};

	root_close(&m->root);
	assert_int_equal(tree_remove(AT_FDCWD, m->path, &e), 0);
}

TEST(a_distribution_is_read_and_ubuntus_code_name_counts)
{
	struct machine m;
	struct os_release os;

	machine_make(&m);
	os_read(&m.root, &os);
	assert_string_equal(os.id, "");
	put(&m, "usr/lib/os-release",
	    "NAME=\"Linux Mint\"\nID=linuxmint\nVERSION_ID='22.1'\nID_LIKE=\"ubuntu debian\"\n"
	    "VERSION_CODENAME=xia\nUBUNTU_CODENAME=noble\n");
	os_read(&m.root, &os);
	assert_string_equal(os.id, "linuxmint");
	assert_string_equal(os.version, "22.1");
	assert_string_equal(os.like, "ubuntu debian");
	assert_string_equal(os.codename, "noble");
	put(&m, "etc/os-release", "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n");
	os_read(&m.root, &os);
	assert_string_equal(os.id, "debian");
	assert_string_equal(os.codename, "bookworm");
	machine_drop(&m);
}

static void put_device(const struct machine *m, const char *address, const char *vendor,
		       const char *class, const char *device)
{
	const char *const files[][2] = {{"vendor", vendor},
					{"class", class},
					{"device", device},
					{"subsystem_vendor", "0x10de"},
					{"subsystem_device", "0x1533"}};

	for (size_t i = 0; i < COUNT(files); i++) {
		CLEANUP(freep)
		char *path = str_fmt("sys/bus/pci/devices/%s/%s", address, files[i][0]);

		put(m, path, files[i][1]);
	}
}

TEST(gpus_are_found_on_the_bus_with_and_without_a_display_head)
{
	struct machine m;
	struct pci_gpus g;

	machine_make(&m);
	pci_gpus_read(&m.root, &g);
	assert_int_equal(g.n, 0);
	pci_gpus_fini(&g);
	put_device(&m, "0000:02:00.0", "0x10de\n", "0x030200\n", "0x20b5\n");
	put_device(&m, "0000:01:00.0", "0x10de\n", "0x030000\n", "0x2684\n");
	put_device(&m, "0000:01:00.1", "0x10de\n", "0x040300\n", "0x22ba\n"); /* its sound */
	put_device(&m, "0000:00:02.0", "0x8086\n", "0x030000\n", "0x4680\n"); /* another maker's */
	assert_int_equal(symlinkat("../../../../bus/pci/drivers/nouveau", m.root.fd,
				   "sys/bus/pci/devices/0000:01:00.0/driver"),
			 0);
	pci_gpus_read(&m.root, &g);
	assert_int_equal(g.n, 2);
	assert_string_equal(g.v[0].address, "0000:01:00.0");
	assert_int_equal(g.v[0].device, 0x2684);
	assert_string_equal(g.v[0].driver, "nouveau");
	assert_int_equal(g.v[1].subdevice, 0x1533);
	assert_null(g.v[1].driver);
	pci_gpus_fini(&g);
	machine_drop(&m);
}

RUN(IT(a_distribution_is_read_and_ubuntus_code_name_counts),
    IT(gpus_are_found_on_the_bus_with_and_without_a_display_head))
