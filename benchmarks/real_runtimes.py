"""A real ResNet-20 in three runtimes, float and int8, on the same CIFAR-10 images: what int8 loses in each.

    python -m benchmarks.real_runtimes ../shared --nncf NNCF_PYTHON                # 10000 images
    python -m benchmarks.real_runtimes ../shared --nncf NNCF_PYTHON --samples 500

The folder holds ``models/`` and ``data/``. ncnn's nets are those that lie there; the runnable ONNX file and its QDQ
form are made as in ``onnx_parity``; the IR files are made by openvino, the int8 one by nncf with its defaults, from the
same 200 calibration images. nncf is a development tool that wants its own versions of everything: NNCF_PYTHON is the
interpreter of an environment with ``nncf`` and ``openvino``.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from benchmarks.onnx_parity import Images, write_models, zoo_entry
from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.extending.known import get_format
from pytest_quant.judging.assess import Assessor
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import aligned
from pytest_quant.zoo.reader import BrokenModel, read_zoo

CALIBRATION_IMAGES = 200
_BY_NNCF = """
import sys
import nncf, numpy, openvino
onnx, inputs, fp32, int8 = sys.argv[1:]
model = openvino.Core().read_model(onnx)
openvino.save_model(model, fp32, compress_to_fp16=False)
data = list(numpy.load(inputs))
openvino.save_model(nncf.quantize(model, nncf.Dataset(data), subset_size=len(data)), int8, compress_to_fp16=False)
print("nncf", nncf.__version__, "openvino", openvino.__version__)
"""


def write_irs(shared: Path, folder: Path, nncf_python: str) -> str:
    """Write ``resnet20.xml`` and ``resnet20-int8.xml`` from the ONNX file; gives the versions of what made them."""
    images = Images(shared / "data" / "cifar10" / "calibration", CALIBRATION_IMAGES)
    np.save(folder / "inputs.npy", np.stack([found["input"] for found in iter(images.get_next, None)]))
    files = [str(folder / name) for name in ("resnet20.onnx", "inputs.npy", "resnet20.xml", "resnet20-int8.xml")]
    found = subprocess.run([nncf_python, "-c", _BY_NNCF, *files], check=True, capture_output=True, text=True)
    return found.stdout.strip().splitlines()[-1]


def read_model(shared: Path, folder: Path) -> ModelSpec:
    """The model with its six nets."""
    entry = zoo_entry(shared)
    resnet = entry["models"]["resnet20"]
    del resnet["onnx"], resnet["onnx_int8"]
    resnet["nets"] = {
        "onnx_fp32": {"onnxruntime": "resnet20.onnx"},
        "onnx_qdq": {"onnxruntime": "resnet20-qdq.onnx"},
        "openvino_fp32": {"openvino": "resnet20.xml"},
        "openvino_int8": {"openvino": "resnet20-int8.xml"},
    }
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump(entry))
    (model,) = read_zoo(folder / "zoo.quant.yaml").models
    if isinstance(model, BrokenModel):
        raise SystemExit(model.message)
    return model


def rows(model: ModelSpec, folder: Path, samples: int | None) -> Iterator[tuple[str, ...]]:
    """One per net: runtime, flips, agreement, images per second; what was decided is printed."""
    sampling = Sampling(samples=samples, whole=not samples)
    assessor = Assessor(open_workbench(folder / "run", cores=available_cores(), sampling=sampling), confidence=0.95)
    yield "net", "runtime", "only fp32 right", "only it right", "same class", "images/s and core"
    for limit in model.limits:
        if not limit.needs_dataset or limit.metric is None or "sanity" in limit.name:
            continue
        verdict = assessor.assess(model, limit)
        measured = assessor.measurements.known(model, limit.net)
        if measured is None:
            raise SystemExit(f"{limit.name}: {verdict.reason}")
        flips, net = measured.comparison.flips, measured.net
        print(f"{net}: {verdict.decision}: {verdict.reason}", flush=True)
        runtime = f"{model.net(net).format} {get_format(model.net(net).format).version()}"
        yield (
            net,
            runtime,
            str(flips.only_fp32_right),
            str(flips.only_int8_right),
            f"{flips.agreement_pct:.2f} %",
            f"{measured.timing.images_per_second[net]:.0f}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--nncf", required=True, help="Python interpreter that has nncf and openvino")
    parser.add_argument("--samples", type=int)
    given = parser.parse_args()
    shared = given.shared.resolve()
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_models(shared, folder, CALIBRATION_IMAGES)
        print(write_irs(shared, folder, given.nncf), flush=True)
        print("\n".join(aligned(list(rows(read_model(shared, folder), folder, given.samples)), left=2)))


if __name__ == "__main__":
    main()
