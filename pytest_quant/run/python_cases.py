"""Tests in Python: which models each runs for, and the limits that its markers name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from pytest_quant.extending.known import get_task
from pytest_quant.judging.limits.base import judged
from pytest_quant.plugin.fixtures import CASE_FIXTURE, ONNX_FIXTURE, USER_FIXTURES
from pytest_quant.plugin.items import ProblemItem
from pytest_quant.plugin.markers import MARKERS, USER_MARKERS
from pytest_quant.plugin.state import RECORDS
from pytest_quant.run.failures import place_of
from pytest_quant.run.marked import Marked, read_markers
from pytest_quant.run.outcomes import conclude
from pytest_quant.run.quant_run import QuantRun
from pytest_quant.run.records import RunCase, limit_case
from pytest_quant.spec.errors import ConfigError, QuantError, ZooError
from pytest_quant.spec.metric import WITHOUT_LABELS
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import listed, shown, suggestion, visible
from pytest_quant.zoo.reader import BrokenModel

if TYPE_CHECKING:
    from pytest_quant.spec.limit import Limit

_MARKER_PREFIX = "quant_"


@dataclass(frozen=True)
class PythonCase:
    """One test for one model, or the reason why there is none."""

    id: str
    model: ModelSpec | None = None
    limits: tuple[Limit, ...] = ()
    problem: str | None = None
    marks: int = 0
    """How many of the plugin's markers were read."""


def is_quant_test(item: pytest.Item) -> bool:
    """Whether a test carries one of the markers or needs one of the fixtures."""
    return wants_models(item.iter_markers(), getattr(item, "fixturenames", ()))


def wants_models(marks: Iterable[pytest.Mark], fixturenames: Sequence[str]) -> bool:
    """The same for a test that is still to be parametrized."""
    return any(mark.name in USER_MARKERS for mark in marks) or not USER_FIXTURES.isdisjoint(fixturenames)


def parametrize(metafunc: pytest.Metafunc, run: QuantRun) -> None:
    """Make one test per model of an accuracy test; it works whether or not the function takes arguments."""
    marks = list(metafunc.definition.iter_markers())
    if not wants_models(marks, metafunc.fixturenames):
        return
    read = sum(mark.name in USER_MARKERS for mark in marks)
    needs_onnx = ONNX_FIXTURE in metafunc.fixturenames
    cases = [replace(case, marks=read) for case in _cases(run, metafunc.definition.path, marks, needs_onnx)]
    if CASE_FIXTURE not in metafunc.fixturenames:
        metafunc.fixturenames.append(CASE_FIXTURE)
    metafunc.parametrize(CASE_FIXTURE, cases, ids=[case.id for case in cases], indirect=True)


