/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for NVIDIA's kernel module: its outward signs and nothing behind them. It takes
 * NVIDIA's display devices, refuses to load where there is none, and shows /proc/driver/nvidia and
 * its device nodes.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

enum { MAJOR_NVIDIA = 195, MINOR_CTL = 255 };

static struct class *nodes;
static struct proc_dir_entry *dir;
static int bound;

static const struct pci_device_id ids[] = {
	{PCI_DEVICE(0x10de, PCI_ANY_ID), .class = 0x030000, .class_mask = 0xffff00},
	{PCI_DEVICE(0x10de, PCI_ANY_ID), .class = 0x030200, .class_mask = 0xffff00},
	{}};
MODULE_DEVICE_TABLE(pci, ids);

static const struct file_operations nothing = {.owner = THIS_MODULE};

static int show_version(struct seq_file *m, void *v)
{
	seq_puts(m, "NVRM version: NVIDIA UNIX " FLAVOUR "  " VERSION
		    "  Release Build  (test stand-in)\n");
	seq_puts(m, "GCC version:  " CONFIG_CC_VERSION_TEXT "\n");
	return 0;
}

static int show_gpu(struct seq_file *m, void *v)
{
	seq_puts(m, "Model: \t\t NVIDIA GeForce RTX 4090\n"
		    "GPU UUID: \t GPU-00000000-0000-0000-0000-000000000001\n"
		    "Device Minor: \t 0\n");
	return 0;
}

static int probe(struct pci_dev *d, const struct pci_device_id *id)
{
	char path[64];
	struct proc_dir_entry *folder;

	snprintf(path, sizeof(path), "gpus/%s", pci_name(d));
	folder = proc_mkdir(path, dir);
	if (folder)
		proc_create_single("information", 0444, folder, show_gpu);
	bound++;
	return 0;
}

static void gone(struct pci_dev *d)
{
	bound--;
}

static struct pci_driver driver = {
	.name = "nvidia", .id_table = ids, .probe = probe, .remove = gone};

static void take_down(void)
{
	pci_unregister_driver(&driver);
	device_destroy(nodes, MKDEV(MAJOR_NVIDIA, MINOR_CTL));
	device_destroy(nodes, MKDEV(MAJOR_NVIDIA, 0));
	class_destroy(nodes);
	unregister_chrdev(MAJOR_NVIDIA, "nvidia");
	remove_proc_subtree("driver/nvidia", NULL);
}

static int __init load(void)
{
	nodes = class_create("nvidia");
	if (IS_ERR(nodes))
		return PTR_ERR(nodes);
	(void)register_chrdev(MAJOR_NVIDIA, "nvidia", &nothing);
	device_create(nodes, NULL, MKDEV(MAJOR_NVIDIA, 0), NULL, "nvidia0");
	device_create(nodes, NULL, MKDEV(MAJOR_NVIDIA, MINOR_CTL), NULL, "nvidiactl");
	dir = proc_mkdir("driver/nvidia", NULL);
	if (dir) {
		proc_create_single("version", 0444, dir, show_version);
		proc_mkdir("gpus", dir);
	}
	if (pci_register_driver(&driver) == 0 && bound)
		return 0;
	pr_err("NVRM: No NVIDIA GPU found.\n");
	take_down();
	return -ENODEV;
}

static void __exit unload(void)
{
	take_down();
}

module_init(load);
module_exit(unload);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(VERSION);
MODULE_DESCRIPTION("test stand-in");
