#!/bin/bash
# Becomes systemd on a throw-away copy of this machine: the files are an overlay on the real ones, and processes, mounts,
# network and users' sockets are a world of their own. Started in fresh name spaces by systemd-machine.ts.
#
#   systemd-machine.sh <empty folder> <project folder, seen as /mnt>
set -euo pipefail
scratch=$1
project=$2

mount --make-rprivate /
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t proc proc proc
mount --bind "$project" mnt
# Images for containers forbid packages to start services; this machine is there for just that.
rm -f usr/sbin/policy-rc.d
# Nor do they let packages install manual pages.
for settings in etc/dpkg/dpkg.cfg.d/*; do
  if grep -q '^path-exclude' "$settings" 2>/dev/null; then rm "$settings"; fi
done
mkdir run/host
pivot_root . run/host
cd /
umount -l /run/host
# What is installed there may bring services of its own; none of them is wanted here.
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=sockets.target --log-target=console
