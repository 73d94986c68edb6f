"""(b) to (h) Whole processes: beside a loop written by hand, on more workers, again, with more of everything."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.speed.models import REAL, give_own_nets, write_zoo
from benchmarks.speed.processes import Cost, pytest_cost
from benchmarks.speed.rows import Row
from pytest_quant.datasets.image_list import ImageListOptions
from pytest_quant.spec.model import ModelSpec

START_S = 1.5
"""What ``-n 2`` may take longer on one model: the start of its workers."""

BY_HAND = """
import cv2, ncnn, numpy as np, pytest

def load(param, bin):
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.load_param(param)
    net.load_model(bin)
    return net

def test_int8_is_as_good():
    with open({list!r}) as file:
        samples = [line.split() for line in file][:{samples}]
    nets = [load(*files) for files in {files!r}]
    hits = [0, 0]
    for path, label in samples:
        image = cv2.imread({root!r} + "/" + path)
        if {rgb}:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        image = cv2.resize(image, {size})
        tensor = ((image.astype(np.float32) - {mean}) / {std}).transpose(2, 0, 1)
        tensor = np.ascontiguousarray(tensor, dtype=np.float32)
        for index, net in enumerate(nets):
            extractor = net.create_extractor()
            extractor.input({blob!r}, ncnn.Mat(tensor).clone())
            code, scores = extractor.extract({output!r})
            hits[index] += int(np.array(scores).argmax()) == int(label)
    fp32, int8 = (100 * hit / len(samples) for hit in hits)
    assert fp32 - int8 <= 9, (fp32, int8)
"""


def write_by_hand(folder: Path, model: ModelSpec, samples: int) -> None:
    """What a maintainer would write."""
    entries = [model.nets[side].entry for side in ("fp32", "int8")]
    dataset: ImageListOptions = model.dataset.options
    text = BY_HAND.format(
        list=str(dataset.root / dataset.list), root=str(dataset.root), samples=samples, rgb=model.input.color == "rgb",
        files=[(str(entry.param), str(entry.bin)) for entry in entries], size=model.input.size,
        mean=list(model.input.mean), std=list(model.input.std), blob=model.input.blob, output=model.outputs[0],
    )  # fmt: skip
    (folder / "test_by_hand.py").write_text(text)


def quant(folder: Path, *args: str) -> Cost:
    """A run with nothing kept from before."""
    with TemporaryDirectory() as cache:
        return pytest_cost(folder, "--quant", "zoo.quant.yaml", "--quant-cache", cache, *args)


def by_hand(shared: Path, models: dict[str, ModelSpec], rounds: int) -> Iterator[Row]:
    """(b) In turns."""
    for name, samples in REAL.items():
        with TemporaryDirectory() as made:
            folder = Path(made)
            write_zoo(folder, shared, name)
            write_by_hand(folder, models[name], samples)
            pairs = [(quant(folder), pytest_cost(folder, "test_by_hand.py")) for _ in range(rounds)]
        yield ratio("b", f"{name}, {samples} images: wall of pytest --quant / loop by hand", pairs, "<= 0.75")


def workers(shared: Path, rounds: int) -> Iterator[Row]:
    """(c) One model and four, serial and with two workers."""
    for copies in (1, 4):
        with TemporaryDirectory() as made:
            write_zoo(Path(made), shared, "resnet20", copies, samples=4000)
            pairs = [(quant(Path(made), "-n", "2"), quant(Path(made))) for _ in range(rounds)]
        if copies == 1:
            over = sorted(two.wall_s - one.wall_s for two, one in pairs)
            what = "resnet20, 4000 images: wall of -n 2 beyond serial"
            yield Row("c", what, statistics.median(over), "s", f"<= {START_S}", (over[0], over[-1]), seen(pairs))
        else:
            yield ratio("c", "4 models, 4000 images each: wall of -n 2 / serial", pairs, "<= 1.0")


def again(shared: Path, rounds: int) -> Iterator[Row]:
    """(d) A second run with everything kept by the first."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        write_zoo(folder, shared, "resnet20")
        pairs = []
        for index in range(rounds):
            args = ("--quant", "zoo.quant.yaml", "--quant-cache", f"{made}/cache{index}")
            first = pytest_cost(folder, *args)
            pairs.append((pytest_cost(folder, *args), first))
    yield ratio("d", "resnet20, 10000 images: wall of a second run / the first", pairs, "")


