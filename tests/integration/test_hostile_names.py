"""Text that comes from files is shown, never obeyed: by terminals, Markdown, HTML, JUnit, and the command line."""

from __future__ import annotations

import html.parser
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pytest_quant.cli.main import main
from tests import tiny
from tests.integration.runs import Run, run_quant

ESC, BIDI = "\x1b[31m", "\u202e"
HIDDEN = "\u200c\u200d\xad\u180e\ufffe"
NAME = f"x{ESC}{BIDI}<script>alert(1)</script>|`**b**`[l](http://e)"
FILE = f"a{ESC}{BIDI}<b>c`|d\ne.png"
LAYER = f"co{ESC}{BIDI}<i>|`nv"

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]")
"""What a terminal or browser would obey."""


def rename_layer(folder: Path, name: str) -> None:
    path = folder / f"{name}.param"
    path.write_text(path.read_text().replace("Convolution      conv ", f"Convolution      {LAYER} "))


def write_hostile(root: Path) -> None:
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60, wrong=0.0)
    (root / "images" / "000.png").rename(root / "images" / FILE.replace("\n", ""))
    lines = (root / "list.txt").read_text().splitlines()
    lines[0] = lines[0].replace("000.png", FILE.replace("\n", ""))
    (root / "list.txt").write_text("\n".join(lines) + "\n")
    entry = tiny.write_bad_model(root, dataset=NAME)
    for net in ("bad", "bad-int8"):
        rename_layer(root, net)
    models: dict[str, Any] = {
        "bad": entry,
        "known": tiny.write_bad_model(root, "known", dataset=NAME, xfail={"top1": f"why{ESC}{BIDI}{NAME}{HIDDEN}"}),
        f"m{NAME}{HIDDEN}": entry,
        f"m{ESC}\n": entry,
        "gone": tiny.model_entry(root, "gone", dataset=f"{NAME}\n2"),
        "broken": tiny.model_entry(root, "broken", output=f"prob{ESC}{BIDI}"),
    }
    dataset = {"type": "image-list", "root": ".", "list": "list.txt"}
    datasets = {NAME: dataset, f"{NAME}\n2": {**dataset, "root": f"not there{ESC}{BIDI}\n"}}
    tiny.write_zoo(root, models, datasets=datasets)


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.texts = 0, ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.scripts += tag == "script"

    def handle_data(self, data: str) -> None:
        self.texts += data


@pytest.fixture
def hostile(pytester: pytest.Pytester) -> Run:
    write_hostile(pytester.path)
    reports = ("--quant-report", "r.md", "--quant-report", "r.html", "--junitxml", "j.xml")
    return run_quant(pytester, *reports, "-v", "-rA", "--color=no", "--quant-diagnose")


def test_a_whole_run(pytester: pytest.Pytester, hostile: Run) -> None:
    assert hostile.status == pytest.ExitCode.TESTS_FAILED
    assert hostile.report is not None
    assert hostile.report["models"]["bad"]["dataset"] == NAME  # JSON has it as it is
    assert "INTERNALERROR" not in hostile.text

    shown = "x\\x1b[31m\\u202e<script>alert(1)</script>|`**b**`[l](http://e)"
    assert OBEYED.findall(hostile.text) == []
    assert shown in hostile.text
    assert "co\\x1b[31m\\u202e<i>|`nv" in hostile.text  # the layer that is to blame
    assert "not there\\x1b[31m\\u202e\\n" in hostile.text
    assert "why\\x1b[31m\\u202ex" in hostile.text
    assert "m\\x1b[31m\\n" in hostile.text

    markdown = (pytester.path / "r.md").read_text()
    assert OBEYED.findall(markdown) == []
    assert "<script" not in markdown
    assert "](http" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| bad")]
    assert rows
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in markdown.splitlines() if line.startswith("| bad | x")}
    assert len(columns) == 1
    assert columns == {
        len(re.findall(r"\|", next(line for line in markdown.splitlines() if line.startswith("| model"))))
    }

    page = (pytester.path / "r.html").read_text()
    tags = Tags()
    tags.feed(page)
    assert OBEYED.findall(page) == []
    assert tags.scripts == 1  # the page's own
    assert shown in tags.texts

    junit = (pytester.path / "j.xml").read_text()
    ElementTree.fromstring(junit)  # noqa: S314 - our own
    assert OBEYED.findall(junit) == []


