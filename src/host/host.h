/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fs.h"
#include "base/mem.h"
#include "host/os.h"
#include "host/pci.h"

/*
 * A machine before anything is installed on it: read by a table of probes, without running a
 * program, changing anything or being root. What cannot be known is NULL or -1, never a failure.
 * Of a recorded machine (/.recorded, see doc/design/host.md) it is what that file says.
 */

/* Where it is known that these do not get in each other's way, they are not here. */
struct host_source {
	const char *id;	  /* "cuda-repo", "ppa", "rpmfusion", "negativo17", "suse", "runfile" ... */
	const char *path; /* the file that says so */
	bool driver;	  /* of NVIDIA's driver */
};

struct host_space {
	const char *path;
	int64_t bytes; /* for those who are not root; -1: unknown */
};

enum { HOST_SPACES = 4, HOST_SOURCES_MAX = 32 };

struct host {
	struct arena arena;

	/* the system */
	const char *arch;
	struct os_release os;
	const char *kernel;
	int headers;		/* those of the running kernel: 1, 0, -1 */
	const char *place;	/* "machine", "vm", "container", "wsl" */
	const char *place_kind; /* "kvm", "docker" ... or NULL */
	const char *image;	/* its files come as an image: "ostree", "bootc" ... or NULL */

	/* GPUs and their module */
	struct pci_gpus gpus;
	const char *module; /* version of the loaded one */
	bool module_open;
	const char *libraries; /* version of the driver's; several with spaces between */
	bool module_unsigned;  /* the kernel took it without a known signature */
	int module_built;      /* one is installed for the running kernel: 1, 0, -1 */
	const char *builder;   /* "dkms" or "akmods": makes modules for new kernels here */
	bool nouveau;	       /* it, or nova, is loaded */

	/* what the firmware lets the kernel load */
	int secure_boot;      /* 1, 0; -1: not known, or no UEFI */
	bool secure_boot_lax; /* shim was told not to validate */
	int mok;	      /* keys of the owner are enrolled; -1 as above */
	bool mok_pending;     /* one waits for the next boot */
	const char *lockdown; /* "none", "integrity", "confidentiality" */

	/* packages */
	const char *manager; /* "apt", "dnf5", "dnf4", "zypper" ... */
	const char *lock;    /* the lock of it that somebody holds, or NULL */
	struct host_source sources[HOST_SOURCES_MAX];
	size_t sources_n;
	const char *driver_package; /* "nvidia-driver 550.163.01-2" */
	const char *docker;	    /* version; "": there, but of a version not known */
	const char *podman;
	const char *containerd;
	const char *toolkit;

	/* what containers need of the kernel */
	const char *selinux;   /* "enforcing", "permissive", NULL: not used */
	bool apparmor_userns;  /* programs without a profile get no rights in user namespaces */
	bool apparmor_profile; /* dlenv has one */
	int64_t userns_max;    /* -1: not limited that way */
	int userns_clone;      /* 0: forbidden; -1: that switch is not there */
	const char *cgroup;    /* "v2", "hybrid", "v1" */
	const char *delegated; /* controllers given to the caller, or NULL */

	/* who asks; NULL and -1 on a recorded machine that does not say */
	const char *user;
	uid_t uid;
	int64_t subuids, subgids; /* how many; -1: not known */
	const char *groups;	  /* of docker, render, video: those with the caller in them */
	const char *groups_later; /* those that count from the next login on */
	struct host_space space[HOST_SPACES];
};

struct user;

/* who: the caller, or NULL for nobody. host_fini frees. */
void host_read(const struct root *r, const struct user *who, struct host *ret);
void host_fini(struct host *h);

struct findings;

/* What is wrong with it for containers with GPUs: rows HOST... of finding.c. */
void findings_of_host(const struct host *h, struct findings *f);
