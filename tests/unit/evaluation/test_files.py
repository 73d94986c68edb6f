"""Files that are written in one step."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.evaluation.files import replace_file


def test_a_file_has_the_rights_of_any_other(tmp_path: Path) -> None:
    """A report that a CI job keeps can be read by others."""
    (tmp_path / "usual").write_bytes(b"")
    replace_file(tmp_path / "below" / "report.json", b"{}")
    assert (tmp_path / "below" / "report.json").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["report.json"]
