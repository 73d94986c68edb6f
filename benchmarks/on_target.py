"""int8 here and on a target, on the same samples: the table of `docs/targets.md`.

    python -m benchmarks.on_target ZOO TARGET [--samples N] [--models NAME ...] [--cores N]

``ZOO`` is a zoo file, ``TARGET`` an execnet gateway specification, such as ``popen//python=DIR/qemu-python`` after
``pytest-quant target emulate DIR``. fp32 is taken here. Prints the first metric of each model with the flips between
fp32 and int8, three times: int8 here with packed layouts, as ncnn has them by default; int8 here as
``runtime: reference`` runs it; int8 on the target.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from unittest.mock import patch

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.nets.ncnn import options
from pytest_quant.nets.remote.targets import close_targets, target_of
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.placement import Placement
from pytest_quant.zoo.reader import BrokenModel, read_zoo

_WIDTHS = (26, 9, 6, 8, 18, 18, 18)


def row(cells: tuple[object, ...]) -> str:
    return " ".join(
        f"{cell:{width}}" if index == 0 else f"{cell:>{width}}"
        for index, (cell, width) in enumerate(zip(map(str, cells), _WIDTHS, strict=True))
    )


def cell(found: Measurement, name: str) -> str:
    """The int8 score with its flips against fp32."""
    pair, flips = found.comparison.metrics[name], found.comparison.flips
    return f"{pair.metric.number(pair.int8)} -{flips.only_fp32_right} +{flips.only_int8_right}"


def packed(bench: Workbench, model: ModelSpec) -> Measurement:
    """With packed layouts for every net, which is what ncnn does by default."""
    with patch.object(options, "needs_unpacked", lambda param: False):
        return bench.measure(model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", type=Path)
    parser.add_argument("target")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--models", nargs="*")
    parser.add_argument("--cores", type=int, default=1)
    given = parser.parse_args()
    print(target_of(given.target).facts.kind)
    print(row(("model", "metric", "n", "fp32", "int8, packed", "int8, reference", "int8 there")), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sampling = Sampling(0, given.samples, given.samples is None)
        bench = open_workbench(Path(folder), cores=given.cores, sampling=sampling)
        for model in read_zoo(given.zoo).models:
            if isinstance(model, BrokenModel):
                raise SystemExit(model.message)
            if given.models and model.name not in given.models:
                continue
            here, there = bench.measure(model), bench.measure(Placement(given.target, "int8").of_model(model))
            name, pair = next(iter(here.comparison.metrics.items()))
            cells = [cell(found, name) for found in (packed(bench, model), here, there)]
            print(
                row((model.name, name, here.evaluated, pair.metric.number(pair.fp32), *cells))
                + f"  {there.timing.images_per_second['int8']:.2f} per second there",
                flush=True,
            )
    close_targets()


if __name__ == "__main__":
    main()
