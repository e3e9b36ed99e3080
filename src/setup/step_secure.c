/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: with Secure Boot the kernel loads only modules whose signer it knows. What is
 * compiled here is signed with a key of this machine, which the firmware has to be told of by
 * somebody at the console (mokutil, then MokManager's screens at the next boot). The key must be
 * there before the first build: a module that was built earlier stays without a signature.
 */
#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

/* Who signs, by what compiles the module; the first that applies. */
struct signer {
	const char *managers;
	const char *os; /* "ubuntu"; NULL: any */
	unsigned int flags;
	const char *key; /* certificate (DER) */
	const char *packages[5];
	const char *make[4];
};

static const struct signer signers[] = {
	{"dnf4 dnf5",
	 NULL,
	 DRIVER_AKMODS,
	 "/etc/pki/akmods/certs/public_key.der",
	 {"kmodtool", "akmods", "mokutil", "openssl"},
	 {"kmodgenca", "-a"}},
	{"apt",
	 "ubuntu",
	 0,
	 "/var/lib/shim-signed/mok/MOK.der",
	 {"dkms", "shim-signed", "mokutil", "openssl"},
	 {"update-secureboot-policy", "--new-key"}},
	{"apt dnf4 dnf5 zypper",
	 NULL,
	 0,
	 "/var/lib/dkms/mok.pub",
	 {"dkms", "mokutil", "openssl"},
	 {"dkms", "generate_mok"}},
};

static const struct signer *signer_of(const struct setup *s, const struct driver_route *r)
{
	const char *os = s->distro ? s->distro->id : "";

	for (size_t i = 0; i < COUNT(signers); i++) {
		const struct signer *k = &signers[i];

		if (step_manager_is(s, k->managers) && (!k->os || str_eq(k->os, os)) &&
		    (r->flags & k->flags) == k->flags)
			return k;
	}
	return NULL;
}

/* A module that its distribution signed needs no key, unless DKMS has taken its place. */
static bool is_built_here(const struct setup *s, const struct driver_route *r)
{
	return r->flags & DRIVER_BUILT_HERE || s->host.builder;
}

bool secure_boot_matters(const struct setup *s)
{
	const struct driver_route *r = driver_route(s);

	return r && s->host.secure_boot == 1 && !s->host.secure_boot_lax && is_built_here(s, r);
}

int secure_plan_key(struct setup *s, struct plan *p, struct err *e)
{
	const struct signer *k = signer_of(s, driver_route(s));

	if (!k)
		return err_set(e, ERR_BUG, "nobody is known to sign modules here");
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, plan_words(p, k->packages)),
				 .why = _("Secure Boot is on: what is compiled here has to be "
					  "signed")});
	plan_add(p,
		 &(struct op){.kind = &op_run,
			      .words = plan_words(p, k->make),
			      .path = k->key,
			      .why = _("the key comes before the module, which is signed with it "
				       "while it is built")});
	return 0;
}

int secure_plan_enrol(struct setup *s, struct plan *p, struct err *e)
{
	const struct signer *k = signer_of(s, driver_route(s));

	if (!k)
		return err_set(e, ERR_BUG, "nobody is known to sign modules here");
	plan_add(p, &(struct op){.kind = &op_enrol_key,
				 .path = k->key,
				 .why = _("the firmware has to know the key; somebody at the "
					  "console confirms it at the next boot")});
	plan_note(p, _("Secure Boot is on: after the reboot a blue screen asks for the key "
		       "(Enroll MOK, Continue, Yes, the password that was chosen, with a US "
		       "keyboard). Nobody can do that over the network"));
	return 0;
}
