"""What the pages tell is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pytest_quant
from pytest_quant.plugin.fixtures import USER_FIXTURES
from pytest_quant.plugin.markers import USER_MARKERS
from tests.integration.runs import run_inside

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def options_page() -> str:
    return (ROOT / "docs" / "options.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def every_page() -> str:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "README.md"]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def ours(pytester: pytest.Pytester) -> tuple[set[str], set[str]]:
    """The plugin's options and ini names, from ``pytest --help``."""
    text = run_inside(pytester, "--help").stdout.str()
    options = set(re.findall(r"^\s+(--(?:no-)?quant[a-z-]*)", text, re.MULTILINE))
    ini = set(re.findall(r"^\s+(quant[a-z_]*) \(", text, re.MULTILINE))
    assert {"--quant", "--no-quant", "--quant-samples"} <= options
    assert {"quant", "quant_samples", "quant_max_tolerance"} <= ini
    return options, ini


def test_every_option_is_on_the_page(pytester: pytest.Pytester, options_page: str) -> None:
    options, ini = ours(pytester)
    assert [name for name in sorted(options) if not re.search(rf"(?<![\w-]){name}(?![\w-])", options_page)] == []
    own = {name for name in ini if f"--{name.replace('_', '-')}" not in options}
    assert [name for name in sorted(own) if not re.search(rf"\b{name}\b", options_page)] == []


def test_no_page_names_an_option_that_is_not_there(
    pytester: pytest.Pytester, every_page: str, options_page: str
) -> None:
    options, ini = ours(pytester)
    named = set(re.findall(r"(?<![\w-])--(?:no-)?quant[a-z-]*", every_page))
    assert named - options == set()
    # `quant_x` there is an ini option, a marker, a fixture or the import's name.
    words = set(re.findall(r"(?<!pytest_)\bquant_[a-z_]+\b", options_page))
    assert words - ini - USER_FIXTURES - set(USER_MARKERS) - set(pytest_quant.__all__) == set()


def test_every_marker_and_fixture_is_on_a_page() -> None:
    page = (ROOT / "docs" / "python-tests.md").read_text(encoding="utf-8")
    assert [name for name in (*USER_MARKERS, *sorted(USER_FIXTURES)) if name not in page] == []
