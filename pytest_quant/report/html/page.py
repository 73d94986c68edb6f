"""From a report to what the page shows: typed values, no markup."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_quant.report.html.budget import within_budget
from pytest_quant.report.html.class_tables import ClassTable, class_tables
from pytest_quant.report.html.curves import curve_plots
from pytest_quant.report.html.forest import ForestRow, forest_plot
from pytest_quant.report.html.headline import Headline, headline
from pytest_quant.report.html.layers import layer_plot
from pytest_quant.report.html.overlay import PictureView, picture_view
from pytest_quant.report.model import Case, DiagnosisEntry, EnvironmentEntry, ModelEntry, NoDiagnosisEntry, Report
from pytest_quant.report.model.illustration import IllustratedReport, IllustrationEntry, PictureEntry
from pytest_quant.report.table import Mood, Row, RowVerdict, table, verdict
from pytest_quant.report.terminal import footnotes
from pytest_quant.spec.verdict import badness

_WORST_LAYERS = 8
_OPEN = 6
"""So many models that are not fine are unfolded; a list stands at the top anyway."""
_AT_ONCE = 30
"""A page with more models makes those that are folded when they are unfolded."""


_MOODS: tuple[Mood, ...] = ("bad", "excused", "good")
_NUMBERS = ("onnx", "fp32", "int8", "drop")
"""Columns of numbers alone."""


@dataclass(frozen=True)
class Cell:
    """One cell of the table: as printed, and what it is sorted by."""

    text: str
    key: str | float
    is_number: bool = False
    """Whether it stands right, its digits below those of other rows."""


@dataclass(frozen=True)
class TableRow:
    """One row of the table."""

    model: str
    mood: Mood
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class CaseView:
    """One case of a model."""

    case: Case
    verdict: RowVerdict


@dataclass(frozen=True)
class LayerView:
    """One of the worst layers, as text."""

    name: str
    type: str
    own: str
    accumulated: str
    output: str
    share: str


@dataclass(frozen=True)
class LayersView:
    """The layer diagnosis of one net."""

    net: str
    svg: str = ""
    worst: tuple[LayerView, ...] = ()
    error: str | None = None
    """Why there is none."""


@dataclass(frozen=True)
class ModelView:
    """The section of one model."""

    name: str
    entry: ModelEntry | None
    """None: it was not measured."""
    verdict: RowVerdict
    cases: tuple[CaseView, ...]
    layers: tuple[LayersView, ...] = ()
    command: str = ""
    pictures: tuple[PictureView, ...] = ()
    pictures_left_out: int = 0
    """How many more there are, for which the page has no room."""
    no_pictures: str | None = None
    """Why there are none."""
    class_tables: tuple[ClassTable, ...] = ()
    curve_svgs: tuple[str, ...] = ()
    is_open: bool = False
    is_late: bool = False
    """Whether a browser makes its content only when it is unfolded: a page of very many models opens at once."""

    @property
    def has_shapes(self) -> bool:
        """Whether something is drawn that can be switched off."""
        return any(side.lines or side.dots or side.mask for one in self.pictures for side in one.sides)


@dataclass(frozen=True)
class PageView:
    """Everything that the template shows."""

    environment: EnvironmentEntry
    header: tuple[str, ...]
    """Titles of the columns."""
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]
    counts: tuple[tuple[str, Mood, int], ...]
    headlines: tuple[Headline, ...]
    forest_svg: str
    models: tuple[ModelView, ...]
    others: tuple[CaseView, ...] = field(default=())
    """Cases that are about a zoo file as a whole."""

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Titles of the columns whose cells are numbers."""
        return _NUMBERS

    @property
    def is_long(self) -> bool:
        """Whether a browser leaves out what is not in view."""
        return any(model.is_late for model in self.models)


def page_view(report: Report) -> PageView:
    """What the page shows of a report."""
    found = table(report)
    by_model: dict[str, list[Case]] = {}
    for case in report.cases:
        if case.model is not None:
            by_model.setdefault(case.model, []).append(case)
    order = dict.fromkeys(row.model for row in found.rows)
    by_model = {name: by_model[name] for name in order}
    drawn = report.illustrations if isinstance(report, IllustratedReport) else {}
    urgent = sorted(
        (name for name in order if verdict(by_model[name]).mood != "good"), key=lambda name: _urgency(by_model[name])
    )
    shown = within_budget({name: one.pictures for name, one in drawn.items()}, urgent)
    return PageView(
        environment=report.environment,
        header=found.header,
        rows=tuple(_table_row(row, found.header, line) for row, line in zip(found.rows, found.lines(), strict=True)),
        notes=tuple(footnotes(report)),
        counts=_counts(report),
        headlines=tuple(_headlines(report, by_model)),
        forest_svg=forest_plot(list(_forest_rows(found.rows, report))),
        models=tuple(_models(report, by_model, urgent, shown)),
        others=tuple(_case_view(case) for case in report.cases if case.model is None),
    )


