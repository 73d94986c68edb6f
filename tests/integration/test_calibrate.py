"""``int8: {calibrate: ...}``: the int8 net is made before the cases run, once, from images that are not evaluated."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration.runs import ZOO, Run, run_quant

PARALLEL = [pytest.param((), id="serial"), pytest.param(("-n", "2"), id="n2")]


def write_project(root: Path, **calibrate: Any) -> None:
    """A zoo whose int8 net is made from 30 images of another stream than the 60 evaluated ones."""
    tiny.write_images(root, 60)
    tiny.write_images(root / "calibration", 30, seed=7)
    recipe = {"images": "calibration/images", **calibrate}
    tiny.write_zoo(root, {"tiny": tiny.model_entry(root, int8={"calibrate": recipe})})


def entry(run: Run) -> dict[str, Any]:
    assert run.report is not None
    found: dict[str, Any] = run.report["models"]["tiny"]
    return found


def built_folders(cache: Path) -> list[Path]:
    return sorted((cache / "built").iterdir())


@pytest.mark.parametrize("flags", PARALLEL)
def test_the_net_is_made_and_its_cases_are_decided(pytester: pytest.Pytester, flags: tuple[str, ...]) -> None:
    write_project(pytester.path, method="minmax", samples=20)
    run = run_quant(pytester, *flags, "--quant-cache", "kept")
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::table": "pass"}
    found = entry(run)
    assert found["calibration"] == found["calibration"] | {
        "method": "minmax",
        "images": 20,
        "eight_bit": False,
        "keep_float": [],
        "also_evaluated": [],
    }
    (folder,) = built_folders(pytester.path / "kept")
    assert found["files"]["int8.param"]["path"] == f"built/{folder.name}/tiny-int8.param"
    assert found["metrics"]["top1"]["fp32"] > 60


def test_it_is_made_once_and_again_when_what_it_is_made_of_changes(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    keep = ("--quant-cache", "kept")
    first = run_quant(pytester, *keep)
    (folder,) = built_folders(pytester.path / "kept")
    stamp = (folder / "tiny-int8.bin").stat().st_mtime_ns
    second = run_quant(pytester, *keep)
    assert entry(second)["timing"]["cached"] == {"fp32": True, "int8": True}
    assert (folder / "tiny-int8.bin").stat().st_mtime_ns == stamp
    assert entry(second)["files"] == entry(first)["files"]
    shutil.copy(pytester.path / "images/000.png", pytester.path / "calibration/images/000.png")
    third = run_quant(pytester, *keep)
    assert len(built_folders(pytester.path / "kept")) == 2
    assert entry(third)["calibration"]["sha256"] != entry(first)["calibration"]["sha256"]


def test_without_a_cache_it_lives_as_long_as_the_run(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    one, two = (run_quant(pytester, "--quant-no-cache") for _ in range(2))
    assert one.status == two.status == 0
    assert entry(one)["files"] == entry(two)["files"]  # no path of a folder that is gone


def test_layers_to_keep_float_must_exist_and_leave_some(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, keep_float=["conv"])
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert "keep_float names every layer" in run.cases["tiny::config"]["reason"]
    write_project(pytester.path, keep_float=["conf"])
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert "int8.calibrate.keep_float: " in run.cases["tiny::config"]["reason"]
    assert "Did you mean `conv`?" in run.cases["tiny::config"]["reason"]


def test_images_that_are_evaluated_too_are_found_by_content(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    for name in ("000.png", "001.png"):
        shutil.copy(pytester.path / f"images/{name}", pytester.path / f"calibration/images/copy-of-{name}")
    run = run_quant(pytester, "-W", "default::pytest_quant.spec.errors.QuantWarning")
    assert run.verdicts["tiny::top1"] == "pass"
    assert sorted(entry(run)["calibration"]["also_evaluated"]) == ["images/000.png", "images/001.png"]
    assert "2 of 32 calibration images are evaluation samples as well" in run.text
    assert "tiny: sanity warning: calibration-overlap: 2 of 32 calibration images are evaluation samples" in run.text
    assert run.cases["tiny::sanity"]["verdict"] == "pass"
    strict = run_quant(pytester, "--quant-strict", "--quant-samples", "20")  # of the dataset, drawn or not
    assert strict.verdicts == {
        "tiny::top1": "inconclusive", "tiny::sanity": "fail", "tiny::int8": "pass", "tiny::table": "pass"
    }  # fmt: skip
    assert "calibrate with other images" in strict.cases["tiny::sanity"]["reason"]


def test_where_warnings_are_errors_one_fails_its_case_in_a_line(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    shutil.copy(pytester.path / "images/000.png", pytester.path / "calibration/images/copy.png")
    run = run_quant(pytester, "-k", "not sanity", "-W", "error::pytest_quant.spec.errors.QuantWarning")
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert "\ntiny: 1 of 31 calibration images are evaluation samples as well" in run.text
    assert "Traceback" not in run.text
    assert "warnings.warn(" not in run.text
    assert run.cases["tiny::top1"]["verdict"] == "pass"


def test_missing_images_skip_as_a_missing_dataset_does(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    shutil.rmtree(pytester.path / "calibration")
    run = run_quant(pytester)
    assert set(run.verdicts.values()) == {"skipped"}
    assert "models.tiny.int8.calibrate.images: calibration/images does not exist" in run.cases["tiny::top1"]["reason"]
    assert set(run_quant(pytester, "--quant-strict").verdicts.values()) == {"error"}


def test_an_unset_variable_skips_too(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, images="${NO_SUCH_CALIBRATION}/images")
    run = run_quant(pytester)
    assert set(run.verdicts.values()) == {"skipped"}
    assert "NO_SUCH_CALIBRATION is not set" in run.cases["tiny::top1"]["reason"]


@pytest.mark.parametrize(
    ("int8", "message"),
    [
        ({"calibrate": {"images": "x"}, "param": "tiny.param"}, "int8.calibrate: found it beside param"),
        ({"calibrate": {}}, "models.tiny.int8.calibrate.images: is missing"),
        ({"calibrate": {"images": "x", "method": "kI"}}, "int8.calibrate.method: found 'kI'"),
        ({"calibrate": {"images": "x", "metod": "kl"}}, "Did you mean `method`?"),
        (
            {"calibrate": {"images": "x", "percentile": 99.0}},
            "int8.calibrate.percentile: goes with `method: percentile`",
        ),
        ({"calibrate": {"images": "x", "samples": 0}}, "int8.calibrate.samples: found 0"),
    ],
)
def test_mistakes_are_told_with_their_place(pytester: pytest.Pytester, int8: dict[str, Any], message: str) -> None:
    tiny.write_images(pytester.path, 4)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, int8=int8)})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert message in run.cases["tiny::config"]["reason"]
    assert f"{ZOO}:" in run.cases["tiny::config"]["reason"]


def test_an_image_that_does_not_decode_is_named(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    (pytester.path / "calibration/images/010.png").write_bytes(b"no picture")
    run = run_quant(pytester)
    assert set(run.verdicts.values()) == {"error"}
    assert "010.png" in run.cases["tiny::top1"]["reason"]
    assert not list((pytester.path / ".pytest_cache").rglob("part-*"))


def test_tests_in_python_get_the_made_net(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    pytester.makepyfile(
        """
        from pytest_quant import quant_model

        @quant_model("tiny")
        def test_same_shape(ncnn_fp32, ncnn_int8, quant_dataset, quant_spec):
            sample = quant_dataset.samples[0]
            assert ncnn_fp32.predict(sample).class_count == ncnn_int8.predict(sample).class_count
            assert quant_spec.nets["int8"].entry.param.name == "tiny-int8.param"
            assert quant_spec.nets["int8"].entry.param.is_file()
        """
    )
    assert run_quant(pytester).status == 0
