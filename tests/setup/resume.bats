#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A set-up over reboots, with a real systemd: it goes on by itself, once, and leaves nothing of that behind.

load ../e2e/helpers
load ../bed/setup/world

setup() { need root; }

teardown() { drop_world; }

booted() { in_world /bed/setup/boot.sh "$@"; }
journal() { cat "$WORLD/up/var/lib/dlenv/setup/journal"; }
unit() { [ -e "$WORLD/up/etc/systemd/system/dlenv-setup.service" ]; }
no_unit() { [ ! -e "$WORLD/up/etc/systemd/system/dlenv-setup.service" ]; }
requested() { find "$WORLD/efi" -name 'MokNew-*' | grep -q .; }

# Until the unit has come to its end. What it said: unit.log.
follow='for i in $(seq 200); do
	case $(systemctl show -p ActiveState --value dlenv-setup.service) in inactive | failed) ;; *) sleep 0.2 && continue ;; esac
	[ -n "$(journalctl -q -o cat -u dlenv-setup.service 2>/dev/null)" ] && exit 0
	sleep 0.2
done; exit 1'
followed() { booted sh -c "($follow); status=\$?; journalctl -q -o cat -u dlenv-setup.service >/world/unit.log; exit \$status"; }

@test "nouveau has the card: setup waits for the reboot and goes on by itself" {
	export NOUVEAU=1
	new_world debian-13
	run booted dlenv setup driver docker --user dev --yes
	[ "$status" = 7 ]
	[[ $output == *"nouveau has the card"*"goes on by itself"* ]]
	unit
	[[ $(journal) == *'{"paused":"reboot"}' ]]
	followed
	[[ $(journal) == *'{"finished":2}' ]]
	no_unit
	[ ! -e "$WORLD/up/etc/systemd/system/multi-user.target.wants/dlenv-setup.service" ]
	run in_world dlenv setup --verify --offline
	[[ $output =~ holds\ +nvidia-smi\ sees\ the\ GPU ]]
	booted dlenv setup --undo --yes
	run in_world sh -c 'dpkg -s nvidia-open || dpkg -s docker-ce'
	[ "$status" != 0 ]
}

@test "a key waits for somebody at the console: missed, asked again, confirmed" {
	export SECURE_BOOT=1
	new_world debian-13
	run booted dlenv setup driver --yes
	[ "$status" = 8 ]
	[[ $output =~ "the password: "([0-9]{8}) ]]
	password=${BASH_REMATCH[1]}
	unit
	# Nobody was there: the unit says so and does not ask again.
	followed
	grep "was not confirmed at the console" "$WORLD/unit.log"
	run requested
	[ "$status" = 1 ]
	# Somebody does, with the same password.
	run booted dlenv setup --resume --yes
	[ "$status" = 8 ]
	[[ $output == *"the password: $password"* ]]
	requested
	MOK=1 followed
	[[ $(journal) == *'{"finished":'* ]]
	no_unit
	[ ! -e "$WORLD/up/var/lib/dlenv/setup/mok-password" ]
	in_world test -e /proc/driver/nvidia/version
}

@test "a unit that failed is not started at each boot" {
	export NOUVEAU=1
	new_world debian-13
	run booted dlenv setup driver docker --user dev --yes
	[ "$status" = 7 ]
	mkdir -p "$WORLD/up/etc/docker"
	echo '{"broken' >"$WORLD/up/etc/docker/daemon.json"
	followed
	no_unit
	grep "daemon.json" "$WORLD/unit.log"
	[[ $(journal) != *'"finished":'* ]]
	rm "$WORLD/up/etc/docker/daemon.json"
	in_world dlenv setup --resume --yes
	[[ $(journal) == *'{"finished":'* ]]
}

@test "Ctrl-C lets the package manager end its work" {
	export GPU=none
	new_world debian-13
	run in_world sh -c 'dlenv setup docker --user dev --yes & p=$!
		until grep -q "^Setting up\|^Unpacking" /var/lib/dlenv/setup/log 2>/dev/null; do sleep 0.02; done
		kill -INT $p; wait $p'
	[ "$status" = 1 ]
	[[ $output == *"stopped at operation "*"--resume"* ]]
	[ -z "$(in_world dpkg --audit)" ]
	in_world dlenv setup --resume --yes
	[[ $(journal) == *'{"finished":'* ]]
}
