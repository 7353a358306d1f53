"""A keeper of one object store: it ends with the test run, whatever becomes of that.

`python -m tests.scale.keeper KIND FOLDER PID` starts the store, writes where it is to
`FOLDER/address`, and ends it once `FOLDER/stop` is there or the process PID is gone.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from marketkit.disk.system import runs
from tests.scale.ceph import Ceph

_TRIES = 3  # to start: a port that was free a moment ago may be another program's now


class Moto:
    """Moto's server, which keeps buckets in memory, of the environment of a Python."""

    def __init__(self, python: str, folder: Path) -> None:
        script = Path(__file__).with_name("moto_server.py")
        self._command = [python, str(script), "-H", "127.0.0.1", "-p", "0"]
        self._log = folder / "moto.log"
        self._program: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server and give the address."""
        self._log.parent.mkdir(parents=True)
        with self._log.open("wb") as log:
            self._program = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + 120
        while time.monotonic() < end and self._program.poll() is None:
            found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", self._log.read_text("utf-8"))
            if found:
                return found[1]
            time.sleep(0.05)
        raise RuntimeError(f"moto's server did not come up: {self._log.read_text('utf-8')}")

    def stop(self) -> None:
        """End the server."""
        if self._program is not None:
            self._program.kill()
            self._program.wait()


def main(kind: str, program: str, folder: Path, pid: int) -> None:
    """Keep a store while it is wanted."""
    for number in range(_TRIES):
        run = folder / str(number)
        store = Moto(program, run) if kind == "moto" else Ceph(Path(program), run)
        try:
            _tell(folder, store.start())
            while runs(pid) and not (folder / "stop").exists():
                time.sleep(0.1)
        except RuntimeError as error:
            if number == _TRIES - 1:
                _tell(folder, f"failed: {error}")
        else:
            break
        finally:
            store.stop()
    (folder / "ended").touch()


def _tell(folder: Path, words: str) -> None:
    half = folder / "half"
    half.write_text(words)
    half.replace(folder / "address")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # not without ending the store
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
