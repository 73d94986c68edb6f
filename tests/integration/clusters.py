"""A Dask cluster of processes of this machine, and a dataset that takes its time, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.evaluation.processes import environment

WAIT_S = 60

_ENDS = ("--idle-timeout", "180s")
"""A scheduler that nobody stops, since the tests were killed, ends by itself, and its workers with it."""

CONFTEST = '''
import os
import time

from pytest_quant.datasets.image_list import ImageListOptions, open_dataset
from pytest_quant.spec.errors import DatasetMissingError


class Slow:
    """Notes who reads; what it does wrong elsewhere, a file in its folder says."""

    def __init__(self, spec):
        self.folder = spec.options.root
        if self.is("hidden"):
            raise DatasetMissingError(f"{self.folder} does not exist")
        self.files = open_dataset(spec)
        self.samples = self.files.samples

    def is(self, how):
        file = self.folder / how
        return file.exists() and file.read_text() != str(os.getpid())

    def read(self, sample, *, orient=True):
        with (self.folder / "readers").open("a") as file:
            file.write(f"{os.getpid()}\\n")
        if self.is("slow"):
            time.sleep(0.005)
        return self.files.read(sample, orient=orient)

    def content(self, sample):
        return b"another" if self.is("other") else self.files.content(sample)


def pytest_quant_register(registry):
    registry.dataset("slow-list", ImageListOptions, Slow, tasks=("classification",))
'''.replace("def is(", "def says(").replace("self.is(", "self.says(")


def write_conftest(folder: Path) -> dict[str, dict[str, str]]:
    """Write a ``conftest.py`` with the type `slow-list`; gives the datasets of a zoo file, beside ``list.txt``."""
    (folder / "conftest.py").write_text(CONFTEST)
    return {"colours": {"type": "slow-list", "root": ".", "list": "list.txt"}}


def readers(folder: Path) -> Counter[int]:
    """Process to how many samples it has read."""
    file = folder / "readers"
    return Counter(map(int, file.read_text().split())) if file.exists() else Counter()


def until(found: Callable[[], int | None]) -> int:
    """What is found, once there is something."""
    ends = time.monotonic() + WAIT_S
    while time.monotonic() < ends:
        process = found()
        if process is not None:
            return process
        time.sleep(0.02)
    raise TimeoutError("nothing was found")


@dataclass
class LocalCluster:
    """A scheduler and workers of one thread each, without nannies that would start them again."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, workers: int) -> None:
        """Start all of them; the workers wait for the scheduler."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._run(
            "scheduler", "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show", *_ENDS
        )
        for number in range(workers):
            self.start_worker(f"worker-{number}")

    def start_worker(self, name: str) -> None:
        """Start a worker; the scheduler knows it some seconds later."""
        place = ("--host", "127.0.0.1", "--local-directory", str(self.folder))
        own = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "30", *place)
        self._run(name, "dask_worker", *own, "--name", name)

    def _run(self, name: str, module: str, *args: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *args, "--scheduler-file", str(self._file)]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment())

    @property
    def _file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def url(self) -> str:
        """As ``--quant-executor`` takes it."""
        import json

        until(lambda: 1 if self._file.exists() and self._file.read_bytes().endswith(b"}") else None)
        address: str = json.loads(self._file.read_text())["address"]
        return address.replace("tcp://", "dask://")

    def kill(self, process: int) -> None:
        """End one of them without a word."""
        os.kill(process, signal.SIGKILL)

    def stop(self) -> None:
        """End them all."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait(WAIT_S)
