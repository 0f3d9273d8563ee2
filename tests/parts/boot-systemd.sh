#!/usr/bin/env bash
# Boot the machine's own systemd as PID 1 of a container of namespaces over a throw-away copy of /, so that the shipped
# unit is tried under the real thing: DynamicUser, credentials, sandboxing, watchdog. Prints the PID to nsenter into
# once systemd listens; ends, and takes everything with it, when its standard input closes.
#   boot-systemd.sh WORKDIR [FROM=TO …]     (an empty directory for the overlay; folders and where they appear inside)
set -euo pipefail
work=$1
shift
cgroup=/sys/fs/cgroup/unified
[ -d "$cgroup" ] || cgroup=/sys/fs/cgroup
mine=$cgroup/notifier-test-$$
mkdir "$mine"
cat >"$work/inside" <<'INSIDE'
set -eu
work=$1
shift
mount --make-rprivate /
mount -t tmpfs tmpfs "$work/mnt" 2>/dev/null || { mkdir -p "$work/mnt"; mount -t tmpfs tmpfs "$work/mnt"; }
mkdir -p "$work/mnt/upper" "$work/mnt/work" "$work/mnt/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/mnt/upper,workdir=$work/mnt/work" "$work/mnt/root"
root=$work/mnt/root
for dir in dev sys; do mount --rbind "/$dir" "$root/$dir"; done
umount -R "$root/sys/fs/cgroup" 2>/dev/null || true
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
for pair in "$@"; do mkdir -p "$root/${pair#*=}"; mount --rbind "${pair%%=*}" "$root/${pair#*=}"; done
rm -f "$root"/etc/systemd/system/*.wants/* "$root/etc/machine-id"
touch "$root/etc/machine-id"
mkdir -p "$root/old"
cd "$root"
pivot_root . old
umount -l /old
mount --make-rshared /   # what a container manager does: credentials reach services by propagation
exec env -i container=notifier-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target --log-target=null
INSIDE
(
  echo "$BASHPID" >"$mine/cgroup.procs"
  exec unshare --mount --uts --ipc --cgroup --pid --fork --kill-child=KILL bash "$work/inside" "$work" "$@"
) </dev/null >"$work/boot.log" 2>&1 &
outer=$!
finish() { kill -KILL "$outer" 2>/dev/null || true; wait "$outer" 2>/dev/null || true; sleep 0.2; rmdir "$mine"/*/* "$mine"/* "$mine" 2>/dev/null || true; }
trap finish EXIT
for _ in $(seq 100); do
  inner=$(pgrep -P "$outer" || true)
  if [ -n "$inner" ] && nsenter -t "$inner" -m -p systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; then
    echo "$inner"
    cat >/dev/null
    exit 0
  fi
  sleep 0.2
done
echo "systemd did not come up: $(tail -3 "$work/boot.log")" >&2
exit 1
