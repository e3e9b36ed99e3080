#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# A driver's library is found by loaders of every age: on our own engine, which makes the tree itself, and by the hook
# under crun and runc. The library is a stub, as is the program that is linked to it, so that both run with any libc.

load helpers
bats_require_minimum_version 1.5.0

HOOK=$E2E_STAGE/build/src/hook/dlenv-toolkit
BUNDLE_PY=$E2E_STAGE/tools/bundle.py

compile() {
	local loader=/lib64/ld-linux-x86-64.so.2
	case $(uname -m) in
	aarch64) loader=/lib/ld-linux-aarch64.so.1 ;;
	esac
	cat >"$STUB/cuda.c" <<-'C'
		int cuInit(unsigned int flags);
		int cuInit(unsigned int flags) { return (int)flags + 42; }
	C
	cat >"$STUB/app.c" <<-'C'
		int cuInit(unsigned int flags);
		void _start(void);
		#ifdef __x86_64__
		__attribute__((force_align_arg_pointer))
		#endif
		void _start(void)
		{
			long code = cuInit(0);
		#ifdef __x86_64__
			__asm__ volatile("syscall" ::"a"(231L), "D"(code));
		#else
			register long nr __asm__("x8") = 94, arg __asm__("x0") = code;
			__asm__ volatile("svc 0" ::"r"(nr), "r"(arg));
		#endif
			for (;;)
				;
		}
	C
	gcc -shared -nostdlib -fPIC -Wl,-soname,libcuda.so.1 -o "$STUB/libcuda.so.550.1" "$STUB/cuda.c"
	gcc -nostdlib -nostartfiles -o "$STUB/app" "$STUB/app.c" "$STUB/libcuda.so.550.1" -Wl,--dynamic-linker,$loader
	gcc -nostdlib -nostartfiles -o "$STUB/app-musl" "$STUB/app.c" "$STUB/libcuda.so.550.1" \
		-Wl,--dynamic-linker,"/lib/ld-musl-$(uname -m).so.1"
}

setup_file() {
	export STUB
	STUB=$(mktemp -d "$E2E_STATE/loader.XXXXXX")
	chmod 0755 "$STUB"
	compile
}
teardown_file() { rm -rf "$STUB"; }

setup() {
	DIR=$(mktemp -d "$E2E_STATE/loader.XXXXXX")
	chmod 0755 "$DIR"
	TRIPLET=$(uname -m)-linux-gnu
}
teardown() { rm -rf "$DIR"; }

# The root of a suite, or a skip.
root_of() {
	local status=0
	IMAGE=$("$E2E_STAGE/tests/bed/loader-root.sh" "$1") || status=$?
	[ $status != 77 ] || need net
	[ $status = 0 ] || return 1
	# With one id only, an overlay can be written where the files are one's own.
	if [ ! -O "$IMAGE" ]; then
		[ -e "$STUB/$1" ] || cp -a --reflink=auto --no-preserve=ownership "$IMAGE" "$STUB/$1"
		IMAGE=$STUB/$1
	fi
}

# tree FOLDER: what is to be made, as an annotation; arguments FOLDER: the same for the hook.
tree() {
	printf '{"links": [{"target": "libcuda.so.550.1", "at": "%s/libcuda.so.1"}], "folders": ["%s"],
		"params": true, "profile": true}' "$1" "$1"
}
arguments() {
	printf '["nvidia-cdi-hook", "apply", "--link", "libcuda.so.550.1::%s/libcuda.so.1", "--folder", "%s",
		"--params", "--profile"]' "$1" "$1"
}
mounts() { # mounts FOLDER APP
	printf '[{"destination": "%s/libcuda.so.550.1", "type": "bind", "source": "%s", "options": ["ro", "bind", "nosuid",
		"nodev"]}, {"destination": "/app", "type": "bind", "source": "%s", "options": ["ro", "bind"]}]' \
		"$1" "$STUB/libcuda.so.550.1" "$STUB/$2"
}

# own FOLDER APP OPTION... -- CMD...: a bundle for our own runtime, which is run; its output and status.
own() {
	local folder=$1 app=$2 annotation
	shift 2
	annotation=$(tree "$folder" | python3 -c 'import json, sys; print(json.dumps(sys.stdin.read()))')
	"$BUNDLE_PY" "$DIR/own" --root "$IMAGE" --merge "{\"mounts\": $(mounts "$folder" "$app"),
		\"annotations\": {\"dlenv.tree\": $annotation}}" "$@"
	run "$RT" run --bundle "$DIR/own" "loader-$BASHPID"
}

finds() { # finds SUITE FOLDER: by ldconfig's and by the loader's own reading
	root_of "$1"
	own "$2" app --overlay tmpfs -- /sbin/ldconfig -p
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"libcuda.so.1 "*" => $2/libcuda.so.1"* ]]
	[[ $output == *"libc.so.6 "* ]]
	own "$2" app --overlay tmpfs -- /app
	echo "$output"
	[ "$status" = 42 ]
}

