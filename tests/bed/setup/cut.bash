# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For `load` after world in *.bats: a run that is cut off is compared with one that nobody disturbed (snapshot.sh).

forget_world() { rm -rf "$WORLD"; }

# reference SKIN ARGUMENTS...: what an undisturbed run and its undo leave, made once for a file's run.
reference() {
	ref=$BATS_FILE_TMPDIR/$(echo "$*" | tr ' /' '__')
	[ ! -e "$ref.undone" ] || return 0
	new_world "$1"
	in_world sh -c "dlenv setup ${*:2} --yes && /bed/setup/snapshot.sh >/world/after && dlenv setup --undo --yes" >"$ref.log" 2>&1 ||
		{ cat "$ref.log" && return 1; }
	in_world sh -c '/bed/setup/snapshot.sh >/world/undone'
	mv "$WORLD/after" "$ref.after"
	mv "$WORLD/undone" "$ref.undone"
	forget_world
}

# same WHAT WANT IS: without the lines that a test excuses by the pattern $excuse.
same() {
	diff <(grep -vE "${excuse:-^\$}" "$2") <(grep -vE "${excuse:-^\$}" "$3") || { echo "$1" && return 1; }
}

# Go on after a reboot, compare, take back, compare. WHAT: for the message.
goes_on() { # goes_on WHAT
	in_world sh -c 'dlenv setup --resume --yes && /bed/setup/snapshot.sh >/world/after && dlenv setup --undo --yes' >"$WORLD/log" 2>&1 ||
		{ echo "$1: cannot go on or undo" && tail -n 40 "$WORLD/log" && return 1; }
	in_world sh -c '/bed/setup/snapshot.sh >/world/undone'
	same "$1: not as after an undisturbed run" "$ref.after" "$WORLD/after"
	same "$1: not as before" "$ref.undone" "$WORLD/undone"
}
