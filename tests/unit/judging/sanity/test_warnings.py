"""What makes a measurement doubtful is told, and fails a strict run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from pytest_quant.judging.sanity.normalization import looks_like
from pytest_quant.spec.net import InputSpec
from tests import tiny
from tests.unit.judging.sanity.looking import COLOURS, OFFSETS, classifier, idle_branch, look, pair


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.write_images(tmp_path)
    return tmp_path


def test_a_warning_fails_a_strict_run_alone(folder: Path) -> None:
    int8 = classifier(folder, "dead", COLOURS, [-1000, 0, 0, 0.4], int8=True)
    zoo = pair(folder, int8=int8)
    verdict, (found,) = look(zoo)
    assert (verdict.decision, found.check, found.severity) == ("pass", "silent-classes", "warning")
    assert "int8 never answers 1 of 4 classes (0)" in found.found
    assert look(zoo, strict=True)[0].decision == "fail"


def test_half_of_the_images_are_copies(folder: Path) -> None:
    for number in range(0, 60, 2):
        shutil.copy(folder / f"images/{number:03d}.png", folder / f"images/{number + 1:03d}.png")
    found = {one.check: one for one in look(pair(folder))[1]}
    assert "30 of 60 samples are copies of another one by content" in found["duplicates"].found


def test_a_damaged_float_net(folder: Path) -> None:
    fp32 = classifier(folder, "damaged", COLOURS[[1, 2, 0, 3]], OFFSETS)
    verdict, found = look(pair(folder, fp32=fp32))
    assert verdict.decision == "fail"
    assert {one.check for one in found} >= {"guessing", "better-than-fp32"}


@pytest.mark.parametrize(
    ("mean", "std", "scale", "says"),
    [
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0, "like those of pixels from 0 to 1"),
        ((123.7, 116.3, 103.5), (0.0171, 0.0175, 0.0174), 1.0, "std looks like its inverse"),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), 1 / 255, "like those of pixels from 0 to 255"),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), 1.0, None),
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1 / 255, None),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 1.0, None),
        ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0), 1.0, None),
        ((104.0, 117.0, 123.0), (1.0, 1.0, 1.0), 1.0, None),
        ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), 1.0, None),
        ((110.3, 108.4, 105.0), (18391.9, 18535.6, 17825.2), 1.0, None),  # ESPNet's own, times 255
    ],
)
def test_means_and_stds_of_another_scale(
    mean: tuple[float, ...], std: tuple[float, ...], scale: float, says: str | None
) -> None:
    found = looks_like(InputSpec("data", None, "rgb", mean, std, scale))
    assert (found is None) if says is None else (found is not None and says in found[0])


@pytest.mark.parametrize(("scale", "is_told"), [(127.0, False), (0.5, True), (2000.0, True)])
def test_a_table_of_inputs_in_another_range(folder: Path, scale: float, is_told: bool) -> None:
    int8 = classifier(folder, "int8", COLOURS, OFFSETS, int8=True)
    (folder / "tiny.table").write_text(f"conv_param_0 63.5 63.5 63.5 1270\nconv {scale}\n")
    found = [one for one in look(pair(folder, int8=int8 | {"table": "tiny.table"}))[1] if one.check == "input-scale"]
    assert bool(found) is is_told
    if is_told:
        assert f"inputs of conv up to {127 / scale:.4g}, and `input` gives it values up to 1" in found[0].found


def test_weights_that_are_all_zero(folder: Path) -> None:
    int8 = classifier(folder, "zero", np.zeros((4, 3)), OFFSETS, int8=True)
    found = {one.check: one for one in look(pair(folder, int8=int8))[1]}
    assert found["dead-weights"].found == "the int8 weights of 1 quantized layers are zero (conv)"


def test_a_float_net_beside_an_int8_branch_that_nothing_reads(folder: Path) -> None:
    found = {one.check: one for one in look(pair(folder, int8=idle_branch(folder)))[1]}
    assert "the outputs depend on 0 of 1 quantized layers of int8; nothing reads idle" in found["unread-layers"].found
