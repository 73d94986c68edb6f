"""The table on a terminal: it does not wrap, and the columns can be chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.report.table import HEADER
from pytest_quant.spec.columns import TITLES
from tests.integration.runs import run_quant
from tests.tiny import model_entry, write_bad_model, write_images, write_zoo

LONG = "mobilenetv2-with-a-name-that-is-longer-than-any"


@pytest.fixture
def zoo(pytester: pytest.Pytester) -> Path:
    write_images(pytester.path)
    models = {
        "tiny": model_entry(pytester.path, floor={"top1": 50.0}),
        LONG: write_bad_model(pytester.path, "bad", xfail={"top1": "on purpose"}),
        "lost": model_entry(pytester.path, dataset="nowhere"),
    }
    datasets = {
        "colours": {"type": "image-list", "root": ".", "list": "list.txt"},
        "nowhere": {"type": "image-list", "root": "nowhere", "list": "list.txt"},
    }
    return write_zoo(pytester.path, models, datasets=datasets)


def table_of(text: str) -> list[str]:
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("model ") and "verdict" in line)
    return lines[start : start + 4]


@pytest.mark.parametrize("columns", [200, 120, 80, 60, 40])
def test_no_line_of_the_table_is_wider(
    pytester: pytest.Pytester, zoo: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = table_of(run_quant(pytester).text)
    assert max(map(len, lines)) <= columns
    assert all(title in lines[0].split() for title in ("model", "fp32", "int8", "drop"))


def test_eighty_columns(pytester: pytest.Pytester, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run = run_quant(pytester)
    assert table_of(run.text) == [
        "model                         metric   fp32   int8   drop  verdict",
        "mobilenetv2-w...ger-than-any  top1    86.67   8.33  78.33  FAIL (xfailed)",
        "tiny                          top1    86.67  85.00   1.67  PASS",
        "lost                          -           -      -      -  SKIPPED",
    ]
    told = "no room for dataset, flips, limit, ci, n: --quant-columns chooses,"
    assert f"{told}\n    --quant-report has all\n" in run.text


def test_a_log_has_all_columns(pytester: pytest.Pytester, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    run = run_quant(pytester)
    assert "CI of drop" in table_of(run.text)[0]
    assert "no room" not in run.text


@pytest.mark.parametrize("columns", [80, 40])
def test_what_stands_below_the_table_is_wrapped(
    pytester: pytest.Pytester, zoo: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    found = run_quant(pytester).text
    below = found[found.index("CI: 90 %") : found.index("cases: ")].splitlines()
    assert all(len(line) <= columns or " " not in line.strip() for line in below)
    assert below[1].startswith("    ")
    monkeypatch.delenv("COLUMNS")
    log = run_quant(pytester).text
    unwrapped = log[log.index("CI: 90 %") : log.index("cases: ")].splitlines()
    folded = "\n".join(below).replace("\n    ", " ").splitlines()
    assert [line for line in folded if not line.startswith("no room")] == unwrapped


def test_columns_can_be_chosen(pytester: pytest.Pytester, zoo: Path) -> None:
    run = run_quant(pytester, "--quant-columns", "Model, drop,ci,verdict", "-k", "tiny")
    assert table_of(run.text)[0].split() == ["model", "drop", "CI", "of", "drop", "verdict"]
    pytester.makeini("[pytest]\nquant_columns = model,verdict,n\n")
    found = table_of(run_quant(pytester, "-k", "tiny").text)
    assert found[0].split() == ["model", "verdict", "n", "of", "N"]
    assert found[1].split() == ["tiny", "PASS", "60", "of", "60"]


def test_an_unknown_column_is_a_usage_error(pytester: pytest.Pytester, zoo: Path) -> None:
    run = run_quant(pytester, "--quant-columns", "model,verdct")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "--quant-columns: unknown column 'verdct'. Did you mean `verdict`?" in run.errors


def test_names_stand_for_all_columns() -> None:
    assert tuple(TITLES.values()) == HEADER
