"""Read every ``.param`` and every calibration table under a folder, such as a checkout of a public zoo.

``python -m benchmarks.files_in_the_wild FOLDER`` prints for each file whether it is accepted, or refused and why. The
``.bin`` beside a ``.param`` is walked where it lies there, and the installed ncnn is asked whether it takes the layers;
a table is held against the ``.param`` of its folder that has most of its layers. Nothing is run, nothing is written.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.nets.ncnn.files import Param, Table, lint_entries, lint_table, net_facts, read_param, read_table, walk
from pytest_quant.nets.ncnn.load_check import check_loads
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import shown

_PNNX_SUFFIX = ".pnnx.param"
"""pnnx's own graph, which no runtime reads."""


@dataclass(frozen=True)
class Reading:
    """What came of a file: why it is refused, or what is odd in it."""

    path: Path
    refused: str | None
    notes: tuple[str, ...] = ()


def read_all(folder: Path) -> Iterator[Reading]:
    """Read all nets, then all tables, each sorted by path."""
    for path in sorted(folder.rglob("*.param")):
        if path.is_file() and not path.name.endswith(_PNNX_SUFFIX):
            yield _net(path)
    for path in sorted(folder.rglob("*.table")):
        if path.is_file():
            yield _table(path)


def _net(path: Path) -> Reading:
    binary = path.with_suffix(".bin")
    try:
        param = read_param(path)
        lacking = check_loads(param)
        facts = net_facts(param, walk(param, binary) if binary.is_file() else None)
    except ModelFileError as error:
        return Reading(path, str(error))
    notes = [*facts.notes, *(f"this ncnn has no layer {name}" for name in lacking)]
    if not binary.is_file():
        notes.append(f"{binary.name} is not there: the .param alone")
    return Reading(path, None, tuple(notes))


def _table(path: Path) -> Reading:
    try:
        table = read_table(path)
    except ModelFileError as error:
        return Reading(path, str(error))
    param = _model_of(table, path.parent)
    findings = lint_entries(table) if param is None else lint_table(table, param)
    errors = [f"{one.layer}: {one.message}".lstrip(": ") for one in findings if one.severity == "error"]
    notes = [f"{one.layer}: {one.message}".lstrip(": ") for one in findings if one.severity == "warning"]
    against = "no .param beside it has its layers" if param is None else f"held against {param.path.name}"
    return Reading(path, "; ".join(errors) or None, (against, *notes))


def _model_of(table: Table, folder: Path) -> Param | None:
    """The net of the folder that has most of the table's layers."""
    best, most = None, 0
    for path in sorted(folder.glob("*.param")):
        try:
            param = read_param(path)
        except ModelFileError:
            continue
        count = len({layer.name for layer in param.layers} & set(table.layers))
        if count > most:
            best, most = param, count
    return best


def _told(reading: Reading) -> str:
    """The file, and why it is refused; most reasons name it themselves."""
    path, reason = shown(reading.path), reading.refused
    if reason is None:
        return path
    return reason if reason.startswith(path) else f"{path}: {reason}"


def main(arguments: Sequence[str]) -> int:
    """Print a line per file and a count."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m benchmarks.files_in_the_wild FOLDER", file=sys.stderr)
        return 2
    counts: Counter[str] = Counter()
    for reading in read_all(Path(arguments[0])):
        verdict = "accepted" if reading.refused is None else "refused"
        counts[f"{reading.path.suffix} {verdict}"] += 1
        print(f"{verdict}  {_told(reading)}")
        for note in reading.notes:
            print(f"          {note}")
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "no .param and no .table")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
