"""Images per second of a whole evaluation beside the bare forward pass of the same nets on the same cores.

The evaluation reads, preprocesses, runs both nets, decodes, stores and scores; the bare pass runs ncnn on tensors that
are prepared already. Both are measured in turns within one run, since the speed of a machine changes with the hour:
read the ratio.

    python benchmarks/throughput.py [ZOO MODEL] [--samples N] [--cores N] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ncnn
import numpy as np
from numpy.typing import NDArray

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores, single_threaded_opencv
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.extending.known import get_task
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.nets.ncnn.options import runtime_options
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, Side
from pytest_quant.zoo.reader import read_zoo

FIXTURES = Path(__file__).parents[1] / "fixtures" / "zoo.quant.yaml"


def read_model(zoo: Path, name: str) -> ModelSpec:
    for model in read_zoo(zoo).models:
        if model.name == name:
            if isinstance(model, ModelSpec):
                return model
            raise SystemExit(model.message)
    raise SystemExit(f"{zoo} has no model {name}")


def evaluation_rate(model: ModelSpec, samples: int, cores: int) -> float:
    """Images per second of a whole evaluation, both nets, nothing cached."""
    with tempfile.TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=cores, sampling=Sampling(samples=samples))
        start = time.perf_counter()
        evaluated = bench.measure(model).evaluated
        return evaluated / (time.perf_counter() - start)


def prepared_tensors(model: ModelSpec, count: int) -> list[NDArray[np.float32]]:
    with tempfile.TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=1, sampling=Sampling(samples=count))
        pipeline, dataset = get_task(model.task).pipeline(model), bench.dataset(model.dataset)
        return [pipeline.prepare(dataset.read(sample), sample).tensor for sample in bench.selection(model)[0]]


def load(model: ModelSpec, side: Side) -> ncnn.Net:
    net = ncnn.Net()
    net.opt.num_threads = 1
    for name, value in runtime_options(model.runtime).items():
        setattr(net.opt, name, value)
    files = ncnn_files(model, side)
    net.load_param(str(files.param))
    net.load_model(str(files.bin))
    return net


def forward(model: ModelSpec, tensors: list[NDArray[np.float32]]) -> None:
    nets = [load(model, side) for side in SIDES]
    for tensor in tensors:
        for net in nets:
            extractor = net.create_extractor()
            extractor.input(model.input.blob, ncnn.Mat(tensor))
            for blob in model.outputs:
                extractor.extract(blob)


def bare_rate(model: ModelSpec, tensors: list[NDArray[np.float32]], cores: int) -> float:
    """Images per second of both nets' forward passes alone, one thread and one pair of nets per core."""
    start = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(lambda index: forward(model, tensors[index::cores]), range(cores)))
    return len(tensors) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("zoo", nargs="?", type=Path, default=FIXTURES)
    parser.add_argument("model", nargs="?", default="resnet18")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--cores", type=int, default=available_cores())
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    model = read_model(arguments.zoo, arguments.model)
    tensors = prepared_tensors(model, arguments.samples)
    evaluation, bare = [], []
    with single_threaded_opencv():
        for _ in range(arguments.rounds):
            evaluation.append(evaluation_rate(model, arguments.samples, arguments.cores))
            bare.append(bare_rate(model, tensors, arguments.cores))
    ratios = [one / other for one, other in zip(evaluation, bare, strict=True)]
    print(f"{model.name}, {len(tensors)} images, fp32 and int8, {arguments.cores} cores, {arguments.rounds} rounds")
    print(f"whole evaluation   {statistics.median(evaluation):8.1f} images/s")
    print(f"bare forward pass  {statistics.median(bare):8.1f} images/s")
    print(f"ratio              {statistics.median(ratios):8.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
