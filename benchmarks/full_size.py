"""The seven systems of the published table at their real size: whether they run, how fast, and in how much memory.

    python -m benchmarks.full_size --work DIR [--only hrnet_w18 ...] [--samples DIR] [--images 2]

Builds each architecture with random weights, exports it to ONNX, converts it with pnnx, quantizes it with pytest-quant
and runs it through its case of ``examples/published-table.quant.yaml`` on a few images of real size. Random weights
make accuracy meaningless: what is told is parameters, file sizes, seconds, memory and shapes. Needs torch, onnx,
onnxscript and pnnx (``pip install torch onnx onnxscript``, ``pip install --no-deps pnnx``). Every step is a process of
its own with one thread. Seconds are those of a core, so that they can be told on a machine that others use, too; peak
memory is the operating system's figure for the process, Python and libraries included.

Real images come from ``--samples`` (see `benchmarks.systems.pictures`), by default ``../shared/data``; what is not
there is drawn. The files, two gigabytes, stay in ``--work``; what is built already is kept unless ``--rebuild`` is
given, and the table holds every system that was ever measured there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.systems.catalog import MODELS_VARIABLE, SYSTEMS, ZOO, System
from benchmarks.systems.pictures import WRITERS

ROOT = Path(__file__).parents[1]
DECIDED = ("pass", "fail", "inconclusive")


@dataclass(frozen=True)
class Done:
    """A step that ended."""

    result: dict[str, Any]
    cpu_s: float
    peak_mb: float


def run_step(command: Sequence[str], environ: Mapping[str, str], accepted: Sequence[int] = (0,)) -> Done:
    """Run a program and read the JSON in the last line of what it prints; an unexpected exit ends this program."""
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(command, cwd=ROOT, env=dict(environ), stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if child.returncode not in accepted:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{text}")
    last = text.strip().splitlines()[-1] if text.strip() else ""
    result = json.loads(last) if last.startswith("{") else {}
    return Done(result, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def run_case(system: System, report: Path, environ: Mapping[str, str]) -> Done:
    """``pytest --quant`` on the system's entry; random weights break limits, so failed cases are not failure."""
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "--quant", str(ZOO), "-k", system.model, "-q", "--no-header"]
    command += ["-p", "no:cacheprovider", "--quant-jobs", "1", "--quant-report", str(report)]
    done = run_step(command, environ, accepted=(0, 1))
    if not report.exists():
        raise SystemExit(f"{' '.join(command)} wrote no report")
    verdicts = Counter(case["verdict"] for case in json.loads(report.read_text())["cases"])
    undecided = {verdict: count for verdict, count in verdicts.items() if verdict not in DECIDED}
    if undecided or not verdicts:
        raise SystemExit(f"{system.key}: cases that were not decided: {undecided or 'all'}; see {report}")
    return Done(dict(verdicts), done.cpu_s, done.peak_mb)


def stand_in(folder: Path) -> None:
    """Let the float files stand for the int8 ones, which the zoo entry names and which are yet to be written."""
    for suffix in (".param", ".bin"):
        int8 = folder / f"end2end_int8{suffix}"
        int8.unlink(missing_ok=True)
        int8.symlink_to(f"end2end{suffix}")
    (folder / "end2end.table").touch()


def one_system(
    system: System, work: Path, samples: Path, environ: Mapping[str, str], *, rebuild: bool
) -> dict[str, Any]:
    """All steps of one system; the figures of each."""
    folder = work / "models" / system.model
    built_file = folder / "built.json"
    python = [sys.executable, "-m"]
    if rebuild or not built_file.exists():
        built = run_step([*python, "benchmarks.systems.build", system.key, str(folder), str(samples)], environ)
        built_file.write_text(json.dumps(asdict(built)))
    stand_in(folder)
    stages = [*python, "benchmarks.systems.stages"]
    return {
        "build": json.loads(built_file.read_text()),
        "quantize": asdict(run_step([*stages, "quantize", system.model], environ)),
        "fp32": asdict(run_step([*stages, "measure", system.model, "fp32"], environ)),
        "int8": asdict(run_step([*stages, "measure", system.model, "int8"], environ)),
        "likeness": asdict(run_step([*stages, "likeness", system.model], environ)),
        "case": asdict(run_case(system, work / f"{system.key}.report.json", environ)),
        "bytes": {name: (folder / name).stat().st_size for name in ("end2end.bin", "end2end_int8.bin", "end2end.onnx")},
    }


