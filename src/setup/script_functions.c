/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/script_functions.h"

#include <stddef.h>

/* In the order in which they stand in a script. */
const struct script_function script_functions[] = {
	{"fail", NULL,
	 "fail() {\n"
	 "\techo \"$0: $*\" >&2\n"
	 "\texit 1\n"
	 "}\n"},
	{"warn", NULL,
	 "warn() {\n"
	 "\techo \"$0: $*\" >&2\n"
	 "}\n"},
	{"as_user", NULL,
	 "# as_user NAME COMMAND...\n"
	 "as_user() {\n"
	 "\tname=$1\n"
	 "\tshift\n"
	 "\tuid=$(id -u \"$name\")\n"
	 "\thome=$(getent passwd \"$name\" | cut -d: -f6)\n"
	 "\trunuser -u \"$name\" -- env HOME=\"$home\" XDG_RUNTIME_DIR=\"/run/user/$uid\" \\\n"
	 "\t\tDBUS_SESSION_BUS_ADDRESS=\"unix:path=/run/user/$uid/bus\" \"$@\"\n"
	 "}\n"},
	{"scratch", NULL,
	 "scratch=$(mktemp -d)\n"
	 "trap 'rm -rf \"$scratch\"' EXIT\n"},
	{"fetch", NULL,
	 "# fetch URL FILE\n"
	 "fetch() {\n"
	 "\tcurl -fsSL --proto '=https' --retry 2 --output \"$2\" \"$1\" || fail \"cannot fetch "
	 "$1\"\n"
	 "}\n"},
	{"write_file", NULL,
	 "# write_file FILE MODE: what comes in becomes that file. Missing folders are made.\n"
	 "write_file() {\n"
	 "\tmkdir -p \"$(dirname \"$1\")\"\n"
	 "\tcat >\"$1.dlenv-new\"\n"
	 "\tchmod \"$2\" \"$1.dlenv-new\"\n"
	 "\tmv -f \"$1.dlenv-new\" \"$1\"\n"
	 "}\n"},
	{"add_key", NULL,
	 "# add_key URL FILE as_text|as_bytes FINGERPRINT...: the key has to be one of these.\n"
	 "add_key() {\n"
	 "\turl=$1 file=$2 form=$3\n"
	 "\tshift 3\n"
	 "\tfetch \"$url\" \"$scratch/key\"\n"
	 "\tfound=$(gpg --homedir \"$scratch\" --batch --with-colons --show-keys \"$scratch/key\" "
	 "|\n"
	 "\t\tawk -F: '$1 == \"pub\" { pub = 1 } $1 == \"fpr\" && pub { print $10; pub = 0 }')\n"
	 "\t[ -n \"$found\" ] || fail \"$url is no OpenPGP key\"\n"
	 "\tfor fingerprint in $found; do\n"
	 "\t\tcase \" $* \" in\n"
	 "\t\t*\" $fingerprint \"*) ;;\n"
	 "\t\t*) fail \"$url has the key $fingerprint, and not $*\" ;;\n"
	 "\t\tesac\n"
	 "\tdone\n"
	 "\tif [ \"$form\" = as_bytes ] && grep -q -e '^-----BEGIN' \"$scratch/key\"; then\n"
	 "\t\tgpg --homedir \"$scratch\" --batch --dearmor <\"$scratch/key\" >\"$scratch/bytes\"\n"
	 "\t\tmv \"$scratch/bytes\" \"$scratch/key\"\n"
	 "\tfi\n"
	 "\twrite_file \"$file\" 0644 <\"$scratch/key\"\n"
	 "}\n"},
	{"is_installed", "apt",
	 "is_installed() {\n"
	 "\tdpkg-query -W -f '${db:Status-Abbrev}' \"$1\" 2>/dev/null | grep -q '^.i'\n"
	 "}\n"},
	{"is_installed", NULL,
	 "is_installed() {\n"
	 "\trpm -q \"$1\" >/dev/null 2>&1\n"
	 "}\n"},
	{"has_package", "apt",
	 "# has_package NAME[=VERSION]: a repository has it.\n"
	 "has_package() {\n"
	 "\tapt-cache show --no-all-versions \"$1\" >/dev/null 2>&1\n"
	 "}\n"},
	{"has_package", "zypper",
	 "# has_package NAME[=VERSION]: a repository has it.\n"
	 "has_package() {\n"
	 "\tzypper --non-interactive --no-refresh install --dry-run \"$1\" >/dev/null 2>&1\n"
	 "}\n"},
	{"has_package", NULL,
	 "# has_package NAME[-VERSION]: a repository has it.\n"
	 "has_package() {\n"
	 "\tdnf -q list \"$1\" >/dev/null 2>&1\n"
	 "}\n"},
	{"install_first", NULL,
	 "# install_first A B -- C: the first of these sets whose packages all exist.\n"
	 "install_first() {\n"
	 "\twanted='' exist=yes\n"
	 "\tfor word in \"$@\" --; do\n"
	 "\t\tif [ \"$word\" != -- ]; then\n"
	 "\t\t\twanted=\"$wanted $word\"\n"
	 "\t\t\thas_package \"$word\" || exist=no\n"
	 "\t\telif [ $exist = yes ]; then\n"
	 "\t\t\t# shellcheck disable=SC2086 # names of packages, with spaces between\n"
	 "\t\t\t@INSTALL@ $wanted\n"
	 "\t\t\treturn\n"
	 "\t\telse\n"
	 "\t\t\twanted='' exist=yes\n"
	 "\t\tfi\n"
	 "\tdone\n"
	 "\tfail \"no repository has these packages: $*\"\n"
	 "}\n"},
	{"install_file", NULL,
	 "# install_file URL PACKAGE: an rpm with a good signature.\n"
	 "install_file() {\n"
	 "\tif is_installed \"$2\"; then\n"
	 "\t\treturn\n"
	 "\tfi\n"
	 "\tfetch \"$1\" \"$scratch/package.rpm\"\n"
	 "\tcase $(rpmkeys --checksig \"$scratch/package.rpm\") in\n"
	 "\t*'signatures OK') ;;\n"
	 "\t*) fail \"$1 has no good signature\" ;;\n"
	 "\tesac\n"
	 "\t@INSTALL@ \"$scratch/package.rpm\"\n"
	 "}\n"},
	{"remove_installed", NULL,
	 "# remove_installed PACKAGE...: those of them that are there.\n"
	 "remove_installed() {\n"
	 "\tthere=''\n"
	 "\tfor word in \"$@\"; do\n"
	 "\t\tif is_installed \"$word\"; then\n"
	 "\t\t\tthere=\"$there $word\"\n"
	 "\t\tfi\n"
	 "\tdone\n"
	 "\tif [ -n \"$there\" ]; then\n"
	 "\t\t# shellcheck disable=SC2086 # names of packages, with spaces between\n"
	 "\t\t@REMOVE@ $there\n"
	 "\tfi\n"
	 "}\n"},
	{"enable_now", NULL,
	 "# enable_now UNIT: where systemd does not run, it starts with the next boot.\n"
	 "enable_now() {\n"
	 "\tsystemctl enable \"$1\"\n"
	 "\tif [ -d /run/systemd/system ]; then\n"
	 "\t\tsystemctl start \"$1\"\n"
	 "\tfi\n"
	 "}\n"},
	{"restart_unit", NULL,
	 "restart_unit() {\n"
	 "\tif [ -d /run/systemd/system ]; then\n"
	 "\t\tsystemctl restart \"$1\"\n"
	 "\tfi\n"
	 "}\n"},
	{"describe_gpus", NULL,
	 "# describe_gpus: for --device nvidia.com/gpu=all (CDI). dlenv does that by itself.\n"
	 "describe_gpus() {\n"
	 "\tif command -v nvidia-ctk >/dev/null; then\n"
	 "\t\tnvidia-ctk cdi generate --output /etc/cdi/nvidia.yaml\n"
	 "\telse\n"
	 "\t\twarn 'nothing here describes the GPUs: dlenv or the NVIDIA Container Toolkit does'\n"
	 "\tfi\n"
	 "}\n"},
	{"wait_for_module", NULL,
	 "# wait_for_module NAME: until it is built for this kernel.\n"
	 "wait_for_module() {\n"
	 "\tmodules=/lib/modules/$(cat /proc/sys/kernel/osrelease) tries=0\n"
	 "\tuntil find \"$modules\" -name \"$1.ko*\" 2>/dev/null | grep -q .; do\n"
	 "\t\ttries=$((tries + 1))\n"
	 "\t\t[ $tries -lt 240 ] || fail \"the module $1 was not built within 20 minutes\"\n"
	 "\t\tsleep 5\n"
	 "\tdone\n"
	 "}\n"},
	{"reboot_once", NULL,
	 "# reboot_once: a run after the reboot goes on.\n"
	 "reboot_once() {\n"
	 "\tboot=$(cat /proc/sys/kernel/random/boot_id) stamp=/var/lib/dlenv-script-boot\n"
	 "\tif [ \"$(cat $stamp 2>/dev/null || echo \"$boot\")\" = \"$boot\" ]; then\n"
	 "\t\techo \"$boot\" >$stamp\n"
	 "\t\techo 'Reboot now, then run this again: it goes on.' >&2\n"
	 "\t\texit 7\n"
	 "\tfi\n"
	 "}\n"},
	{0},
};