def _urgency(cases: Sequence[Case]) -> tuple[int, int, int]:
    """What is broken goes before what is undecided, and that before what is excused."""
    worst = verdict(cases)
    return _MOODS.index(worst.mood), *badness(worst.decision, worst.outcome)


def _headlines(report: Report, by_model: Mapping[str, Sequence[Case]]) -> Iterator[Headline]:
    for name in sorted(by_model, key=lambda name: _urgency(by_model[name])):
        line = headline(name, report.models.get(name), by_model[name])
        if line is not None:
            yield line


def _table_row(row: Row, header: Sequence[str], line: Sequence[str]) -> TableRow:
    found = zip(header, line, strict=True)
    cells = tuple(Cell(text, _sort_key(text), is_number=title in _NUMBERS) for title, text in found)
    return TableRow(row.model, row.verdict.mood, cells)


def _sort_key(text: str) -> str | float:
    """The first number of a cell that begins with one, else its text.

    >>> _sort_key("-0.20"), _sort_key("1000 of 2000"), _sort_key("PASS")
    (-0.2, 1000.0, 'PASS')
    """
    try:
        return float(text.partition(" ")[0])
    except ValueError:
        return text


def _counts(report: Report) -> tuple[tuple[str, Mood, int], ...]:
    verdicts = Counter(verdict([case]) for case in report.cases)
    ordered = sorted(verdicts.items(), key=lambda item: (_MOODS.index(item[0].mood), item[0].text))
    return tuple((found.text, found.mood, count) for found, count in ordered)


def _forest_rows(rows: Sequence[Row], report: Report) -> Iterator[ForestRow]:
    for row in rows:
        numbers = row.numbers
        if numbers is None or numbers.values.ci is None:
            continue
        case = _tolerance(report, row)
        if case is None or not isinstance(case.limit, float) or case.limit <= 0:
            continue
        low, high = numbers.values.ci
        name = row.model if row.net is None else f"{row.model} {row.net}"
        holds = {"pass": True, "fail": False}.get(case.verdict)
        yield ForestRow(f"{name}  {row.metric}", numbers.values.drop, low, high, case.limit, holds)


def _tolerance(report: Report, row: Row) -> Case | None:
    kind = "tolerance" if row.net is None else "net"
    wanted = (row.model, row.metric, row.net)
    found = (case for case in report.cases if (case.model, case.metric, case.net) == wanted and case.kind == kind)
    return next(found, None)


def _case_view(case: Case) -> CaseView:
    return CaseView(case, verdict([case]))


def _model_view(name: str, entry: ModelEntry | None, cases: Sequence[Case]) -> ModelView:
    node = cases[0].id.rpartition("::")[0]
    return ModelView(
        name=name,
        entry=entry,
        verdict=verdict(cases),
        cases=tuple(_case_view(case) for case in cases),
        layers=() if entry is None else tuple(map(_layers_view, entry.diagnoses, entry.diagnoses.values())),
        class_tables=() if entry is None else tuple(class_tables(entry)),
        command=f"pytest --quant {shlex.quote(node)}",
    )


def _layers_view(net: str, diagnosis: DiagnosisEntry | NoDiagnosisEntry) -> LayersView:
    if isinstance(diagnosis, NoDiagnosisEntry):
        return LayersView(net, error=diagnosis.error)
    return LayersView(net, layer_plot(diagnosis), tuple(_layers(diagnosis)))


def _models(
    report: Report,
    cases: Mapping[str, Sequence[Case]],
    urgent: Sequence[str],
    shown: Mapping[str, Sequence[PictureEntry]],
) -> Iterator[ModelView]:
    drawn = report.illustrations if isinstance(report, IllustratedReport) else {}
    for name in cases:
        view = _model_view(name, report.models.get(name), cases[name])
        is_open = name in urgent[:_OPEN]
        view = replace(view, is_open=is_open, is_late=len(cases) > _AT_ONCE and not is_open)
        yield _illustrated(view, drawn.get(name), shown.get(name, ()))


def _illustrated(view: ModelView, drawn: IllustrationEntry | None, shown: Sequence[PictureEntry]) -> ModelView:
    if drawn is None:
        return view
    return replace(
        view,
        pictures=tuple(map(picture_view, shown)),
        pictures_left_out=len(drawn.pictures) - len(shown),
        no_pictures=drawn.note,
        curve_svgs=tuple(curve_plots(drawn.curves)),
    )


def _layers(diagnosis: DiagnosisEntry) -> Iterator[LayerView]:
    for layer in diagnosis.worst_layers(_WORST_LAYERS):
        output = layer.output
        share = None if output is None else output.share
        yield LayerView(
            name=layer.layer,
            type=layer.type,
            own=layer.own.cell,
            accumulated=layer.accumulated.cell,
            output="-" if output is None else output.cell,
            share="-" if share is None else f"{100 * share:.0f} %",
        )
