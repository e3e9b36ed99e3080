#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# dlenv setup as a command: what it refuses, whom it asks, what it ends with. What it does to machines: setup.bats.

bats_require_minimum_version 1.5.0
load helpers
load ../bed/setup/world

setup() { fresh_state; }
teardown() {
	drop_world
	drop_state
}

# recorded NAME: a machine of tests/hosts, laid out.
recorded() {
	"$E2E_STAGE/tests/bed/host.sh" "$E2E_STAGE/tests/hosts/$1/machine" "$E2E_TEST_STATE/$1" && echo "$E2E_TEST_STATE/$1"
}

refused() { # refused STATUS TEXT CMD...
	local status_wanted=$1 text=$2
	shift 2
	run dlenv "$@"
	assert_status "$status_wanted"
	assert_output "$text"
}

@test "a command line that makes no sense is refused, with what may be meant" {
	refused 2 "do you mean 'docker'?" setup dokcer
	refused 2 "driver, toolkit, docker, podman, dlenv" setup everything
	refused 2 "--undo and --resume exclude each other" setup --undo --resume
	refused 2 "--script and --plan exclude each other" setup --script x --plan
	refused 2 "40 or 64" setup docker --trust-key 0EBFCD88
	refused 2 "dlenv setup docker --rootless" setup podman --rootless
	refused 2 "dlenv's own" setup toolkit --toolkit builtin
	refused 2 "cannot be read" setup --plan --driver new
	refused 12 "there is no user 'nobody-of-that-name'" setup --plan --user nobody-of-that-name
}

@test "a recorded machine is planned for, and never changed" {
	local root before
	root=$(recorded ubuntu-24.04-bare)
	before=$(find "$root" | sort | xargs ls -ldn --time-style=full-iso | cksum)
	for mode in "" --undo --resume --verify --yes; do
		# shellcheck disable=SC2086 # an option or none
		refused 2 "is another machine" --root "$root" setup $mode
	done
	dlenv --root "$root" setup driver docker --plan | grep -q 'containerd.io'
	dlenv --root "$root" -n setup driver docker --json | python3 -c '
import json, sys
d = json.load(sys.stdin)["data"]
assert d["targets"] == ["driver", "docker"] and d["choice"]["route"] == "archive" and d["user"] == "user", d
assert d["pending"] == len(d["plan"]["operations"]) > 5'
	dlenv --root "$root" setup driver docker --script "$E2E_TEST_STATE/script"
	[ -x "$E2E_TEST_STATE/script" ]
	sh -n "$E2E_TEST_STATE/script"
	dlenv --root "$root" setup driver docker --script - | cmp - "$E2E_TEST_STATE/script"
	[ "$before" = "$(find "$root" | sort | xargs ls -ldn --time-style=full-iso | cksum)" ]
}

@test "what cannot be set up that way is refused, with a way out" {
	refused 5 "do without" --root "$(recorded rhel-9-no-common-driver)" setup --plan
	refused 5 "two sources" --root "$(recorded fedora-43-two-sources)" setup --plan driver
	refused 5 "not installed into it one by one" --root "$(recorded fedora-43-silverblue)" setup --plan driver
	refused 5 "driver of its GPU is Windows'" --root "$(recorded wsl-ubuntu-22.04)" setup --plan driver
	refused 0 "a driver would have nothing to do" --root "$(recorded debian-13-no-gpu)" setup --plan driver
	refused 5 "knows no CDI" --root "$(recorded ubuntu-22.04-old-docker)" setup --plan podman
}

@test "the release of the toolkit is one that every engine reads" {
	local root
	root=$(recorded ubuntu-24.04-bare)
	chosen() { dlenv --root "$root" setup "$@" --plan --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["choice"]["toolkit"])'; }
	[ "$(chosen docker)" = builtin ]
	[ "$(chosen toolkit docker)" = 1.20.0 ]
	[ "$(chosen toolkit podman)" = 1.18.2 ]
	[ "$(chosen toolkit docker podman)" = 1.18.2 ]
	[ "$(chosen docker --toolkit 1.18.2)" = 1.18.2 ]
}

@test "who is not root sees the plan, and is told the command" {
	need ordinary
	dlenv setup podman --plan >/dev/null
	refused 6 "setup podman --user $(id -un) --yes" setup podman --user "$(id -un)" --yes
	refused 6 "sudo" setup --undo
	refused 6 "sudo" setup --resume
}

@test "without a terminal and --yes nothing is done" {
	need root
	new_world debian-13
	in_world sh -c 'dlenv setup docker </dev/null 2>&1; echo "status $?"; ls /var/lib/dlenv/setup 2>&1' >"$E2E_TEST_STATE/out" || true
	grep -q 'status 3' "$E2E_TEST_STATE/out"
	grep -q -e '--yes' "$E2E_TEST_STATE/out"
	[ ! -e "$WORLD/up/etc/apt/keyrings/docker.asc" ]
	grep -q "cannot access '/var/lib/dlenv/setup'" "$E2E_TEST_STATE/out"
	[ ! -e "$WORLD/access.log" ] || [ "$(fetched .)" = 0 ]
}

