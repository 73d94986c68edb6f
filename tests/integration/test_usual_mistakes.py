"""ResNet-20 with the usual mistakes in its entry: the message names the one that was made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.runs import run_quant
from tests.integration.test_real_models import RESNET20, SHARED, write_zoo

pytestmark = pytest.mark.skipif(
    not RESNET20.fp32.with_suffix(".bin").is_file(), reason=f"the shared real models are not on this machine: {SHARED}"
)

PUBLISHED = {"fp32": {"top1": 81.03}}
INPUT = {"blob": "in0", "size": [32, 32], "color": "rgb"}
NORMALIZED = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


@pytest.mark.parametrize(
    ("entry", "case", "named"),
    [
        (INPUT, "sanity", "with `mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375]` fp32 scores "),
        (INPUT | NORMALIZED | {"color": "bgr"}, "published[fp32.top1]", "with `color: rgb` fp32 scores "),
        (
            INPUT | {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
            "sanity",
            "with `mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375]` fp32 scores ",
        ),
    ],
    ids=["not normalized", "bgr", "values for pixels from 0 to 1"],
)
def test_a_mistake_in_the_input(pytester: pytest.Pytester, entry: dict[str, Any], case: str, named: str) -> None:
    write_zoo(pytester, RESNET20, samples=200, published=PUBLISHED, input=entry)
    run = run_quant(pytester, "-k", "sanity or published")
    found = run.cases[f"{RESNET20.name}::{case}"]
    assert found["verdict"] == "fail"
    assert named in found["reason"]
    assert "(50 samples)" in found["reason"]


def test_labels_off_by_one(pytester: pytest.Pytester) -> None:
    lines = (RESNET20.root / RESNET20.list_file).read_text().splitlines()
    shifted = [f"{name} {int(label) + 1}" for name, label in (line.rsplit(" ", 1) for line in lines) if label != "9"]
    (pytester.path / "test").symlink_to(RESNET20.root / "test")
    (pytester.path / "list.txt").write_text("\n".join(shifted) + "\n")
    write_zoo(pytester, RESNET20, samples=200)
    zoo = pytester.path / "zoo.quant.yaml"
    zoo.write_text(
        zoo.read_text().replace(f"root: {RESNET20.root}", "root: .").replace("list: test.txt", "list: list.txt")
    )
    run = run_quant(pytester, "-k", "sanity")
    found = run.cases[f"{RESNET20.name}::sanity"]
    assert found["verdict"] == "fail"
    assert "with `labels -1` fp32 scores " in found["reason"]
