"""A zoo of 1000 models on 50000 images each, on 100 machines: on paper, from what is measured here.

    python -m benchmarks.on_paper --shared ../shared
    python -m benchmarks.on_paper --shared ../shared --models 200 --machines 10 --cores 4 --pair-ms 60

Measured now, with ResNet-20 of the shared folder: what a shard costs the machine that runs pytest when its nets run
elsewhere (processor time of that process alone; an executor of another process does the rest), and the bytes that are
kept of a shard. Given: the milliseconds of one core for both nets of one image (``--pair-ms``), bytes of a model and of
a dataset. The rest is arithmetic; early stop and cache are shares of the images (``--stopped``, ``--changed``).
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.target_throughput import read_models
from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.extending.known import get_task
from pytest_quant.spec.text import aligned


@dataclass(frozen=True)
class Shards:
    """What was measured."""

    client_ms: float
    """Processor time of the machine that runs pytest, for one shard of both nets."""
    kept_bytes: float
    size: int


def measured(shared: Path) -> Shards:
    """By ResNet-20 on 4000 images, the images' digests being known."""
    model = next(one for one in read_models(shared) if one.name == "resnet20")
    size = get_task(model.task).shard_size
    with TemporaryDirectory() as made, ProcessPoolExecutor(2) as pool:
        bench = open_workbench(Path(made), cores=2, sampling=Sampling(samples=4000), executor=pool)
        bench.on_samples(model, bench.selection(model)[0]).digests  # noqa: B018 - takes them
        start = time.process_time()
        count = bench.measure(model).evaluated / size
        client_ms = 1000 * (time.process_time() - start) / count
        kept = sum(path.stat().st_size for path in Path(made).rglob("*") if path.is_file())
    return Shards(client_ms, kept / count, size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--images", type=int, default=50000)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--cores", type=int, default=8)
    parser.add_argument("--pair-ms", type=float, default=100.0)
    parser.add_argument("--model-mb", type=float, default=60.0, help="both nets")
    parser.add_argument("--dataset-gb", type=float, default=6.3)
    parser.add_argument("--stopped", type=float, default=0.1, help="share of the images that early stop evaluates")
    parser.add_argument("--changed", type=float, default=0.02, help="share of the models that changed since a run")
    given = parser.parse_args()
    shards = measured(given.shared)
    count = given.models * given.images / shards.size
    cores = given.machines * given.cores
    core_h = given.models * given.images * given.pair_ms / 3.6e6
    client_h = count * shards.client_ms / 3.6e6
    rows = [["", "whole datasets", "early stop", f"cache, {100 * given.changed:g} % changed"]]
    shares = (1.0, given.stopped, given.changed)
    for what, of_whole, digits in (
        ("forward passes, millions", 2 * given.models * given.images / 1e6, 1),
        ("core hours", core_h, 0),
        (f"hours on {cores} cores", core_h / cores, 2),
        ("core hours for a verdict", core_h / given.models, 3),
        ("shards, thousands", count / 1e3, 0),
        ("hours of the machine that runs pytest", client_h, 2),
        ("kept results, GB", count * shards.kept_bytes / 1e9, 2),
        ("model files that travel, GB, at most", given.models * given.model_mb * min(given.machines, 8) / 1e3, 0),
        ("images read by all machines, GB", given.machines * given.dataset_gb, 0),
    ):
        rows.append([what, *(f"{of_whole * share:.{digits}f}" for share in shares)])
    print("\n".join(aligned(rows, left=1)))
    kept_kb = shards.kept_bytes / 1e3
    print(f"measured: {shards.client_ms:.1f} ms and {kept_kb:.1f} kB for a shard of {shards.size} images")
    print(f"given: {given.pair_ms:g} ms of a core for both nets of an image, {given.machines} machines")


if __name__ == "__main__":
    main()
