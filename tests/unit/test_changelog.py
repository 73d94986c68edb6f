"""``.ci/changelog``: fragments become a section of the changelog."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "changelog"
CHANGELOG = "# Changelog\n\n## Unreleased\n\n* One.\n\n## 0.1.0 (2026-01-01)\n\n* Old.\n"


@pytest.fixture(scope="module")
def changelog() -> ModuleType:
    loader = SourceFileLoader("changelog", str(SCRIPT))
    spec = spec_from_loader("changelog", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_a_release_takes_what_was_unreleased_and_the_fragments(changelog: ModuleType) -> None:
    text = changelog.released(CHANGELOG, "* Two.", "0.2.0", "2026-12-01")
    assert text == (
        "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-12-01)\n\n* One.\n* Two.\n\n## 0.1.0 (2026-01-01)\n\n* Old.\n"
    )
    with pytest.raises(SystemExit, match=r"has a section 0\.1\.0 already"):
        changelog.released(CHANGELOG, "* Two.", "0.1.0", "2026-12-01")


@pytest.mark.parametrize(("text", "message"), [("\n", "is empty"), ("# New\n", "begins with a heading")])
def test_a_fragment_that_says_nothing_is_refused(
    changelog: ModuleType, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "a.md").write_text(text)
    with pytest.raises(SystemExit, match=message):
        changelog.entry(tmp_path / "a.md")


def test_sentences_become_an_item(changelog: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("A new thing,\nfor all.\n")
    assert changelog.entry(tmp_path / "a.md") == "* A new thing, for all."


def test_the_fragments_of_this_tree_can_be_printed() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True)
    assert all(line.startswith(("* ", "  ")) for line in done.stdout.splitlines() if line)
