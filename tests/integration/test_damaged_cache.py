"""Every kind of kept file, damaged at its beginning, middle and end: made again, with the verdict of before."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from pytest_quant.building.building import ModelBuilder
from pytest_quant.datasets.cifar10 import RECORD_BYTES
from tests import tiny
from tests.integration import counting
from tests.integration.runs import Run, run_quant

FIXTURES = Path(__file__).parents[2] / "fixtures"


def comparable(found: Run) -> object:
    """What is the same in two reports of the same thing."""
    assert found.report is not None
    models = {
        name: {key: value for key, value in entry.items() if key != "timing"}
        for name, entry in found.report["models"].items()
    }
    return found.verdicts, models


def flipped(place: float) -> Callable[[bytes], bytes]:
    def damage(data: bytes) -> bytes:
        index = min(int(place * len(data)), len(data) - 1)
        return data[:index] + bytes([data[index] ^ 0x10]) + data[index + 1 :]

    return damage


DAMAGE: dict[str, Callable[[bytes], bytes] | None] = {
    "header": flipped(0.0),
    "middle": flipped(0.5),
    "end": flipped(1.0),
    "short": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "brackets": lambda data: b"[[[[",
    "huge number": lambda data: b"1e999",
    "text": lambda data: b'{"a": 1}',
    "folder": None,
}


def apply(path: Path, damage: Callable[[bytes], bytes] | None) -> None:
    if damage is None:
        path.unlink()
        path.mkdir()
        (path / "something").write_text("in it")
    else:
        path.write_bytes(damage(path.read_bytes()))


@pytest.fixture
def resnet(tmp_path_factory: pytest.TempPathFactory, pytester: pytest.Pytester) -> Path:
    """The ResNet of the fixtures, calibrated in the run, over the first images of its dataset."""
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    source = next((FIXTURES / "data").rglob("test_batch.bin"))
    records = np.frombuffer(source.read_bytes(), np.uint8).reshape(-1, RECORD_BYTES)[:60]
    (root / "data" / "cifar-10-batches-bin").mkdir(parents=True)
    (root / "data" / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(records.tobytes())
    (root / "calibration").mkdir()
    for index, record in enumerate(records[:20]):
        pixels = record[1:].reshape(3, 32, 32).transpose(1, 2, 0)[..., ::-1]
        cv2.imwrite(str(root / "calibration" / f"{index}.png"), pixels)
    entry = yaml.safe_load((FIXTURES / "zoo.quant.yaml").read_text())["models"]["resnet18"]
    for key in ("onnx", "published", "require", "floor"):
        entry.pop(key, None)
    folder = FIXTURES / "models" / "resnet18"
    entry |= {
        "fp32": {"param": str(folder / "resnet18.param"), "bin": str(folder / "resnet18.bin")},
        "int8": {"calibrate": {"images": "calibration"}},
        "tolerance": {"top1": 5.0},
    }
    zoo = {"version": 1, "datasets": {"cifar10": {"type": "cifar10", "root": "data"}}, "models": {"resnet18": entry}}
    (root / "zoo.quant.yaml").write_text(yaml.safe_dump(zoo))
    return root


def test_a_flipped_bit_in_a_calibrated_net_is_found_and_the_net_made_again(
    pytester: pytest.Pytester, resnet: Path
) -> None:
    before = run_quant(pytester, "--quant-cache", "kept")
    assert before.verdicts["resnet18::top1"] == "pass", before.text
    [weights] = (resnet / "kept" / "built").rglob("*-int8.bin")
    whole = weights.read_bytes()
    for damage in (flipped(0.0), flipped(0.5), flipped(1.0)):
        apply(weights, damage)
        for kept in ("predictions", "results"):  # else nothing needs the net
            shutil.rmtree(resnet / "kept" / kept)
        again = run_quant(pytester, "--quant-cache", "kept")
        assert comparable(again) == comparable(before)
        assert weights.read_bytes() == whole


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_to_each_kept_file(pytester: pytest.Pytester, name: str) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60)
    tiny.write_images(root / "calibration", 12, seed=7)
    recipe = {"calibrate": {"images": "calibration/images"}}
    tiny.write_zoo(root, {"tiny": tiny.model_entry(root, int8=recipe)})
    before = run_quant(pytester, "--quant-cache", "kept")
    files = sorted(path for path in (root / "kept").rglob("*") if path.is_file())
    kinds = {path.suffix or path.name for path in files}
    assert kinds >= {".shard", ".json", ".stamps", ".discordance", ".param", ".bin", ".table", "digests"}
    for path in files:
        if path.is_file():  # a folder in the place of one may have taken others along
            apply(path, DAMAGE[name])
    again = run_quant(pytester, "--quant-cache", "kept")
    assert comparable(again) == comparable(before)
    assert again.status == 0
    third = run_quant(pytester, "--quant-cache", "kept")
    assert third.report is not None
    assert third.report["models"]["tiny"]["timing"]["cached"] == {"fp32": True, "int8": True}


def test_a_file_replaced_while_a_run_is_on_never_poisons_the_cache(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The net that is loaded is another than the one whose digest was taken: nothing of it is kept under its name."""
    from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner

    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60)
    tiny.write_zoo(root)
    tiny.write_net(root, "other", int8=True, bottom_scale=tiny.BAD_SCALE)
    good, bad = (root / "tiny-int8.bin").read_bytes(), (root / "other.bin").read_bytes()
    real, swapped = NcnnRunner.__init__, threading.Event()

    def load(self: NcnnRunner, *args: object, **kwargs: object) -> None:
        if not swapped.is_set():  # between the digest and the load
            swapped.set()
            (root / "tiny-int8.bin").write_bytes(bad)
        real(self, *args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(NcnnRunner, "__init__", load)
        during = run_quant(pytester, "--quant-cache", "kept")
    assert swapped.is_set()
    assert during.verdicts["tiny::top1"] == "error"
    assert "was replaced while the run was on; run again" in during.cases["tiny::top1"]["reason"]
    after = run_quant(pytester, "--quant-cache", "kept")
    assert after.verdicts["tiny::top1"] == "fail"  # it is the bad net now
    (root / "tiny-int8.bin").write_bytes(good)
    assert run_quant(pytester, "--quant-cache", "kept").verdicts["tiny::top1"] == "pass"


def test_equal_times_and_size_do_not_hide_a_new_model_file(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60)
    tiny.write_zoo(root)
    counting.write_conftest(root, monkeypatch)
    assert run_quant(pytester, "--quant-cache", "kept").verdicts["tiny::top1"] == "pass"
    path, stat = root / "tiny-int8.bin", (root / "tiny-int8.bin").stat()
    tiny.write_net(root, "other", int8=True, bottom_scale=tiny.BAD_SCALE)
    path.write_bytes((root / "other.bin").read_bytes())
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run_quant(pytester, "--quant-cache", "kept").verdicts["tiny::top1"] == "fail"


@pytest.mark.parametrize("name", ["calibration/images/003.png", "tiny.bin"])
def test_what_a_net_is_calibrated_with_is_replaced_meanwhile(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=30)
    tiny.write_images(root / "calibration", 12, seed=7)
    recipe = {"calibrate": {"images": "calibration/images"}}
    tiny.write_zoo(root, {"tiny": tiny.model_entry(root, int8=recipe)})
    before = run_quant(pytester, "--quant-cache", "other")
    old, make = (root / name).read_bytes(), ModelBuilder._make_int8
    other = (root / "calibration/images/004.png").read_bytes() if name.endswith("png") else old[:4] + old[4:][::-1]

    def replacing(*args: Any) -> None:
        (root / name).write_bytes(other)
        make(*args)

    with monkeypatch.context() as patched:
        patched.setattr(ModelBuilder, "_make_int8", replacing)
        hurt = run_quant(pytester, "--quant-cache", "kept")
    assert hurt.verdicts["tiny::top1"] == "error"
    assert "was replaced while the run was on; run again" in hurt.text
    assert not list((root / "kept").rglob("*-int8.bin"))
    (root / name).write_bytes(old)
    assert comparable(run_quant(pytester, "--quant-cache", "kept")) == comparable(before)
