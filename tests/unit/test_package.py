"""What is built: the wheel, the sdist, and the README as a package index shows it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from pytest_quant import __version__
from pytest_quant.cli.main import main

ROOT = Path(__file__).parents[2]
pytest.importorskip("hatchling", reason="hatchling, of the extra `dev`, builds the package")


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def targets(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_with_an_address_every_link_is_absolute(hook: ModuleType) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = hook.for_the_index(readme, "https://example.org/o/pytest-quant")
    assert len(targets(shown)) == len(targets(readme))
    assert all(target.startswith(("https://", "#")) for target in targets(shown))
    assert "(https://example.org/o/pytest-quant/blob/main/docs/limitations.md)" in shown
    assert "(https://example.org/o/pytest-quant/raw/main/docs/images/report.png)" in shown
    assert hook.addresses("https://example.org/o/q")["Issues"] == "https://example.org/o/q/issues"


def test_without_an_address_no_link_is_dead(hook: ModuleType) -> None:
    shown = hook.for_the_index((ROOT / "README.md").read_text(encoding="utf-8"), "")
    assert all(target.startswith(("https://", "#")) for target in targets(shown))
    assert "`pytest-quant docs limitations`" in shown
    assert hook.for_the_index("a ![p](docs/p.png)[code](docs/x.md#part) [m](CONTRIBUTING.md)", "") == (
        "a code (`pytest-quant docs x`) m"
    )
    assert hook.addresses("") == {}


@pytest.mark.parametrize(
    "remote",
    [
        "https://example.org/o/q.git",
        "https://example.org/o/q/",
        "https://me:secret@example.org:8443/o/q.git",
        "ssh://git@example.org:22/o/q.git",
        "git@example.org:o/q.git",
        "git://example.org/o/q",
    ],
)
def test_the_address_is_that_of_the_clone_without_its_access(hook: ModuleType, remote: str) -> None:
    assert hook.browsed(remote) == "https://example.org/o/q"


@pytest.mark.parametrize("remote", ["", "/srv/git/q.git", "../q", "file:///srv/q.git", "c:/work/q", "work:q"])
def test_a_folder_has_no_address(hook: ModuleType, remote: str) -> None:
    assert hook.browsed(remote) == ""


def test_where_the_address_is_from(hook: ModuleType, tmp_path: Path) -> None:
    assert hook.repository_of(tmp_path) == ""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True)
    assert hook.repository_of(tmp_path) == ""
    subprocess.run([git, "-C", str(tmp_path), "remote", "add", "origin", "git@example.org:o/q.git"], check=True)
    assert hook.repository_of(tmp_path) == "https://example.org/o/q"
    assert hook.repository_of(tmp_path, "https://example.org/the/one/") == "https://example.org/the/one"
    (tmp_path / "PKG-INFO").write_text("Name: q\nProject-URL: Repository, https://example.org/sdist\n\ntext\n")
    assert hook.repository_of(tmp_path) == "https://example.org/sdist", "an sdist that was put under somebody's git"
    (tmp_path / "PKG-INFO").write_text("Name: q\n\nProject-URL: Repository, https://example.org/text\n")
    assert hook.repository_of(tmp_path) == ""


def test_every_file_that_the_readme_links_to_is_there() -> None:
    linked = [target for target in targets((ROOT / "README.md").read_text(encoding="utf-8")) if ":" not in target]
    assert linked
    assert [target for target in linked if not (ROOT / target.partition("#")[0]).exists()] == []


def test_the_wheel_has_the_package_and_its_pages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=dict(os.environ))
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert wheel.name.startswith(f"pytest_quant-{__version__}-")
    pages = {f"pytest_quant/pages/{path.relative_to(ROOT / 'docs').as_posix()}" for path in ROOT.glob("docs/**/*.md")}
    assert {name for name in names if name.startswith("pytest_quant/pages/")} == pages
    assert [name for name in names if not name.startswith("pytest_quant/")] == []
    assert [name for name in names if Path(name).suffix not in {".py", ".typed", ".jinja", ".js", ".css", ".md"}] == []


def test_the_sdist_has_what_its_tests_need_and_no_strays() -> None:
    from hatchling.builders.sdist import SdistBuilder

    names = {Path(file.distribution_path) for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    tops = {name.parts[0] for name in names}
    needed = {"pytest_quant", "tests", "fixtures", "docs", "examples", "benchmarks", "conftest.py", "README.md"}
    assert needed <= tops
    assert {name.suffix for name in names} & {".pyc", ".html", ".whl", ".sqlite"} == set()
    assert tops.isdisjoint({".venv", "dist", "build", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"})


def test_one_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"pytest-quant {__version__}\n"
