# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For `load` in *.bats, beside world.bash: what a script of `dlenv setup --script` does is what dlenv does.

# Excused: dlenv's own name for the runtime's hook, which only dlenv can give; and that the script asks for packages that are
# there already as parts of others, which marks them.
excused_of_scripts='^/usr/local/bin/nvidia-container-runtime-hook |^manual '

comparable() { grep -vE "$excused_of_scripts" "$WORLD/snapshot"; }

# same_by_script SKIN TARGETS...
same_by_script() {
	local by_dlenv status_of_script=0 machine=$1
	shift
	new_world "$machine"
	in_world sh -c "dlenv setup $* --yes --offline --user dev >/world/log 2>&1; /bed/setup/snapshot.sh >/world/snapshot"
	by_dlenv=$(comparable)
	[ "$(wc -l <<<"$by_dlenv")" -gt 100 ]
	drop_world
	new_world "$machine"
	in_world sh -c "dlenv setup $* --user dev --script /world/script >/dev/null && rm -rf /var/lib/dlenv
		sh /world/script >/world/log 2>&1 && sh /world/script >/world/log2 2>&1" || status_of_script=$?
	[ "$status_of_script" = 0 ] || { tail -n 30 "$WORLD"/log* && return 1; }
	shellcheck "$WORLD/script"
	in_world sh -c '/bed/setup/snapshot.sh >/world/snapshot'
	diff <(echo "$by_dlenv") <(comparable)
}
