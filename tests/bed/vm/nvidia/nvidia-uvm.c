/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for NVIDIA's second module: its device nodes. */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>

static const struct file_operations nothing = {.owner = THIS_MODULE};
static struct class *nodes;
static int major;

static int __init load(void)
{
	nodes = class_create("nvidia-uvm");
	if (IS_ERR(nodes))
		return PTR_ERR(nodes);
	major = register_chrdev(0, "nvidia-uvm", &nothing);
	device_create(nodes, NULL, MKDEV(major, 0), NULL, "nvidia-uvm");
	device_create(nodes, NULL, MKDEV(major, 1), NULL, "nvidia-uvm-tools");
	return 0;
}

static void __exit unload(void)
{
	device_destroy(nodes, MKDEV(major, 1));
	device_destroy(nodes, MKDEV(major, 0));
	class_destroy(nodes);
	unregister_chrdev(major, "nvidia-uvm");
}

module_init(load);
module_exit(unload);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(VERSION);
MODULE_DESCRIPTION("test stand-in");
