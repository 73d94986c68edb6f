"""int8 here and on a target, on the same samples: the table of `docs/targets.md`.

    python -m benchmarks.on_target ZOO TARGET [--samples N] [--models NAME ...]

``ZOO`` is a zoo file, ``TARGET`` an execnet gateway specification, such as ``popen//python=DIR/qemu-python`` after
``pytest-quant target emulate DIR``. fp32 is taken here. Prints the first metric of each model, the flips between fp32
and either int8, and images per second of the target's int8.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.nets.remote.targets import close_targets, target_of
from pytest_quant.zoo.placement import Placement
from pytest_quant.zoo.reader import BrokenModel, read_zoo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", type=Path)
    parser.add_argument("target")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--models", nargs="*")
    given = parser.parse_args()
    print(target_of(given.target).facts.kind)
    columns = (("model", -22), ("metric", 8), ("n", 6), ("fp32", 8), ("int8 here", 10), ("int8 there", 10))
    heads = [name.ljust(-width) if width < 0 else name.rjust(width) for name, width in columns]
    print(" ".join([*heads, "    flips", "    flips"]))
    with tempfile.TemporaryDirectory() as folder:
        sampling = Sampling(0, given.samples, given.samples is None)
        bench = open_workbench(Path(folder), cores=available_cores(), sampling=sampling)
        for model in read_zoo(given.zoo).models:
            if isinstance(model, BrokenModel):
                raise SystemExit(model.message)
            if given.models and model.name not in given.models:
                continue
            here, there = (bench.measure(one) for one in (model, Placement(given.target, "int8").of_model(model)))
            name, pair = next(iter(here.comparison.metrics.items()))
            number, other = pair.metric.number, there.comparison.metrics[name]
            flips = [
                f"-{one.comparison.flips.only_fp32_right} +{one.comparison.flips.only_int8_right}"
                for one in (here, there)
            ]
            print(
                f"{model.name:22} {name:>8} {here.evaluated:6} {number(pair.fp32):>8} {number(pair.int8):>10} "
                f"{number(other.int8):>10} {flips[0]:>9} {flips[1]:>9}  "
                f"{there.timing.images_per_second['int8']:.2f} per second there",
                flush=True,
            )
    close_targets()


if __name__ == "__main__":
    main()
