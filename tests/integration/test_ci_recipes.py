"""The workflows that users are to copy: they parse, their options exist, their commands run, the page shows them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.runs import PLAIN, UNCACHED, run_inside
from tests.tiny import model_entry, write_bad_model, write_images, write_zoo

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "examples" / "ci").glob("*.yml"))
ACTION = ROOT / "action.yml"


def scripts(node: Any) -> Iterator[str]:
    """Every shell command of a workflow."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "run":
                yield value
            elif key in ("script", "before_script"):
                yield from value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


def commands(path: Path) -> list[list[str]]:
    """The arguments of each call of pytest in it."""
    found = []
    for script in scripts(yaml.safe_load(path.read_text(encoding="utf-8"))):
        words = shlex.split(script)
        if "--quant" in words:
            assert "\n" not in script.strip(), f"{path.name}: a folded command with a line break in it"
            found.append(words[words.index("pytest") + 1 :])
    return found


def test_the_recipes_that_the_page_names() -> None:
    names = [path.name for path in RECIPES]
    assert names == ["github-action.yml", "github-nightly.yml", "github-premerge.yml", "gitlab.yml"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_the_page_shows_the_file(path: Path) -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert f"```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```" in page


def test_every_input_of_the_action_is_used_and_on_the_page() -> None:
    text = ACTION.read_text(encoding="utf-8")
    inputs = yaml.safe_load(text)["inputs"]
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    for name in inputs:
        assert f"inputs.{name}" in text
        assert f"| `{name}` |" in page
    used = yaml.safe_load((ROOT / "examples/ci/github-action.yml").read_text(encoding="utf-8"))
    (step,) = [one for one in used["jobs"]["accuracy"]["steps"] if "pytest-quant@" in one["uses"]]
    assert set(step["with"]) <= set(inputs)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_models_in_lfs_are_fetched(path: Path) -> None:
    assert re.search(r"lfs: true|git lfs pull", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [path for path in [*RECIPES, ACTION] if path.name != "github-action.yml"], ids=str)
def test_the_commands_pass_a_good_zoo_and_fail_a_bad_one(pytester: pytest.Pytester, path: Path) -> None:
    folder = pytester.mkdir("models")
    write_images(folder, 200)
    found = commands(path)
    assert found
    for number, words in enumerate(found):
        variables = {"$CACHE": f"cache{number}", "$OPTIONS": "", "$ZOO": "models"}
        argv = [variables.get(word, word) for word in words if variables.get(word) != ""]
        at = argv.index("-n")
        assert argv[at + 1] == "auto"
        del argv[at : at + 2]  # in this process: what matters here is the rest
        for models, status in (
            ({"tiny": model_entry(folder)}, pytest.ExitCode.OK),
            ({"bad": write_bad_model(folder)}, pytest.ExitCode.TESTS_FAILED),
        ):
            write_zoo(folder, models)
            run = run_inside(pytester, *PLAIN, *UNCACHED, *argv)
            assert run.ret == status, run.stdout.str()
        reports = [argv[index + 1] for index, word in enumerate(argv) if word in ("--quant-report", "--junitxml")]
        assert {Path(name).suffix for name in reports} >= {".md", ".html", ".xml"}
        assert [name for name in reports if not (pytester.path / name).is_file()] == []
