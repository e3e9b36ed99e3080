# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced in a world of engine-world.sh: containerd, and what Kubernetes would ask of it. CRI is gRPC: protoc writes the messages
# (cri.proto), curl speaks HTTP/2. /image is what pods run, /src is seen in them.

# containerd's own configuration, but for what this machine lacks: a registry, and the right to lower a process's oom_score_adj.
containerd_config() {
	mkdir -p /etc/containerd
	containerd config default | sed 's|registry.k8s.io/pause:[0-9.]*|localhost/image:1|
		s|restrict_oom_score_adj = false|restrict_oom_score_adj = true|; s|BinaryName = .*|BinaryName = "/tmp/runc"|' >/etc/containerd/config.toml
	# A cgroup v2 that v1 has taken controllers from has no cpu.weight.
	install -m 0755 /dev/stdin /tmp/runc <<-'RUNC'
		#!/bin/bash
		for word; do
			[ "${last-}" != --bundle ] || sed -i 's/"cpu":{"shares":[0-9]*}/"cpu":{}/' "$word/config.json"
			last=$word
		done
		exec runc "$@"
	RUNC
}

# What `docker save` would write of /image. image_archive FILE NAME
image_archive() {
	local dir sum
	dir=$(mktemp -d)
	tar -C /image -cf "$dir/layer.tar" .
	sum=$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)
	echo '{"architecture":"amd64","os":"linux","config":{"Cmd":["sleep","100"],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
		"rootfs":{"type":"layers","diff_ids":["sha256:'"$sum"'"]}}' >"$dir/config.json"
	echo '[{"Config":"config.json","RepoTags":["'"$2"'"],"Layers":["layer.tar"]}]' >"$dir/manifest.json"
	tar -C "$dir" -cf "$1" manifest.json config.json layer.tar
}

containerd_start() {
	local _
	containerd >/tmp/containerd.log 2>&1 &
	for _ in $(seq 300); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
	image_archive /tmp/image.tar localhost/image:1
	ctr -n k8s.io images import /tmp/image.tar >/dev/null || { tail -n 5 /tmp/containerd.log && return 1; }
}

# cri METHOD <FIELDS: the answer's fields, or gRPC's error.
cri() {
	local size
	protoc -I/bed --encode="cri.$1" cri.proto >/tmp/request || return
	size=$(stat -c %s /tmp/request)
	# gRPC's frame: not compressed, the length in four bytes.
	{ printf '\0\0\0'"\\$(printf %o $((size / 256)))\\$(printf %o $((size % 256)))" && cat /tmp/request; } >/tmp/frame
	curl -sS --http2-prior-knowledge --unix-socket /run/containerd/containerd.sock -H 'content-type: application/grpc' -H 'te: trailers' \
		-D /tmp/headers -o /tmp/answer --data-binary @/tmp/frame "http://localhost/runtime.v1.RuntimeService/$1" || return
	grep -q '^grpc-status: 0' /tmp/headers || { grep '^grpc-message' /tmp/headers && return 1; }
	tail -c +6 /tmp/answer | protoc -I/bed --decode="cri.$1Answer" cri.proto
}

# The value of an answer's only field. id ANSWER
id() { cut -d'"' -f2 <<<"$1"; }

# A network for pods that have one of their own.
pod_network() {
	mkdir -p /etc/cni/net.d
	echo '{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"ptp","ipam":{"type":"host-local","subnet":"10.99.0.0/24"}}]}' >/etc/cni/net.d/pods.conflist
}

# A pod of one container that looks around (/src/look), in the node's namespaces or, with IDS=100000, with users of its own from there on.
# pod HANDLER FIELDS-OF-THE-CONTAINER
pod() {
	local sandbox container answer namespaces=network:2 ids
	if [ -n "${IDS-}" ]; then
		ids="{host_id:$IDS container_id:0 length:65536}"
		namespaces="network:0 userns_options{mode:0 uids$ids gids$ids}"
	fi
	namespaces="linux{security_context{namespace_options{$namespaces}}}"
	sandbox="metadata{name:\"pod\" uid:\"$RANDOM$RANDOM\" namespace:\"n\"} log_directory:\"/tmp\" $namespaces"
	answer=$(cri RunPodSandbox <<<"config{$sandbox} runtime_handler:\"$1\"") || { echo "$answer" && return 1; }
	container='metadata{name:"c"} image{image:"localhost/image:1"} command:["sleep","100"] log_path:"c.log"'
	container+=" $namespaces"
	container+=' mounts{container_path:"/look" host_path:"/src/look" readonly:true}'
	answer=$(cri CreateContainer <<<"pod_sandbox_id:\"$(id "$answer")\" config{$container $2} sandbox_config{$sandbox}") || { echo "$answer" && return 1; }
	answer="container_id:\"$(id "$answer")\""
	cri StartContainer <<<"$answer" || return
	cri ExecSync <<<"$answer cmd:[\"bash\",\"/look\"] timeout:10" | sed "s/\\\\n/\n/g; s/\\\\'/'/g"
}
