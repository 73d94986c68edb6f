"""The cluster of a run: connected by each of its processes, which all take the same kind of workers."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.machine import computed_on

if TYPE_CHECKING:
    from pytest_quant.evaluation.cluster.cluster import DaskCluster

_FILE = "cluster.json"
"""Below the folder of the run: the kind that the first process has chosen."""


def connect(url: str, run_dir: Path, usage: ExitStack) -> DaskCluster:
    """Connect until ``usage`` ends; from then on results are those of the cluster's kind of machine.

    Raises `ConfigError` or `ClusterError`.
    """
    from pytest_quant.evaluation.cluster.address import ClusterAddress
    from pytest_quant.evaluation.cluster.cluster import DaskCluster
    from pytest_quant.evaluation.cluster.kinds import Kind

    file = run_dir / _FILE
    wanted = None
    if file.exists():
        machine, sets = json.loads(file.read_bytes())
        wanted = Kind(machine, tuple(sets))
    cluster = DaskCluster(ClusterAddress.parse(url), wanted)
    usage.callback(cluster.close)
    if wanted is None:
        replace_file(file, json.dumps([cluster.kind.machine, cluster.kind.isa]).encode())
    if cluster.is_elsewhere:
        usage.enter_context(computed_on(cluster.kind.isa, cluster.told, cluster.cpu))
    return cluster
