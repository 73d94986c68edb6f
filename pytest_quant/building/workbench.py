"""A workbench that builds what entries describe."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Executor
from pathlib import Path

from pytest_quant.building.building import ModelBuilder
from pytest_quant.building.built_files import BuiltFiles
from pytest_quant.building.replayed import ReplayedBuilder
from pytest_quant.evaluation.engine.crews import Cluster
from pytest_quant.evaluation.engine.engine import Later
from pytest_quant.evaluation.engine.events import Listener
from pytest_quant.evaluation.kept import BUILT
from pytest_quant.evaluation.parts.replay import Replay
from pytest_quant.evaluation.probes import Probes
from pytest_quant.evaluation.resources import Resources
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.evaluation.workbench import Workbench


def open_workbench(
    run_dir: Path,
    *,
    cores: int,
    cache_dir: Path | None = None,
    sampling: Sampling | None = None,
    listener: Listener | None = None,
    rehash: bool = False,
    limit_s: float | None = None,
    probes: Probes | None = None,
    replay: Replay | None = None,
    executor: Executor | Cluster | Later | None = None,
) -> Workbench:
    """A workbench that coordinates with others through ``run_dir`` and keeps predictions in ``cache_dir``.

    Without ``cache_dir`` the predictions live in ``run_dir`` and end with it. ``listener`` is told of progress;
    ``rehash``: digests of images that an earlier run took are not trusted; ``limit_s``: longest time for one sample;
    ``probes`` notes what is found out about single samples; ``replay`` has what the parts of an evaluation found;
    ``executor`` runs the nets instead of threads: any of `concurrent.futures`, such as a `ProcessPoolExecutor`.

    >>> from tempfile import mkdtemp
    >>> open_workbench(Path(mkdtemp()), cores=2).sampling.seed
    0
    """
    kept = cache_dir or run_dir / "store"
    resources = Resources.in_folder(kept, run_dir, cores, listener, rehash=rehash, limit_s=limit_s, executor=executor)
    resources = resources if probes is None else dataclasses.replace(resources, probes=probes)
    resources = resources if replay is None else replay.resources(resources)
    files = BuiltFiles(kept / BUILT, run_dir / "claims", spare=run_dir / BUILT)
    builder = ModelBuilder(files, resources)
    return Workbench(resources, builder if replay is None else ReplayedBuilder(builder, replay), sampling or Sampling())