def case_of(item: pytest.Item) -> PythonCase | None:
    """The case that `parametrize` gave a test."""
    params: Mapping[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    case = params.get(CASE_FIXTURE)
    return case if isinstance(case, PythonCase) else None


def with_problems_failing(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """The items, with an item that fails in place of each accuracy test that cannot run."""
    for item in items:
        problem = None if isinstance(item, ProblemItem) else _misspelled(item)
        if problem is None and is_quant_test(item) and not isinstance(item, ProblemItem):
            problem = _problem(item)
        yield item if problem is None else _failing(item, problem)


def _misspelled(item: pytest.Item) -> str | None:
    """A marker that begins like those of the plugin and is none: what it says would be passed over in silence."""
    for mark in item.iter_markers():
        if mark.name.startswith(_MARKER_PREFIX) and mark.name not in MARKERS:
            return (
                f"@pytest.mark.{mark.name}: unknown marker.{suggestion(mark.name, USER_MARKERS)} "
                f"Those of pytest-quant: {listed(USER_MARKERS)}"
            )
    return None


def _problem(item: pytest.Item) -> str | None:
    case = case_of(item)
    if case is None:
        return "markers and fixtures of pytest-quant work in test functions and in methods of plain classes only"
    return case.problem or _unread_marker(item)


def _unread_marker(item: pytest.Item) -> str | None:
    """A marker that came after `parametrize`: what it says would be passed over in silence."""
    case = case_of(item)
    marks = [mark.name for mark in item.iter_markers() if mark.name in USER_MARKERS]
    if len(marks) == (0 if case is None else case.marks):
        return None
    return (
        f"{listed(f'@{name}' for name in dict.fromkeys(marks))}: the markers of pytest-quant must stand on the test "
        "function, its class or its module; found one in pytest.param, or added by a hook"
    )


def _failing(item: pytest.Item, problem: str) -> ProblemItem:
    """An item that fails in place of another; it is selected and skipped by the same marks."""
    failing: ProblemItem = ProblemItem.from_parent(
        cast(pytest.Collector, item.parent),
        name=item.name,
        kind="config",
        model=None,
        message=problem,
        line=place_of(item)[1],
    )
    failing.own_markers += [mark for mark in item.own_markers if mark.name != "xfail"]  # which is about limits
    return failing


def planned(item: pytest.Item) -> tuple[RunCase, ...]:
    """The cases of an accuracy test in Python: one per limit."""
    case = case_of(item)
    if case is None or case.model is None:
        return ()
    return tuple(limit_case(item.nodeid, case.model.name, limit) for limit in case.limits)


def carry(item: pytest.Item, run: QuantRun) -> None:
    """In a part of a run: compute what the limits of a test take, and skip it, since its body may read scores."""
    case, part = case_of(item), run.part_work
    if part is None or case is None or case.model is None:
        return
    with run.explained():
        part.measure(case.model)
        for limit in case.limits:
            part.do(case.model, limit)
    raise pytest.skip.Exception(part.reason)


def enforce(item: pytest.Item, run: QuantRun) -> None:
    """Decide the limits of a test whose body has passed; fails with every one that does not hold."""
    __tracebackhide__ = True
    unread = None if isinstance(item, ProblemItem) else _unread_marker(item)
    if unread is not None:
        raise pytest.fail.Exception(unread, pytrace=False)
    case = case_of(item)
    if case is None or case.model is None:
        return
    records: list[RunCase] = item.stash.setdefault(RECORDS, [])
    broken, place = [], place_of(item)
    for limit, case_plan in zip(case.limits, planned(item), strict=True):
        try:
            decided = run.decider.decide(case.model, limit, case_plan)
            broken.append(conclude(decided, records, strict=run.settings.strict, place=place))
        except QuantError as error:
            raise pytest.fail.Exception(visible(str(error), lines=True), pytrace=False) from None
    messages = [message for message in broken if message is not None]
    if messages:
        raise pytest.fail.Exception("\n".join(messages), pytrace=False)


def _cases(run: QuantRun, test_file: Path, marks: list[pytest.Mark], needs_onnx: bool) -> list[PythonCase]:
    try:
        marked = replace(read_markers(marks, run.max_tolerance_pct), needs_onnx=needs_onnx)
        models = _models(run, test_file)
        marked.check(get_task(model.task) for model in models.values() if isinstance(model, ModelSpec))
        cases = list(_named(marked, models) if marked.models is not None else _every(marked, models))
    except (ConfigError, ZooError) as error:
        return [PythonCase("config", problem=str(error))]
    return [_claimed(case, run) for case in cases] or [PythonCase("config", problem=_nothing_matches(marked, models))]


def _claimed(case: PythonCase, run: QuantRun) -> PythonCase:
    """The case, unless another zoo file has a model of the same name: a report has room for one."""
    try:
        if case.model is not None:
            run.zoos.claim_name(case.model.name, case.model.zoo)
    except ConfigError as error:
        return replace(case, problem=str(error))
    return case


def _models(run: QuantRun, test_file: Path) -> dict[str, ModelSpec | BrokenModel]:
    """The models for a test file by name, in the order of name; of two with one name a `BrokenModel` that says so."""
    files = run.settings.zoo_files or tuple(_zoo_files_above(test_file.parent, run.rootdir))
    if not files:
        raise ConfigError(
            f"no zoo file found: no *.quant.yaml in {shown(test_file.parent)} or a folder above it; name one with "
            "--quant-zoo FILE or the ini option quant_zoo"
        )
    models: dict[str, ModelSpec | BrokenModel] = {}
    for file in files:
        for model in run.zoos.read(file).models:
            other = models.get(model.name)
            models[model.name] = model if other is None else _doubled(model, other)
    return dict(sorted(models.items()))


def _doubled(model: ModelSpec | BrokenModel, other: ModelSpec | BrokenModel) -> BrokenModel:
    message = f"the model {model.name!r} stands in {shown(other.zoo)} and in {shown(model.zoo)}: rename one of them"
    return BrokenModel(model.name, model.zoo, message, model.line)


def _zoo_files_above(folder: Path, rootdir: Path) -> Iterator[Path]:
    for parent in (folder, *folder.parents):
        yield from sorted(parent.glob("*.quant.yaml"))
        if parent == rootdir:
            return


def _named(marked: Marked, models: dict[str, ModelSpec | BrokenModel]) -> Iterator[PythonCase]:
    for name in marked.models or ():
        model = models.get(name)
        if model is None:
            raise ConfigError(
                f"@quant_model: no model {name!r} in the zoo.{suggestion(name, models)} Its models: {listed(models)}"
            )
        yield _case(marked, model)


def _every(marked: Marked, models: dict[str, ModelSpec | BrokenModel]) -> Iterator[PythonCase]:
    """Every model that has what the test takes; broken ones too, since nobody knows what they would have been."""
    for model in models.values():
        if isinstance(model, BrokenModel) or _suits(model, marked):
            yield _case(marked, model)


def _suits(model: ModelSpec, marked: Marked) -> bool:
    has_metrics = all(metric in get_task(model.task).metrics for metric in marked.metrics)
    return has_metrics and ("onnx" in model.nets or not marked.needs_onnx)


def _case(marked: Marked, model: ModelSpec | BrokenModel) -> PythonCase:
    if isinstance(model, BrokenModel):
        return PythonCase(model.name, problem=model.message)
    if marked.needs_onnx and "onnx" not in model.nets:
        problem = f"the fixture {ONNX_FIXTURE}: {model.name} has no `onnx` in {shown(model.zoo)}"
        return PythonCase(model.name, problem=problem)
    task = get_task(model.task)
    for metric in marked.metrics:
        if metric not in task.metrics:
            problem = f"the task {task.name} of {model.name} has no metric {metric!r}; it has {listed(task.metrics)}"
            problem += f", and {metric} as a floor (@quant_floor)" if metric in WITHOUT_LABELS else ""
            return PythonCase(model.name, problem=problem)
    try:
        limits = marked.limits(task.metrics)
    except ConfigError as error:
        return PythonCase(model.name, problem=f"{model.name}: {error}")
    return PythonCase(model.name, model, limits, _unknown_condition(limits, model))


def _unknown_condition(limits: Sequence[Limit], model: ModelSpec) -> str | None:
    from pytest_quant.evaluation.conditions import condition_names

    known = condition_names(model, get_task(model.task).pipeline(model))
    for limit in limits:
        problem = judged(limit).unknown_in(model.task, model.name, known)
        if problem is not None:
            return f"@quant_require: {problem}"
    return None


def _nothing_matches(marked: Marked, models: dict[str, ModelSpec | BrokenModel]) -> str:
    tasks = listed(f"{name} ({model.task})" for name, model in models.items() if isinstance(model, ModelSpec))
    wanted = [f"a task with the metric {listed(marked.metrics)}"] if marked.metrics else []
    wanted += [f"the key `onnx`, which the fixture {ONNX_FIXTURE} takes"] if marked.needs_onnx else []
    return f"no model of the zoo has {' and '.join(wanted) or 'any case'}; its models: {tasks or 'none'}"
