"""What the README tells is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pytest_quant
from pytest_quant.plugin.fixtures import USER_FIXTURES
from pytest_quant.plugin.markers import USER_MARKERS

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text(encoding="utf-8")


def ours(pytester: pytest.Pytester) -> tuple[set[str], set[str]]:
    """The plugin's options and ini names, from ``pytest --help``."""
    text = pytester.runpytest_inprocess("--help").stdout.str()
    options = set(re.findall(r"^\s+(--(?:no-)?quant[a-z-]*)", text, re.MULTILINE))
    ini = set(re.findall(r"^\s+(quant[a-z_]*) \(", text, re.MULTILINE))
    assert {"--quant", "--no-quant", "--quant-samples"} <= options
    assert {"quant", "quant_samples", "quant_max_tolerance"} <= ini
    return options, ini


def test_every_option_is_in_the_readme(pytester: pytest.Pytester, readme: str) -> None:
    options, ini = ours(pytester)
    assert [name for name in sorted(options) if not re.search(rf"(?<![\w-]){name}(?![\w-])", readme)] == []
    own = {name for name in ini if f"--{name.replace('_', '-')}" not in options}
    assert [name for name in sorted(own) if not re.search(rf"\b{name}\b", readme)] == []


def test_the_readme_names_no_option_that_is_not_there(pytester: pytest.Pytester, readme: str) -> None:
    options, ini = ours(pytester)
    named = set(re.findall(r"(?<![\w-])--(?:no-)?quant[a-z-]*", readme))
    assert named - options == set()
    # `quant_x` in the README is an ini option, a marker, a fixture or the import's name.
    words = set(re.findall(r"(?<!pytest_)\bquant_[a-z_]+\b", readme))
    assert words - ini - USER_FIXTURES - set(USER_MARKERS) - set(pytest_quant.__all__) == set()


def test_every_marker_and_fixture_is_in_the_readme(readme: str) -> None:
    assert [name for name in (*USER_MARKERS, *sorted(USER_FIXTURES)) if name not in readme] == []