def test_the_command_line(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_net(pytester.path, "net")
    path = pytester.path / "net.param"
    path.write_text(path.read_text().replace("pool prob", f"pool {LAYER}"))
    assert main(["inspect", "net.param"]) == 0
    out, _ = capsys.readouterr()
    assert "co\\x1b[31m\\u202e<i>|`nv" in out
    assert OBEYED.findall(out) == []
    assert main(["inspect", f"no{ESC}{BIDI}"]) == 2
    _, err = capsys.readouterr()
    assert "no\\x1b[31m\\u202e" in err
    assert OBEYED.findall(err) == []


def test_halves_of_characters(pytester: pytest.Pytester) -> None:
    """As JSON and names of files that are not UTF-8 have them."""
    root = pytester.path
    tiny.write_images(root, count=12)
    other = root / "images" / "b\udcff.png"
    other.write_bytes((root / "images" / "000.png").read_bytes())
    tiny.write_zoo(
        root,
        {"tiny": tiny.model_entry(root, floor={"agreement": 50.0}, tolerance=None)},
        datasets={"colours": {"type": "images", "root": "images"}},
    )
    found = run_quant(pytester, "--quant-report", "r.md", "--quant-report", "r.html")
    [reason] = {case["reason"] for name, case in found.cases.items() if name.endswith("floor[agreement]")}
    assert "the name of sample 'b\\udcff.png' is not UTF-8" in reason
    assert "INTERNALERROR" not in found.text


@pytest.mark.parametrize(
    ("folder", "file", "shown"),
    [
        ("zoos", "b\udcff.quant.yaml", r"zoos/b\udcff.quant.yaml"),
        ("d\udcff", "zoo.quant.yaml", r"d\udcff/zoo.quant.yaml"),
        (
            "zoos",
            f"n{ESC}{BIDI}\n::error::\x9b1m.quant.yaml",
            r"n\x1b[31m\u202e\n\x3a\x3aerror\x3a\x3a\x9b1m.quant.yaml",
        ),
    ],
)
def test_a_zoo_file_of_that_name(pytester: pytest.Pytester, folder: str, file: str, shown: str) -> None:
    """It is what pytest prints and writes to its cache: half of a character ended the whole run."""
    root = pytester.path
    tiny.write_images(root)
    tiny.write_zoo(root, {"sound": tiny.model_entry(root)})
    shutil.copytree(root / "images", root / folder / "images")  # OpenCV would die of such a path
    shutil.copy(root / "list.txt", root / folder)
    tiny.write_zoo(root / folder, {"evil": tiny.model_entry(root / folder), "broken": {"task": "x"}}, name=file)
    reports = ("--quant-report", "r.md", "--quant-report", "r.html", "--junitxml", "j.xml")
    found = run_quant(pytester, *reports, "-vv", "-rA", "--color=no", cached=True)
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in found.text
    assert found.text.isprintable() or OBEYED.findall(found.text) == []
    assert f"{shown}::evil::" in found.text
    evil = "error" if folder.endswith("\udcff") else "pass"
    verdicts = {case["model"]: case["verdict"] for case in found.cases.values()}
    assert verdicts == {"sound": "pass", "evil": evil, "broken": "error"}
    assert ("is not text in UTF-8, and no runtime opens it" in found.text) == (evil == "error")
    for name in ("r.md", "r.html", "j.xml"):
        assert OBEYED.findall((root / name).read_text()) == [], name
