"""Files as public repositories have them: what ncnn passes over is a note, in every form of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import run_quant


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("hint", "note"),
    [
        ("0=60 1=60 2=3", "hints at 60x60 (width x height), input.size is [8, 8]: ncnn ignores the hint"),
        ("0=3 1=40 2=60", "hints at 60x40 (width x height), input.size is [8, 8]: ncnn ignores the hint"),
        ("0=-233 1=-233 2=-233", None),
        ("0=8 1=8 2=4", None),
    ],
)
def test_a_hint_of_another_size_is_a_note(pytester: pytest.Pytester, hint: str, note: str | None) -> None:
    tiny.write_images(pytester.path)
    entry = tiny.model_entry(pytester.path)
    for side in ("fp32", "int8"):
        edit(pytester.path / entry[side]["param"], "0 1 data", f"0 1 data {hint}")
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester, "--quant-report=report.md")
    assert run.verdicts["tiny::top1"] == "pass"
    assert run.report is not None
    found = run.report["models"]["tiny"].get("notes", [])
    if note is None:
        assert found == []
        return
    assert [text.endswith(note) for text in found] == [True]
    assert f"tiny: {found[0]}" in run.text.splitlines()
    assert note in (pytester.path / "report.md").read_text().replace("\\", "")


def test_a_header_with_too_many_blobs_is_a_note(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    entry = tiny.model_entry(pytester.path)
    param = pytester.path / entry["fp32"]["param"]
    magic, counts, *layers = param.read_text().splitlines()
    count, blobs = map(int, counts.split())
    param.write_text("\n".join([magic, f"{count} {blobs + 3}", *layers, ""]))
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester)
    assert run.verdicts["tiny::top1"] == "pass"
    assert f"the header announces {blobs + 3} blobs, the layers write {blobs}: harmless" in run.text