def memory(shared: Path) -> Iterator[Row]:
    """(e) The most memory with eight times the images and four times the models."""
    few, many, models = (memory_of(shared, *given) for given in ((1, 1000), (1, 8000), (4, 1000)))
    yield Row("e", "peak memory, 8000 images / 1000", many / few, "ratio", "<= 1.1", seen={"MB": few, "MB then": many})
    yield Row("e", "peak memory, 4 models / 1", models / few, "ratio", "<= 1.1", seen={"MB": few, "MB then": models})


def memory_of(shared: Path, copies: int, samples: int) -> float:
    with TemporaryDirectory() as made:
        write_zoo(Path(made), shared, "resnet20", copies, samples)
        return quant(Path(made)).peak_mb


def large_zoo(shared: Path, rounds: int) -> Iterator[Row]:
    """(f) Collecting 1000 models in ten files, whose nets differ in the names of layers, at first and again."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        for index in range(10):
            write_zoo(folder, shared, "resnet20", 100, first=100 * index)
            give_own_nets(folder / "zoo.quant.yaml").rename(folder / f"zoo{index}.quant.yaml")
        first, again = [], []
        for index in range(rounds):
            args = ("--quant", "--collect-only", "--quant-cache", f"{made}/.cache{index}")
            first.append(pytest_cost(folder, *args))
            again.append(pytest_cost(folder, *args))
    for what, costs in (("", first), (" again", again)):
        seconds = sorted(cost.cpu_s for cost in costs)
        middle, spread = statistics.median(seconds), (seconds[0], seconds[-1])
        yield Row("f", f"collecting 1000 models{what}: processor time", middle, "s", "<= 3.0", spread)
    peak = max(cost.peak_mb for cost in (*first, *again))
    yield Row("f", "collecting 1000 models: most memory", peak, "MB", "<= 120")


def early_stop(shared: Path, rounds: int) -> Iterator[Row]:
    """(g) The same model with ``--quant-early-stop``."""
    with TemporaryDirectory() as made:
        folder, report = Path(made), Path(made) / "report.json"
        write_zoo(folder, shared, "resnet20")
        pairs = [
            (quant(folder, "--quant-early-stop", "--quant-report", str(report)), quant(folder)) for _ in range(rounds)
        ]
        evaluated = json.loads(report.read_text())["models"]["resnet20-0"]["samples"]
    count = evaluated["evaluated"] if isinstance(evaluated, dict) else evaluated
    yield ratio("g", f"resnet20: wall with early stop ({count} of 10000) / whole dataset", pairs, "")


def cluster(shared: Path, rounds: int) -> Iterator[Row]:
    """(h) Two local workers of one thread beside a serial run on two cores."""
    from distributed import LocalCluster  # an extra, that this part alone needs

    make: Callable[..., Any] = LocalCluster
    workers = make(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with workers, TemporaryDirectory() as made:
        write_zoo(Path(made), shared, "squeezenet")
        address = workers.scheduler_address.replace("tcp://", "dask://")
        pairs = [
            (quant(Path(made), "--quant-executor", address), quant(Path(made), "--quant-jobs", "2"))
            for _ in range(rounds)
        ]
    yield ratio("h", "squeezenet, 400 images: wall of two Dask workers / two cores", pairs, "<= 1.15")


def ratio(part: str, what: str, pairs: list[tuple[Cost, Cost]], wanted: str) -> Row:
    """Of wall-clock times, the median of the rounds."""
    found = sorted(one.wall_s / other.wall_s for one, other in pairs)
    return Row(part, what, statistics.median(found), "ratio", wanted, (found[0], found[-1]), seen(pairs))


def seen(pairs: list[tuple[Cost, Cost]]) -> dict[str, float]:
    one, other = ([pair[index] for pair in pairs] for index in (0, 1))
    return {
        "s": statistics.median(cost.wall_s for cost in one),
        "s against": statistics.median(cost.wall_s for cost in other),
        "CPU s": statistics.median(cost.cpu_s for cost in one),
        "CPU s against": statistics.median(cost.cpu_s for cost in other),
    }
