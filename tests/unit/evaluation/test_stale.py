"""A verdict is never about other files than those that are there; a key names all that can change a prediction."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation import evaluate, keys
from pytest_quant.nets.base import Runner
from pytest_quant.nets.given import Given
from pytest_quant.spec.errors import DatasetError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from tests import tiny
from tests.unit.evaluation.test_measure import Passes, measure, model


@pytest.fixture(autouse=True)
def images(tmp_path: Path) -> None:
    tiny.write_images(tmp_path, count=20)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    return Passes(monkeypatch)


def test_another_instruction_set_is_computed_anew(
    tmp_path: Path, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(tmp_path)
    passes.by_net.clear()
    monkeypatch.setattr(keys, "isa", lambda: ("another",))
    measure(tmp_path)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}


def test_another_runtime_is_computed_anew(tmp_path: Path, passes: Passes) -> None:
    measure(tmp_path)
    passes.by_net.clear()
    measure(tmp_path, model(tmp_path, runtime="deploy"))
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}


def test_other_options_of_the_runtime_are_computed_anew(
    tmp_path: Path, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(tmp_path)
    passes.by_net.clear()
    from pytest_quant.nets.ncnn import options

    monkeypatch.setitem(options._REFERENCE_OPTIONS, "use_packing_layout", False)
    measure(tmp_path)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}


def replace_keeping_times(path: Path) -> None:
    """Flip a bit of a weight, as a copy that keeps size and modification time would."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[5] ^= 0x01
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_net_of_equal_size_and_time_is_another_net(tmp_path: Path, passes: Passes) -> None:
    spec = model(tmp_path)
    measure(tmp_path, spec)
    passes.by_net.clear()
    replace_keeping_times(tmp_path / "tiny-int8.bin")
    measure(tmp_path, spec)
    assert passes.by_net == {"tiny-int8": 20}


def test_a_net_that_is_replaced_before_it_is_loaded_poisons_nothing(tmp_path: Path, passes: Passes) -> None:
    spec = model(tmp_path)
    bench = open_workbench(tmp_path / "run", cores=1, cache_dir=tmp_path / "cache")
    subject = bench.on_samples(spec, bench.selection(spec)[0])
    evaluation = subject.evaluation(("fp32", "int8"))
    opened = evaluation.work.open_runner

    def swapped(net: Net, first: Given | None) -> Runner:
        if net == "int8":
            replace_keeping_times(tmp_path / "tiny-int8.bin")
        return opened(net, first)

    work = replace(evaluation.work, open_runner=swapped)
    with pytest.raises(ModelFileError, match=r"tiny-int8\.bin was replaced while the run was on; run again"):
        evaluate.evaluate(replace(evaluation, work=work), bench.resources.store, bench.engine)
    assert not list((tmp_path / "cache" / "predictions").rglob("*.shard"))
    measure(tmp_path, spec)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}


def negative(path: Path) -> None:
    """Replace an image by its negative, which bears the size of no other and the time of the old one."""
    image, before = cv2.imread(str(path)), path.stat()
    assert image is not None
    cv2.imwrite(str(path), 255 - image)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_image_that_is_replaced_before_it_is_read_poisons_nothing(tmp_path: Path, passes: Passes) -> None:
    spec = model(tmp_path)
    bench = open_workbench(tmp_path / "run", cores=1, cache_dir=tmp_path / "cache")
    subject = bench.on_samples(spec, bench.selection(spec)[0])
    image = tmp_path / "images" / "003.png"
    shutil.copy2(image, tmp_path / "old.png")
    negative(image)
    assert not subject.is_as_found()
    evaluation = subject.evaluation(("fp32", "int8"))
    with pytest.raises(DatasetError, match=r"images/003\.png was replaced while the run was on; run again"):
        evaluate.evaluate(evaluation, bench.resources.store, bench.engine)
    with pytest.raises(DatasetError, match=r"images/003\.png was replaced"):
        evaluate.evaluate(subject.agreement("fp32", "int8"), bench.resources.store, bench.engine)
    assert not list((tmp_path / "cache" / "predictions").rglob("*.shard"))
    shutil.copy2(tmp_path / "old.png", image)  # another inode and time of change, and the content that was hashed
    assert subject.is_as_found()
    passes.by_net.clear()
    evaluate.evaluate(evaluation, bench.resources.store, bench.engine)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}
    image.unlink()
    assert not subject.is_as_found()


def test_what_is_made_of_replaced_files_is_not_kept(tmp_path: Path) -> None:
    spec = model(tmp_path)
    bench = open_workbench(tmp_path / "run", cores=1, cache_dir=tmp_path / "cache")
    place = bench.result(spec, ["fp32"], bench.selection(spec)[0], "of some kind")
    place.save([1])
    assert place.load() == [1]
    other = bench.result(spec, ["fp32"], bench.selection(spec)[0], "of another kind")
    replace_keeping_times(tmp_path / "tiny.bin")
    assert other.fetch(lambda: [2]) == [2]
    assert other.load() is None


def test_other_kernels_are_computed_anew(tmp_path: Path, passes: Passes, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(tmp_path)
    passes.by_net.clear()
    monkeypatch.setenv("OPENCV_IPP", "disabled")
    measure(tmp_path)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}


@pytest.mark.parametrize("damage", ["flip", "truncate", "folder"])
def test_a_damaged_prediction_never_changes_a_number(tmp_path: Path, passes: Passes, damage: str) -> None:
    spec: ModelSpec = model(tmp_path)
    before = measure(tmp_path, spec)
    passes.by_net.clear()
    shutil.rmtree(tmp_path / "cache" / "results")  # else nobody reads a prediction again
    for path in list((tmp_path / "cache" / "predictions").rglob("*.shard")):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        if damage == "folder":
            path.unlink()
            path.mkdir()
        else:
            path.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    after = measure(tmp_path, spec)
    assert passes.by_net == {"tiny": 20, "tiny-int8": 20}
    assert after.comparison.flips == before.comparison.flips
    passes.by_net.clear()
    shutil.rmtree(tmp_path / "cache" / "results")
    measure(tmp_path, spec)
    assert not passes.by_net  # mended
