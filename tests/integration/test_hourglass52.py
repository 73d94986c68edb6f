"""The stacked hourglass of ``fixtures/``: its table is what the code makes, and it runs end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pycocotools.coco import COCO

from pytest_quant.datasets.coco_keypoints import CocoKeypointsOptions, open_dataset
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.quantize.from_images import calibrate_model
from pytest_quant.zoo.reader import find_model, read_zoo
from tests.integration.runs import Run, run_quant

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODEL, DATA = FIXTURES / "models" / "hourglass52", FIXTURES / "data" / "coco-mini"
NAME = "hourglass52"
KEEP_FLOAT = ("convrelu_27", "conv_166", "convrelu_48", "conv_200", "convrelu_69", "conv_234")
"""What reads the heatmaps off each of the three stacks."""
CONFIG = MODEL / "td-hm_hourglass52_coco-mini-96x96.py"

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"{FIXTURES} is not here: it is not part of the package")


def use(pytester: pytest.Pytester, boxes: str = "ground-truth", **changes: Any) -> None:
    """Put a zoo file with the fixture's own entry into the tester's folder, changed where told."""
    zoo = yaml.safe_load((FIXTURES / "zoo.quant.yaml").read_text(encoding="utf-8"))
    entry, dataset = zoo["models"][NAME] | changes, zoo["datasets"]["coco"] | {"boxes": boxes}
    for key in ("images", "annotations"):
        dataset[key] = str(FIXTURES / dataset[key])
    for side in ("fp32", "int8"):
        entry[side] = {name: str(FIXTURES / path) for name, path in entry[side].items()}
    for key in ("config", "onnx"):
        entry[key] = str(FIXTURES / entry[key])
    content = {"version": 1, "datasets": {"coco": dataset}, "models": {NAME: entry}}
    (pytester.path / "zoo.quant.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def entry_of(run: Run) -> dict[str, Any]:
    assert run.report is not None
    found: dict[str, Any] = run.report["models"][NAME]
    return found


def test_the_table_is_what_the_calibration_pictures_give() -> None:
    """Weight scales to the last digit; activation scales as near as other processors' rounding lets them be."""
    model = find_model(read_zoo(FIXTURES / "zoo.quant.yaml"), NAME)
    annotations = DATA / "annotations" / "person_keypoints_calibration.json"
    options = CocoKeypointsOptions(images=DATA / "calibration", annotations=annotations, boxes="ground-truth")
    pictures = open_dataset(replace(model.dataset, options=options))
    made = calibrate_model(model, pictures, keep_float=KEEP_FLOAT, eight_bit=True)
    committed = read_table(MODEL / f"{NAME}.table")
    assert list(made.weights) == list(committed.weights)
    for layer, scales in committed.weights.items():
        assert made.weights[layer] == pytest.approx(scales, rel=1e-6), layer
    assert list(made.activations) == list(committed.activations)
    ratios = np.array([made.activations[layer] / scale for layer, scale in committed.activations.items()])
    assert np.abs(ratios - 1).max() < 0.25
    assert np.median(np.abs(ratios - 1)) < 0.01


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2.0 under numpy 2
def test_the_data_has_cocos_form_and_its_difficulties(capsys: pytest.CaptureFixture[str]) -> None:
    truth = COCO(str(DATA / "annotations" / "person_keypoints_val.json"))
    capsys.readouterr()
    pictures = {path.name for path in (DATA / "val").iterdir()}
    assert {row["file_name"] for row in truth.imgs.values()} == pictures
    assert len(pictures) >= 150
    found = list(truth.anns.values())
    to_be_found = [row for row in found if row["num_keypoints"] and not row["iscrowd"]]
    assert len(to_be_found) > 1.5 * len(pictures), "several persons in a picture"
    flags = np.array([row["keypoints"][2::3] for row in to_be_found])
    assert {0, 1, 2} == set(flags.ravel().tolist()), "not labelled, hidden and visible keypoints"
    assert (flags == 1).mean() > 0.03
    assert any(row["iscrowd"] for row in found)
    assert any(not row["num_keypoints"] and not row["iscrowd"] for row in found), "persons too small for keypoints"
    for row in found:
        covered = int(truth.annToMask(row).sum())
        assert covered == pytest.approx(row["area"], rel=0.35, abs=40), row["id"]
    areas = np.array([row["area"] for row in to_be_found])
    assert (areas < 96**2).any()
    assert (areas >= 96**2).any(), "medium and large ones"


