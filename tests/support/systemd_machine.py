"""A scratch machine for a test: systemd on a copy of this one's root folder, in separate namespaces.

What is written in it lies in memory and is gone with it; the checkout is at /srv/validator, read only. It has
no network but its own loopback, sees no process of this machine, and its systemd starts only the
test's units. It needs root and Linux namespaces.
"""

import os
import secrets
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres_processes import family

SYSTEMD = Path("/usr/lib/systemd/systemd")
PYTHON = Path("/usr/bin/python3")
CHECKOUT = "/srv/validator"
_TIMEOUT = 120  # seconds for one step of an installation
_NAMESPACES = ("--pid", "--mount", "--ipc", "--uts", "--net", "--cgroup", "--fork", "--kill-child")
_INSTALLED = "/usr/lib/systemd/system"
# As systemd-nspawn does it: a separate root by pivot_root (a chroot could have no user namespaces), mounts
# that are shared (a child mounts the credentials), devices that do no harm, and sysctls that are read only.
_BOOT = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=0755,size=2g scratch "$SCRATCH"
mkdir "$SCRATCH/up" "$SCRATCH/work" "$SCRATCH/root"
root=$SCRATCH/root
mount -t overlay -o "lowerdir=/,upperdir=$SCRATCH/up,workdir=$SCRATCH/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=0755 dev "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs shm "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for folder in run tmp var/log var/backups var/lib/nginx; do
    mkdir -p "$root/$folder"
    mount -t tmpfs -o mode=0755 scratch "$root/$folder"
done
chmod 1777 "$root/tmp"
mkdir -p "$root/var/log/nginx" "$root$CHECKOUT" "$root/old"
mount --bind "$SOURCE" "$root$CHECKOUT"
mount -o remount,bind,ro "$root$CHECKOUT"
units=$root/etc/systemd/system
rm -rf "$units" && mkdir "$units"
for unit in "$root$INSTALLED"/{sysinit,basic,local-fs,sockets,timers,multi-user}.target.wants/*; do
    case $unit in *journald*) ;; *) ln -sf /dev/null "$units/${unit##*/}" ;; esac
done
printf '[Unit]\nDefaultDependencies=no\n' >"$units/scratch.target"
echo 5c7a7c40000000000000000000000000 >"$root/etc/machine-id"
cd "$root"
pivot_root . old
umount -l /old
mount --make-rshared /
export container=scratch
exec "$SYSTEMD" --system --unit=scratch.target --log-target=null --show-status=no
"""


class NotHere(Exception):  # noqa: N818 - an outcome, not an error
    """This machine does not allow a scratch machine; the text says why."""


@dataclass(frozen=True)
class Machine:
    """A running scratch machine."""

    pid: int

    def run(self, script: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run *script* by bash as root, in the folder of the source; it stops at what fails."""
        inside = ["nsenter", f"--target={self.pid}", "-p", "-m", "-i", "-u", "-n", "-C", "-r", "-w"]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            **variables,
        }
        command = [*inside, "env", "-C", CHECKOUT, "bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )

    def is_running(self) -> bool:
        """Return whether its systemd takes orders."""
        return self.run("systemctl is-active scratch.target").returncode == 0


@contextmanager
def machine(folder: Path, source: Path) -> Iterator[Machine]:
    """Give a machine with the checkout *source*, its scratch in *folder*; it is ended and gone afterwards.

    Raises NotHere when this one does not allow it.
    """
    group = _control_group()
    try:
        group.mkdir()
    except OSError as error:
        raise NotHere(str(error)) from error
    command = ["unshare", *_NAMESPACES, "--propagation", "private", "bash", "-c", _BOOT]
    join = f"echo $$ >{shlex.quote(str(group / 'cgroup.procs'))} && exec {shlex.join(command)}"
    environment = {
        "PATH": os.environ["PATH"],
        "SCRATCH": str(folder),
        "SOURCE": str(source),
        "CHECKOUT": CHECKOUT,
        "INSTALLED": _INSTALLED,
        "SYSTEMD": str(SYSTEMD),
    }
    log = folder.parent / f"{folder.name}.log"
    folder.mkdir()
    with log.open("wb") as stream:
        process = subprocess.Popen(["bash", "-c", join], env=environment, stdout=stream, stderr=stream)
    try:
        yield _booted(process, log)
    finally:
        process.kill()  # with it, by --kill-child, its systemd, and so every process of that namespace
        process.wait()
        _remove(group)


def _booted(process: "subprocess.Popen[bytes]", log: Path) -> Machine:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        below = family(process.pid)[1:]
        if below and Path(f"/proc/{below[0]}/comm").read_text().strip() == "systemd":
            booted = Machine(below[0])
            if booted.is_running():
                return booted
        time.sleep(0.1)
    raise NotHere(f"no scratch machine here: {log.read_text()}")


def _control_group() -> Path:
    """Return a place for a control group of the second kind, which systemd wants."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    places = [Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"]
    if not places:
        raise NotHere("no control groups of the second kind here")
    return places[0] / f"scratch-{secrets.token_hex(4)}"


def _remove(group: Path) -> None:
    """Take the control group away as soon as its last process is gone."""
    for _ in range(100):
        with suppress(OSError):
            for below in sorted(group.rglob("*/"), reverse=True):
                below.rmdir()
            group.rmdir()
            return
        time.sleep(0.05)
