"""Which part of the project may import what: the direction of the rooms, and the single homes of some libraries."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pytest_quant"

ORDER = (
    *("spec", "evidence", "training_config", "datasets", "nets", "tasks", "extending", "evaluation"),
    *("quantize", "building", "judging", "zoo", "diagnosis", "rescue", "report", "history", "plugin", "run", "cli"),
)
"""All rooms; each may know those before it."""

STAGES = ORDER[: ORDER.index("plugin")]
"""Usable without pytest."""

KNOTS: frozenset[tuple[str, str]] = frozenset()
"""Arrows against the order that are still to be untied; no new one is added."""

MEANT = {("plugin", "run")}
"""pytest loads `plugin` in every process, and `plugin` loads `run` where accuracy cases are to run."""

RUNTIMES = {"ncnn", "onnxruntime", "openvino", "ai_edge_litert"}


def modules() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 50
    return found


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def imports(path: Path, *, lazy: bool = True, typing: bool = True) -> tuple[str, ...]:
    """Dotted names that a module imports; ``lazy``: also inside functions, ``typing``: also under TYPE_CHECKING."""
    return tuple(_imports(path, lazy, typing))


def _imports(path: Path, lazy: bool, typing: bool) -> Iterator[str]:
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not lazy:
            continue
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not typing:
            pending.extend(node.orelse)
        else:
            pending.extend(ast.iter_child_nodes(node))


def stage_of(name: str) -> str:
    """The first part below the package: ``pytest_quant.zoo.reader`` is of ``zoo``."""
    return name.partition(".")[2].partition(".")[0]


def offenders(names: set[str], *, except_in: tuple[str, ...]) -> list[str]:
    """Modules outside ``except_in`` that import one of the top-level names."""
    return [
        name_of(path)
        for path in modules()
        if names & {name.partition(".")[0] for name in imports(path)}
        and not name_of(path).removeprefix("pytest_quant.").startswith(except_in)
    ]


def test_only_the_runners_know_a_runtime() -> None:
    assert offenders(RUNTIMES, except_in=("nets.",)) == []
    assert "ncnn" in set(imports(PACKAGE / "nets" / "ncnn" / "ncnn_net.py"))  # the rule has something to find


def test_only_the_nets_know_onnx() -> None:
    """Nothing imports pnnx, whose package asks for torch."""
    assert offenders({"onnx"}, except_in=("nets.",)) == []
    assert offenders({"pnnx", "torch"}, except_in=()) == []


def test_only_one_module_knows_xdist() -> None:
    assert offenders({"xdist"}, except_in=()) == []
    assert offenders({"execnet"}, except_in=()) == ["pytest_quant.nets.remote.connection"]
    words = ("workerinput", "workeroutput", "PYTEST_XDIST", "dsession")
    knowing = [path.name for path in modules() if any(word in path.read_text(encoding="utf-8") for word in words)]
    assert knowing == ["xdist.py"]


def test_no_stage_imports_pytest() -> None:
    found = offenders({"pytest", "_pytest"}, except_in=())
    assert [name for name in found if stage_of(name) in STAGES] == []
    assert not offenders({"_pytest"}, except_in=())
    assert "pytest_quant.run.hooks" in found


def test_every_room_has_a_place_in_the_order() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(ORDER)


def test_the_map_of_contributing_is_the_tree() -> None:
    """One row per room, in their order; what a row names stands in that room."""
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \| (.+) \|$", page, re.MULTILINE)
    assert tuple(room for room, _ in rows) == ORDER
    for room, text in rows:
        named = re.findall(r"`([\w/]+(?:\.py|/))`", text)
        gone = [name for name in named if not (PACKAGE / room / name).exists() and not (PACKAGE / name).exists()]
        assert gone == [], f"the row of {room}/ names what is not there"


def test_paths_that_contributing_names_are_there() -> None:
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", page))
    assert len(named) > 30
    roots = (PACKAGE, PACKAGE.parent, *(PACKAGE / room for room in ORDER))
    made_up = {"judging/limits/flips.py", "nets/numpy/format.py", "shared/", "pytest_quant/", "dist/"}
    made_up |= {"pytest_quant/judging/sanity/one_class.py", "tests/integration/test_one_class.py"}
    assert {name for name in named - made_up if not any((root / name).exists() for root in roots)} == set()


def test_rooms_point_in_one_direction() -> None:
    arrows: dict[tuple[str, str], list[str]] = {}
    for path in modules():
        room = stage_of(name_of(path))
        for known in {stage_of(name) for name in imports(path) if name.startswith("pytest_quant.")}:
            if room in ORDER and known in ORDER and ORDER.index(known) > ORDER.index(room):
                arrows.setdefault((room, known), []).append(name_of(path))
    assert {arrow: names for arrow, names in arrows.items() if arrow not in KNOTS | MEANT} == {}
    assert set(arrows) == KNOTS | MEANT, "a knot that is untied leaves the list"


def test_only_the_command_line_knows_itself() -> None:
    knowing = [
        name_of(path) for path in modules() if any(name.startswith("pytest_quant.cli") for name in imports(path))
    ]
    assert [name for name in knowing if stage_of(name) != "cli"] == ["pytest_quant.__main__"]


def test_no_module_needs_itself() -> None:
    graph = {
        name_of(path): {name for name in imports(path, lazy=False, typing=False) if name.startswith("pytest_quant")}
        for path in modules()
    }
    graph = {name: {found for found in needs if found in graph and found != name} for name, needs in graph.items()}
    done: set[str] = set()
    while ready := [name for name, needs in graph.items() if name not in done and needs <= done]:
        done.update(ready)
    assert set(graph) - done == set(), "these modules need each other"


def test_what_every_pytest_run_loads_imports_the_standard_library_and_pytest_only() -> None:
    pending, seen, foreign = ["pytest_quant.plugin.entry", "pytest_quant"], set(), set()
    by_name = {name_of(path): path for path in modules()}
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        for found in imports(by_name[name], lazy=False, typing=False):
            if found in by_name:
                pending.append(found)
            elif not found.startswith("pytest_quant"):
                foreign.add(found.partition(".")[0])
    allowed = {"__future__", "abc", "collections", "contextlib", "dataclasses", "difflib", "functools", "math", "os"}
    assert foreign <= allowed | {"pathlib", "pytest", "re", "shutil", "tempfile", "sys", "typing", "warnings"}