@test "the loader of Debian 11 finds the driver" {
	finds bullseye "/usr/lib/$TRIPLET"
	finds bullseye /opt/nvidia/lib
}
@test "the loader of Debian 12 finds the driver" {
	finds bookworm "/usr/lib/$TRIPLET"
	finds bookworm "/usr/lib/$TRIPLET/nvidia/current"
}
@test "the loader of Debian 13 finds the driver" {
	finds trixie "/usr/lib/$TRIPLET"
	finds trixie "/usr/lib/$TRIPLET/nvidia/current"
}

@test "control: without the tree the driver is not found" {
	root_of trixie
	"$BUNDLE_PY" "$DIR/own" --root "$IMAGE" --overlay tmpfs --merge "{\"mounts\": $(mounts /opt/nvidia/lib app)}" -- /app
	run -127 "$RT" run --bundle "$DIR/own" "loader-$BASHPID"
}

@test "the loader of musl finds the driver" {
	root_of musl
	own /opt/nvidia/lib app-musl --overlay tmpfs -- /app
	echo "$output"
	[ "$status" = 42 ]
}

@test "an ldconfig inside keeps the driver, and another start leaves nothing twice" {
	root_of bookworm
	mkdir "$DIR/upper" "$DIR/work"
	own /opt/nvidia/lib app --overlay "$DIR/upper" -- /sbin/ldconfig
	echo "$output"
	[ "$status" = 0 ]
	own /opt/nvidia/lib app --overlay "$DIR/upper" -- /app
	[ "$status" = 42 ]
	[ "$(find "$DIR/upper/etc/ld.so.conf.d" -type f | wc -l)" = 1 ]
	# Without the tree: what the image's own ldconfig wrote is what the loader reads.
	"$BUNDLE_PY" "$DIR/own" --root "$IMAGE" --overlay "$DIR/upper" --merge "{\"mounts\": $(mounts /opt/nvidia/lib app)}" -- /app
	run "$RT" run --bundle "$DIR/own" "loader-$BASHPID"
	echo "$output"
	[ "$status" = 42 ]
	rm -rf "$DIR/upper" 2>/dev/null || unshare --user --map-root-user rm -rf "$DIR/upper" "$DIR/work"
}

# A copy of an image with a place for each mount, as a read-only root needs.
copy_of() { # copy_of SUITE FOLDER
	root_of "$1"
	cp -a --reflink=auto --no-preserve=ownership "$IMAGE" "$DIR/image"
	IMAGE=$DIR/image
	mkdir -p "$IMAGE$2"
	touch "$IMAGE$2/libcuda.so.550.1" "$IMAGE/app"
}

@test "on a read-only root the cache is covered, and the image stays as it was" {
	local before
	copy_of trixie /opt/nvidia/lib
	before=$(find "$IMAGE" -type f -exec cksum {} + | sort | cksum)
	own /opt/nvidia/lib app --readonly -- /app
	echo "$output"
	[ "$status" = 42 ]
	[ "$(find "$IMAGE" -type f -exec cksum {} + | sort | cksum)" = "$before" ]
}

# crun takes cgroups of one version only, not both.
one_version() {
	# shellcheck disable=SC2016 # expanded inside
	unshare --mount --propagation private sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' - "$@"
}

hooked() { # hooked ENGINE...: the hook as a specification has it
	copy_of trixie "/usr/lib/$TRIPLET"
	"$BUNDLE_PY" "$DIR/hooked" --root "$IMAGE" --merge "{\"mounts\": $(mounts "/usr/lib/$TRIPLET" app),
		\"hooks\": {\"createContainer\": [{\"path\": \"$HOOK\", \"args\":
		$(arguments "/usr/lib/$TRIPLET"), \"env\": [\"NVIDIA_CTK_DEBUG=false\"]}]}}" -- /app
	run "$@" --root "$DIR/state" run --bundle "$DIR/hooked" "loader-$BASHPID"
	echo "$output"
	[ "$status" = 42 ]
	run /sbin/ldconfig -p -C "$IMAGE/etc/ld.so.cache"
	[[ $output == *"libcuda.so.1 "*" => /usr/lib/$TRIPLET/libcuda.so.1"* ]]
	[ "$(readlink "$IMAGE/usr/lib/$TRIPLET/libcuda.so.1")" = libcuda.so.550.1 ]
	grep -q _container_ "$IMAGE/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf"
}

@test "the hook makes it under crun" {
	need root
	need command crun
	hooked one_version crun --cgroup-manager=disabled
}
@test "the hook makes it under runc" {
	need root
	need command runc
	hooked runc
}

@test "the hook: unknown names and no state" {
	run "$HOOK" nvidia-cdi-hook from-the-future --x </dev/null
	[ "$status" = 0 ]
	[[ $output == *"no hook has the name 'from-the-future'"* ]]
	run "$HOOK" nvidia-cdi-hook create-symlinks --link a::/b </dev/null
	[ "$status" != 0 ]
	run "$HOOK" nvidia-ctk hook create-symlinks --link a:b </dev/null
	[[ $output == *"TARGET::LINK"* ]]
	run "$HOOK" nvidia-cdi-hook --version
	[ "$status" = 0 ]
}