# In one world, because each costs seconds.
@test "what is planned is done, proved, and then there is nothing to do" {
	need root
	new_world debian-13
	in_world sh -c 'set -x
		dlenv setup driver docker --user dev --plan --json >/world/plan
		dlenv setup driver docker --user dev --yes --json >/world/done
		cp /var/lib/dlenv/setup/journal /world/journal
		dlenv setup driver docker --user dev </dev/null >/world/again
		dlenv setup --verify --user dev --json >/world/verify
		dlenv setup --resume >/world/resume
		printf "#!/bin/sh\necho No devices found.\n" >/usr/local/bin/nvidia-smi && chmod 755 /usr/local/bin/nvidia-smi
		dlenv setup --verify --offline --json >/world/broken; echo $? >/world/broken.status' 2>"$E2E_TEST_STATE/log" || { cat "$E2E_TEST_STATE/log" && false; }
	python3 - "$WORLD" <<-'PYTHON'
		import json, sys
		at = sys.argv[1] + "/"
		load = lambda name: json.load(open(at + name))["data"]
		planned = [o["summary"] for o in load("plan")["plan"]["operations"] if o["state"] != "done"]
		journal = [json.loads(l) for l in open(at + "journal")]
		kinds = [o["kind"] for o in load("plan")["plan"]["operations"]]
		began = [l["op"]["kind"] for l in journal if "begin" in l]
		it = iter(kinds)
		assert all(k in it for k in began), (kinds, began)  # those, in that order; what was done meanwhile is left out
		done = load("done")
		assert [o for o in done["plan"]["operations"] if o["state"] != "done"] == [], done["plan"]["operations"]
		rungs = {r["id"]: r["state"] for r in done["ladder"]}
		assert set(rungs.values()) == {"holds"} and "docker-user" in rungs and "cuda" in rungs, rungs
		assert {r["id"]: r["state"] for r in load("verify")["ladder"]}["docker-gpu"] == "holds"
		broken = {r["id"]: r for r in load("broken")["ladder"]}
		assert broken["smi"]["state"] == "fails" and "No devices found." in broken["smi"]["detail"], broken["smi"]
		assert broken["docker-gpu"]["state"] == "skipped" and "--offline" in broken["docker-gpu"]["detail"], broken
	PYTHON
	grep -q 'nothing to do' "$WORLD/again"
	grep -q 'holds.*nvidia-smi' "$WORLD/resume"
	[ "$(cat "$WORLD/broken.status")" = 4 ]
}

@test "keys of a table that others may write do not count" {
	need root
	new_world debian-13
	in_world sh -c 'chmod o+w /etc/dlenv/facts/keys.tsv; dlenv setup docker --yes; echo "status $?"' >"$E2E_TEST_STATE/out" 2>&1 || true
	grep -q 'status 11' "$E2E_TEST_STATE/out" || { cat "$E2E_TEST_STATE/out" && false; }
	grep -q "may write '/etc/dlenv/facts/keys.tsv'" "$E2E_TEST_STATE/out"
	[ ! -e "$WORLD/up/etc/apt/keyrings/docker.asc" ]
}

@test "nothing to take back, nothing to go on with" {
	need root
	new_world debian-13
	in_world sh -c 'dlenv setup --undo; echo "undo $?"; dlenv setup --resume --offline; echo "resume $?"' >"$E2E_TEST_STATE/out" 2>&1 || true
	grep -q 'undo 12' "$E2E_TEST_STATE/out"
	grep -q 'no run waits' "$E2E_TEST_STATE/out"
	grep -q 'resume 4' "$E2E_TEST_STATE/out" # of a GPU without a driver
}

@test "a key that nobody vouches for is shown, and accepted by name" {
	need root
	new_world opensuse-leap-15.6
	in_world sh -c 'dlenv setup driver --yes 2>&1; echo "status $?"' >"$E2E_TEST_STATE/out" || true
	grep -q 'status 3' "$E2E_TEST_STATE/out" || { cat "$E2E_TEST_STATE/out" && false; }
	local key
	key=$(grep -o -e '--trust-key [0-9A-F]\{40\}' "$E2E_TEST_STATE/out" | cut -d' ' -f2)
	in_world sh -c "dlenv setup --resume --yes 2>&1; echo \"status \$?\"; dlenv setup --resume --trust-key $key --yes --offline; echo \"then \$?\"" >"$E2E_TEST_STATE/out" 2>&1 || true
	grep -q 'status 3' "$E2E_TEST_STATE/out"
	grep -q 'then 0' "$E2E_TEST_STATE/out" || { cat "$E2E_TEST_STATE/out" && false; }
}

@test "without curl apt's own helper fetches, and says as much" {
	need root
	new_world debian-13
	fault 'docker.com.*/gpg 404'
	in_world sh -c 'rm /usr/bin/curl; dlenv setup docker --yes; echo "status $?"' >"$E2E_TEST_STATE/out" 2>&1 || true
	grep -q 'status 10' "$E2E_TEST_STATE/out" || { cat "$E2E_TEST_STATE/out" && false; }
	grep -q 'HTTP status 404' "$E2E_TEST_STATE/out"
	fault
	in_world sh -c 'dlenv setup --resume --yes --offline; ls -l /usr/bin/curl' >"$E2E_TEST_STATE/out" 2>&1 || true
	grep -q "cannot access '/usr/bin/curl'" "$E2E_TEST_STATE/out"
	[ -s "$WORLD/up/etc/apt/keyrings/docker.asc" ]
}
