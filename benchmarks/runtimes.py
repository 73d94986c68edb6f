"""Images per second of the evaluation over each runtime's own bare forward pass, on one core.

Bare: the runtime's Python API on an input that is prepared already, without anything of pytest-quant. In the
evaluation: a further net beside the others of its model, reading, decoding, storing and scoring included; its own rate
is what the report's ``images_per_second`` has. Both in turns, the medians of some rounds.

    python benchmarks/runtimes.py [MODEL] [--samples N] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.throughput import prepared_tensors, read_model
from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.extending.known import get_format
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

FIXTURES = Path(__file__).parents[1] / "fixtures" / "runtimes.quant.yaml"
SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="resnet18-everywhere")
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    found = parser.parse_args()
    single_threaded_opencv()
    model = read_model(FIXTURES, found.model)
    tensor = prepared_tensors(model, 1)[0]
    print(f"{'net':<14}{'runtime':<24}{'bare':>8}{'runner':>8}{'share':>8}{'whole':>8}   images/s")
    for net in ("int8", *model.further_nets):
        rows = [(_bare(model, net, tensor), *_evaluated(model, net, found.samples)) for _ in range(found.rounds)]
        bare, runner, whole = (statistics.median(column) for column in zip(*rows, strict=True))
        spec = model.net(net)
        told = f"{spec.format} {get_format(spec.format).version()}"
        print(f"{net:<14}{told:<24}{bare:>8.0f}{runner:>8.0f}{100 * runner / bare:>7.0f}%{whole:>8.0f}")


def _evaluated(model: ModelSpec, net: Net, samples: int) -> tuple[float, float]:
    """Images per second of the net's own passes in an evaluation, and of the whole with fp32 beside it."""
    with tempfile.TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=1, sampling=Sampling(samples=samples))
        start = time.perf_counter()
        measured = bench.measure(model, net=net)
        whole = measured.evaluated / (time.perf_counter() - start)
        return measured.timing.images_per_second[net], whole


def _bare(model: ModelSpec, net: Net, tensor: Any) -> float:
    run = _BARE[model.net(net).format](model, net, tensor)
    for _ in range(10):
        run()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        run()
        count += 1
    return count / (time.perf_counter() - start)


def _ncnn(model: ModelSpec, net: Net, tensor: Any) -> Callable[[], object]:
    import ncnn

    from pytest_quant.nets.ncnn.options import net_options

    spec = model.net(net)
    loaded = ncnn.Net()
    loaded.opt.num_threads = 1
    for name, value in net_options(spec.entry.param, spec.runtime).items():
        setattr(loaded.opt, name, value)
    loaded.load_param(str(spec.entry.param))
    loaded.load_model(str(spec.entry.bin))
    given = ncnn.Mat(tensor).clone()

    def run() -> object:
        with loaded.create_extractor() as extractor:
            extractor.input(model.input.blob, given)
            return np.array(extractor.extract(model.outputs[0])[1].numpy())

    return run


def _onnxruntime(model: ModelSpec, net: Net, tensor: Any) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model.net(net).entry.file), options, ["CPUExecutionProvider"])
    feeds = {session.get_inputs()[0].name: tensor[np.newaxis]}
    return lambda: session.run(None, feeds)


def _openvino(model: ModelSpec, net: Net, tensor: Any) -> Callable[[], object]:
    import openvino

    options = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(model.net(net).entry.file, "CPU", options).create_infer_request()
    given = tensor[np.newaxis]
    return lambda: request.infer({0: given})


def _litert(model: ModelSpec, net: Net, tensor: Any) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    loaded = Interpreter(str(model.net(net).entry.file), num_threads=1, experimental_op_resolver_type=kernels)
    loaded.allocate_tensors()
    (first,), (last, *_) = loaded.get_input_details(), loaded.get_output_details()
    scale, zero = first["quantization"]
    image = tensor.transpose(1, 2, 0)[np.newaxis]
    given = np.clip(np.rint(image / scale) + zero, -128, 127).astype(first["dtype"]) if scale else image

    def run() -> object:
        loaded.set_tensor(first["index"], given)
        loaded.invoke()
        return loaded.get_tensor(last["index"])

    return run


_BARE = {"ncnn": _ncnn, "onnxruntime": _onnxruntime, "openvino": _openvino, "litert": _litert}


if __name__ == "__main__":
    main()
