"""A project of small nets, and runs of pytest over it in processes of their own that may be hurt."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration import runs  # noqa: F401 - it loads what every run loads, so that a forked one begins at once

LIMIT_S = 180.0
"""For one run, which takes a second or two alone on a machine."""
_POLL_S = 0.002
_PIPE_BYTES = 1 << 20
"""More than any run prints, so that none waits for a reader."""
_PLAIN = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-q", "--no-quant-diagnose", "--quant", "-s")
"""``-s``: pytest's own capturing takes a file in the folder for temporary files, which may be what is hurt."""

_SLOW = """
import time
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner

forward = getattr(NcnnRunner.run, "forward", NcnnRunner.run)

def slow(net, array):
    time.sleep(0.002)  # there is something to interrupt
    return forward(net, array)

slow.forward = forward
NcnnRunner.run = slow
"""


@dataclass
class Running:
    """A run that is on."""

    pid: int
    report: Path
    output: int
    """The end of a pipe that takes what it prints."""

    def wait(self) -> int | None:
        """Its exit status, negative for a signal; None: it did not end in its time, and was ended."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(_POLL_S)
        self.kill_group()
        os.waitpid(self.pid, 0)
        return None

    def kill_group(self) -> None:
        """SIGKILL for all of its processes; waits until those but the first are gone."""
        children = self.children()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        while any(_lives(pid) for pid in children):
            time.sleep(_POLL_S)

    def children(self) -> list[int]:
        """Its processes but the first, and but the shell that waits for its end."""
        try:
            own = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except OSError:
            return []
        return [pid for pid in map(int, own) if not _waits(pid)]

    def said(self) -> str:
        """What it printed; once, when it has ended."""
        with os.fdopen(self.output, "rb") as file:
            return file.read().decode(errors="replace")


def _waits(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "sh\n"
    except OSError:
        return False


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    status: int | None
    said: str
    report: Mapping[str, Any] | None

    @property
    def comparable(self) -> object:
        """What two undisturbed runs have in common."""
        if self.report is None:
            return None
        models = {
            name: {key: value for key, value in entry.items() if key != "timing"}
            for name, entry in self.report["models"].items()
        }
        cases = [{key: value for key, value in case.items() if key != "seconds"} for case in self.report["cases"]]
        return models, cases

    @property
    def verdicts(self) -> dict[str, str]:
        """Case to verdict."""
        return {} if self.report is None else {case["id"]: case["verdict"] for case in self.report["cases"]}


class Arena:
    """The project, its cache, and the folder for temporary files of its runs."""

    def __init__(self, root: Path, *, is_small: bool = False) -> None:
        self.root, self.cache, self.tmp = root, root / "kept", root / "tmp"
        self.tmp.mkdir()
        (root / "pytest.ini").write_text("[pytest]\n")
        (root / "conftest.py").write_text(_SLOW)
        tiny.write_images(root, count=40 if is_small else 120)
        tiny.write_images(root / "calibration", 20, seed=7)
        recipe = {"calibrate": {"images": "calibration/images"}}
        bad = tiny.write_bad_model(root, "bad")
        models = {"given": tiny.model_entry(root, "given"), "made": tiny.model_entry(root, "made", int8=recipe)}
        tiny.write_zoo(root, {"bad": bad} if is_small else {**models, "bad": bad})
        self._count = 0

    def start(self, *options: str, cache: Path | None = None, tmp: Path | None = None, most_bytes: int = 0) -> Running:
        """Begin with a run; ``most_bytes``: the largest file that it may write, 0: any."""
        self._count += 1
        report = self.root / f"r{self._count}.json"
        output, written = os.pipe()
        fcntl.fcntl(written, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            try:
                self._become(written, tmp or self.tmp, most_bytes)
                status = pytest.main(
                    [*_PLAIN, "--quant-cache", str(cache or self.cache), "--quant-report", str(report), *options]
                )
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException as error:
                os.write(2, f"INTERNALERROR {error!r}\n".encode())
                os._exit(70)
            os._exit(int(status))
        os.close(written)
        while os.getpgid(pid) != pid:  # until then a signal to the group finds nobody
            time.sleep(_POLL_S)
        return Running(pid, report, output)

    def _become(self, out: int, tmp: Path, most_bytes: int) -> None:
        """Make the forked process a run: a group of its own, what it prints in a pipe, its folders, its bounds."""
        os.setsid()
        os.chdir(self.root)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.environ["TMPDIR"] = str(tmp)
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        tempfile.tempdir = str(tmp)
        if most_bytes:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    def end(self, running: Running) -> Outcome:
        """Wait for a run, and read what came of it."""
        status = running.wait()
        try:
            report = json.loads(running.report.read_bytes())
        except (OSError, ValueError):
            report = None
        said = running.said()
        running.report.unlink(missing_ok=True)
        return Outcome(status, said, report)

    def run(self, *options: str, **kwargs: Any) -> Outcome:
        """A whole run; see `start`."""
        return self.end(self.start(*options, **kwargs))

    def forget(self) -> None:
        """Begin with an empty cache."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def leftovers(self) -> list[str]:
        """What dead runs have left: folders of runs, and files half written."""
        found = [*self.tmp.glob("pytest-quant-*"), *self.cache.rglob("*.part"), *self.cache.glob("built/part-*")]
        return sorted(path.name for path in found)


@contextmanager
def arena(*, is_small: bool = False) -> Iterator[Arena]:
    """A project as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        yield Arena(Path(folder).resolve(), is_small=is_small)