HEAD = (
    "| system | input | output | parameters M | .bin MB fp32 / int8 | forward s fp32 / int8 | image to tensor s | "
    "decoding s fp32 / int8 | peak MB fp32 / int8 | calibration s, peak MB |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def row(system: System, found: Mapping[str, Any]) -> str:
    """One line of the table."""
    fp32, int8 = found["fp32"]["result"], found["int8"]["result"]
    inputs, outputs = zip(*fp32["shapes"], strict=True)
    cells = [
        system.key,
        _shapes(inputs),
        _shapes(outputs),
        f"{found['build']['result']['parameters'] / 1e6:.2f}",
        f"{found['bytes']['end2end.bin'] / 1e6:.1f} / {found['bytes']['end2end_int8.bin'] / 1e6:.1f}",
        f"{fp32['forward_s']:.3f} / {int8['forward_s']:.3f}",
        f"{fp32['prepare_s']:.3f}",
        f"{fp32['decode_s']:.3f} / {int8['decode_s']:.3f}",
        f"{found['fp32']['peak_mb']:.0f} / {found['int8']['peak_mb']:.0f}",
        f"{found['quantize']['result']['calibrate_s']:.1f}, {found['quantize']['peak_mb']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _shapes(shapes: Sequence[Sequence[int]]) -> str:
    """Two at most: a text detector sees as many as there are sizes of images."""
    distinct = list(dict.fromkeys("x".join(map(str, shape)) for shape in shapes))
    return ", ".join(distinct[:2]) + (", ..." if len(distinct) > 2 else "")


def details(system: System, found: Mapping[str, Any]) -> str:
    """What the table has no column for."""
    build, quantized = found["build"], found["quantize"]["result"]
    fp32, int8, case = found["fp32"]["result"], found["int8"]["result"], found["case"]
    layers = ", ".join(f"{name} {count}" for name, count in build["result"]["layers"].items())
    sqnr = ", ".join(f"{value:.1f}" for value in found["likeness"]["result"]["sqnr_db"][:4])
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(case["result"].items()))
    return (
        f"{system.key}: layers: {layers}\n"
        f"  int8: {quantized['int8_layers']} layers, {quantized['requantized']} of them pass int8 on, "
        f"{quantized['kept_float']} convolutions kept float; {quantized['inputs']} calibration inputs, files written "
        f"in {quantized['write_s']:.1f} s\n"
        f"  {fp32['images']} images, {fp32['forwards']} forward passes, instances fp32 {fp32['instances']}, "
        f"int8 {int8['instances']}; signal to noise of the int8 outputs {sqnr} dB\n"
        f"  case: {verdicts}, {case['cpu_s']:.1f} s, peak {case['peak_mb']:.0f} MB; torch, ONNX and pnnx: "
        f"peak {build['peak_mb']:.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the models and the images")
    parser.add_argument("--only", nargs="+", choices=[system.key for system in SYSTEMS], help="some of the systems")
    parser.add_argument("--samples", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real images")
    parser.add_argument("--images", type=int, default=2, help="images of each dataset")
    parser.add_argument("--rebuild", action="store_true", help="build models that are there already again")
    arguments = parser.parse_args()
    work, samples = arguments.work.resolve(), arguments.samples.resolve()
    environ = {**os.environ, "OMP_NUM_THREADS": "1", MODELS_VARIABLE: str(work / "models")}
    written = set()
    for system in SYSTEMS:
        if arguments.only and system.key not in arguments.only:
            continue
        variable, write = WRITERS[system.dataset]
        environ[variable] = str(work / "data" / system.dataset)
        if system.dataset not in written:
            write(work / "data" / system.dataset, samples, arguments.images)
            written.add(system.dataset)
        found = one_system(system, work, samples, environ, rebuild=arguments.rebuild)
        (work / f"{system.key}.figures.json").write_text(json.dumps(found, indent=1))
        print(details(system, found), flush=True)
    print(f"\n{HEAD}")
    for system in SYSTEMS:
        figures = work / f"{system.key}.figures.json"
        if figures.exists():
            print(row(system, json.loads(figures.read_text())))


if __name__ == "__main__":
    main()
