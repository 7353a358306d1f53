"""Ceph's gateway on loopback, from Debian's packages: a monitor, a store in memory, the gateway.

`.ci/ceph FOLDER` unpacks the packages; nothing of them is installed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

KEY, SECRET = "test", "testtest"

_CONF = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon},v1:127.0.0.1:{old}]
public addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {run}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = 3221225472
osd memory target = 939524096
run dir = {run}
pid file = {run}/$name.pid
admin socket = {run}/$name.$pid.asok
log file = {run}/$name.log
plugin dir = {lib}/ceph
erasure code dir = {lib}/ceph/erasure-code
osd class dir = {lib}/rados-classes
ms bind ipv6 = false
[mon.a]
mon data = {run}/mon
[osd.0]
osd data = {run}/osd
[client.admin]
rgw data = {run}/rgw
# Without the last an answer in two parts takes 40 ms: Nagle's algorithm waits for a delayed ACK.
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw dns name = localhost
"""


class Ceph:
    """The programs, of the unpacked packages or of this machine, and the folder they run in."""

    def __init__(self, packages: Path, run: Path) -> None:
        self._packages, self._run = packages, run
        self._lib = next((packages / "usr" / "lib").glob("*-linux-gnu"))
        self._programs: list[subprocess.Popen[bytes]] = []

    def start(self) -> str:
        """Start all, and give the address of the gateway once it answers."""
        mon, old, port = _free_ports(3)
        fsid = uuid.uuid4()
        conf = _CONF.format(run=self._run, lib=self._lib, fsid=fsid, mon=mon, old=old, port=port)
        for name in ("mon", "osd", "rgw"):
            (self._run / name).mkdir(parents=True)
        (self._run / "ceph.conf").write_text(conf)
        self._keys()
        addresses = f"[v2:127.0.0.1:{mon},v1:127.0.0.1:{old}]"
        run = self._run
        self._do("monmaptool", "--create", "--addv", "a", addresses, "--fsid", fsid, run / "monmap")
        self._do("osdmaptool", "--createsimple", 1, run / "osdmap")
        maps = ("--monmap", run / "monmap", "--osdmap", run / "osdmap")
        self._do("ceph-mon", "--mkfs", "-i", "a", *maps, "--keyring", run / "keyring")
        self._begin("ceph-mon", "-f", "-i", "a")
        self._do("ceph-osd", "-i", 0, "--mkfs", "--osd-uuid", uuid.uuid4())
        self._begin("ceph-osd", "-f", "-i", 0)
        self._begin("radosgw", "-f", "-n", "client.admin")
        url = f"http://127.0.0.1:{port}"
        self._wait(url)
        who = ("--uid=t", "--display-name=t", f"--access-key={KEY}", f"--secret-key={SECRET}")
        self._do("radosgw-admin", "-n", "client.admin", "user", "create", *who)
        return url

    def stop(self) -> None:
        """End the programs."""
        for each in reversed(self._programs):
            each.kill()  # there is nothing to keep
            each.wait()

    def _keys(self) -> None:
        keys = self._run / "keyring"
        tool = ("ceph-authtool", keys, "--gen-key", "-n")
        self._do("ceph-authtool", "--create-keyring", keys)
        self._do(*tool, "mon.", "--cap", "mon", "allow *")
        every = [word for one in ("mon", "osd", "mgr") for word in ("--cap", one, "allow *")]
        self._do(*tool, "client.admin", *every)
        self._do(*tool, "osd.0", "--cap", "mon", "allow profile osd", "--cap", "osd", "allow *")

    def _wait(self, url: str) -> None:
        end = time.monotonic() + 120
        while True:
            try:
                urlopen(url, timeout=5).close()
            except HTTPError:
                return
            except (URLError, OSError):
                self._check(end)
                time.sleep(0.2)
            else:
                return

    def _check(self, end: float) -> None:
        for each in self._programs:
            if each.poll() is not None:
                raise RuntimeError(f"{each.args} ended: look into {self._run}")
        if time.monotonic() > end:
            raise RuntimeError(f"Ceph did not come up: look into {self._run}")

    def _command(self, program: str, *words: object) -> list[str]:
        path = self._packages / "usr" / "bin" / program
        conf = () if "authtool" in program else ("-c", self._run / "ceph.conf")
        return list(map(str, (path, *conf, *words)))

    def _do(self, program: str, *words: object) -> None:
        command = self._command(program, *words)
        done = subprocess.run(command, env=self._environment(), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command} failed: {done.stderr.decode(errors='replace')}")

    def _begin(self, program: str, *words: object) -> None:
        command = self._command(program, *words)
        with (self._run / f"{program}.out").open("wb") as out:
            one = subprocess.Popen(command, env=self._environment(), stdout=out, stderr=out)
        self._programs.append(one)

    def _environment(self) -> Mapping[str, str]:
        lib = self._packages / "lib" / self._lib.name
        folders = (self._lib, self._lib / "ceph", self._packages / "usr/lib/ceph", lib)
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders))}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