def test_the_calibration_pictures_are_not_test_pictures() -> None:
    contents = [{path.read_bytes() for path in (DATA / name).iterdir()} for name in ("val", "calibration")]
    assert not contents[0] & contents[1]


def test_every_file_is_small() -> None:
    assert all(path.stat().st_size < 1_200_000 for path in MODEL.iterdir())
    assert sum(path.stat().st_size for path in (*MODEL.rglob("*.*"), *DATA.rglob("*.*"))) < 6_000_000


def test_the_whole_row(pytester: pytest.Pytester) -> None:
    use(pytester)
    run = run_quant(pytester)
    assert set(run.verdicts.values()) == {"pass"}, run.text
    assert set(run.verdicts) >= {
        f"{NAME}::AP",
        f"{NAME}::require[flip_test]",
        f"{NAME}::int8",
        f"{NAME}::table",
        f"{NAME}::onnx[AP]",
    }
    assert entry_of(run)["conditions"]["boxes"] == "ground-truth"
    assert entry_of(run)["samples"]["evaluated"] == len(list((DATA / "val").iterdir())) - len(
        pictures_without_a_person()
    )


def pictures_without_a_person() -> set[int]:
    """Pictures with nobody to be found and no box are left out."""
    data = json.loads((DATA / "annotations" / "person_keypoints_val.json").read_text(encoding="utf-8"))
    found = {row["image_id"] for row in data["annotations"] if row["num_keypoints"] and not row["iscrowd"]}
    return {row["id"] for row in data["images"]} - found


def test_detected_boxes_are_another_protocol(pytester: pytest.Pytester) -> None:
    use(pytester)
    annotated = run_quant(pytester, "--quant-samples", "60").metric(NAME, "AP")["fp32"]
    use(pytester, str(DATA / "person_detections_val.json"))
    run = run_quant(pytester, "--quant-samples", "60")
    assert entry_of(run)["conditions"]["boxes"] == "detections"
    found = run.metric(NAME, "AP")["fp32"]
    assert 0.3 * annotated < found < annotated, "missed, doubled and shifted boxes cost something"


def test_flip_test_changes_the_figures_and_breaks_the_condition(pytester: pytest.Pytester) -> None:
    use(pytester)
    plain = run_quant(pytester, "--quant-samples", "60").metric(NAME, "AP")["fp32"]
    use(pytester, postprocess={"decoder": "heatmap", "flip_test": True})
    run = run_quant(pytester, "--quant-samples", "60")
    assert run.verdicts[f"{NAME}::require[flip_test]"] == "fail"
    assert run.metric(NAME, "AP")["fp32"] != plain


def test_a_training_config_with_flip_test_breaks_the_condition(pytester: pytest.Pytester) -> None:
    text = CONFIG.read_text(encoding="utf-8")
    assert "flip_test=False" in text
    (pytester.path / "other.py").write_text(text.replace("flip_test=False", "flip_test=True"), encoding="utf-8")
    use(pytester)
    zoo = (pytester.path / "zoo.quant.yaml").read_text(encoding="utf-8")
    (pytester.path / "zoo.quant.yaml").write_text(zoo.replace(str(CONFIG), "other.py"), encoding="utf-8")
    run = run_quant(pytester, "--quant-samples", "4", "-k", "require")
    assert run.verdicts == {f"{NAME}::require[flip_test]": "fail"}
    assert "other.py" in run.cases[f"{NAME}::require[flip_test]"]["reason"]
