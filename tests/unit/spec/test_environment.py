"""What results are kept under changes with the package's own source, and with nothing else."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.spec.environment import source_digest


def test_the_digest_of_a_source_tree_is_that_of_its_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "room" / "__pycache__").mkdir(parents=True)
    (tmp_path / "room" / "a.py").write_text("a = 1\n")
    (tmp_path / "b.py").write_text("")
    before = source_digest(tmp_path)
    (tmp_path / "room" / "__pycache__" / "a.py").write_text("is not source")
    (tmp_path / "room" / "notes.txt").write_text("nor is this")
    assert source_digest(tmp_path) == before
    (tmp_path / "room" / "a.py").write_text("a = 2\n")
    changed = source_digest(tmp_path)
    (tmp_path / "room" / "a.py").rename(tmp_path / "room" / "c.py")
    assert len({before, changed, source_digest(tmp_path)}) == 3
