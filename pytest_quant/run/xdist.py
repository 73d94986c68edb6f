"""The only place that knows pytest-xdist: what a controller tells its workers, and which modes it allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from pytest_quant.evaluation.alive import Alive, make_run_folder, remove_dead_run_folders, remove_run_folder
from pytest_quant.spec.errors import told

_KEY = "quant_run_dir"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs tests for a controller, which reports."""
    return hasattr(config, "workerinput")


def worker_count(config: pytest.Config) -> int:
    """How many workers run the tests, of which this process is one; 1 where it runs them alone, 0 in a controller."""
    if is_worker(config):
        found: int = getattr(config, "workerinput")["workercount"]  # noqa: B009 - xdist adds the attribute
        return found
    return 0 if config.getoption("dist", "no") != "no" else 1


def refuse_each(config: pytest.Config) -> None:
    """``--dist each`` runs every case several times over, which no report has room for."""
    if not is_worker(config) and config.getoption("dist", "no") == "each":
        raise pytest.UsageError("--quant does not work with --dist each: use -n N, with --dist load or worksteal")


def run_folder(config: pytest.Config) -> Path:
    """The folder that the processes of this run share: made by the controller, which tells its workers.

    It is held by each of its processes and ends with the controller; those of dead runs are removed.
    """
    try:
        if is_worker(config):
            folder = Path(getattr(config, "workerinput")[_KEY])  # noqa: B009 - xdist adds the attribute
            config.add_cleanup(Alive(folder).end)
            return folder
        remove_dead_run_folders()
        folder, alive = make_run_folder()
    except OSError as error:
        raise pytest.UsageError(f"--quant: the folder of the run cannot be made: {told(error)}") from None
    config.add_cleanup(lambda: remove_run_folder(folder, alive))
    return folder


class _Node(Protocol):
    """What is used of xdist's controller of a worker."""

    config: pytest.Config
    workerinput: dict[str, object]


class ControllerHooks:
    """Registered in a process that may turn out to be a controller."""

    def __init__(self, run_dir: Path, announce: Callable[[pytest.Config], None]) -> None:
        """``announce`` prints what is known after collection: a controller collects nothing itself."""
        self._run_dir = run_dir
        self._announce = announce
        self._announced = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: _Node) -> None:
        """Tell a worker where the shared folder is."""
        node.workerinput[_KEY] = str(self._run_dir)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: _Node) -> None:
        """The first worker has collected, as all others will."""
        if not self._announced:
            self._announced = True
            self._announce(node.config)
