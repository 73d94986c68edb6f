"""The pages: the site builds without a warning, each page leads on, lines can be read, the reference is the code's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks import reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LONGEST = 120


def in_order() -> list[str]:
    """The pages as the site's menu has them."""

    def flat(entries: list[object]) -> list[str]:
        found = []
        for entry in entries:
            value = next(iter(entry.values())) if isinstance(entry, dict) else entry
            found += flat(value) if isinstance(value, list) else [str(value)]
        return found

    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return flat(settings["nav"])


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="mkdocs-material, of the extra `dev`, builds the site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path / "site")]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("index.html", "tutorial/index.html", "contributing/index.html", "reference/index.html"):
        assert (tmp_path / "site" / name).is_file()


def test_every_page_is_in_the_menu() -> None:
    assert sorted(in_order()) == sorted([*(page.name for page in PAGES), "contributing.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_finds_the_next_page(page: Path) -> None:
    last = page.read_text(encoding="utf-8").rstrip().rpartition("\n\n")[2]
    named = re.search(r"Next: .*?\]\(([\w./-]+\.md)", last, re.DOTALL)
    assert named is not None, f"{page.name} does not end with `Next: [title](page.md)`"
    assert (DOCS / named[1]).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_are_wrapped(page: Path) -> None:
    is_code, long = False, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        is_code ^= line.lstrip().startswith("```")
        if len(line) > LONGEST and not is_code and not line.lstrip().startswith(("|", "![")):
            long.append(number)
    assert long == [], f"{page.name}: lines of more than {LONGEST} characters"


def test_the_reference_is_that_of_the_code() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run python -m benchmarks.reference"
