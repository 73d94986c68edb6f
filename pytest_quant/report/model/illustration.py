"""What an HTML report shows besides the numbers: pictures and curves. It is not a part of the JSON report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from pytest_quant.report.model.base import Entry
from pytest_quant.report.model.report import Report

Change = Literal["lost", "gained", "moved", "same"]
"""What int8 did to a sample: right only in fp32, right only in int8, neither but not the same, or nothing."""

Place = tuple[float, float]
"""x and y in pixels of the thumbnail."""


class ShapeEntry(Entry):
    """A polygon, a line or a skeleton on a thumbnail."""

    points: tuple[Place | None, ...]
    """None: a keypoint that is not there."""
    links: tuple[tuple[int, int], ...] | None = None
    """Of a skeleton: pairs of places in ``points``; absent: an outline."""
    label: str = ""
    closed: bool = True
    dashed: bool = False


class DrawingEntry(Entry):
    """The truth of a sample, or what a net answered."""

    caption: str
    shapes: tuple[ShapeEntry, ...] = ()
    left_out: int = 0
    """How many more shapes there are."""
    mask: str | None = None
    """A PNG image in base64, to be stretched over the picture."""


class PictureEntry(Entry):
    """One sample."""

    sample: str
    change: Change
    image: str
    """A WebP image in base64."""
    width: int
    height: int
    truth: DrawingEntry
    fp32: DrawingEntry
    int8: DrawingEntry

    @property
    def kilobytes(self) -> float:
        """About as much it adds to a page."""
        return len(self.model_dump_json()) / 1000


class CurveEntry(Entry):
    """Lines over a common axis."""

    title: str
    x: str
    """What the axis says."""
    y: str
    lines: dict[str, tuple[Place, ...]]
    """``fp32`` and ``int8``, or what a line is called; points by rising x."""
    mark: float | None = None
    """A place on the x axis, such as the threshold that was taken."""
    is_counted: bool = False
    """Whether the x axis counts things, so that it has no fractions."""


class IllustrationEntry(Entry):
    """Of one model."""

    model: str
    pictures: tuple[PictureEntry, ...] = ()
    """The most telling ones first."""
    curves: tuple[CurveEntry, ...] = ()
    note: str | None = None
    """Why there are none."""

    def joined(self, more: IllustrationEntry) -> IllustrationEntry:
        """With the pictures and curves of another."""
        changes = {"pictures": self.pictures + more.pictures, "curves": self.curves + more.curves}
        return self.model_copy(update={**changes, "note": self.note or more.note})


class IllustratedReport(Report):
    """A report with what was drawn of its models, for writers that show it; the JSON has nothing of it."""

    illustrations: dict[str, IllustrationEntry] = Field(default_factory=dict, exclude=True)
    """By model."""

    @classmethod
    def of(cls, report: Report, drawn: Iterable[IllustrationEntry]) -> IllustratedReport:
        """A report with these drawings; a model may have several, such as those of its worst layers."""
        fields = {name: getattr(report, name) for name in Report.model_fields}
        found: dict[str, IllustrationEntry] = {}
        for one in drawn:
            found[one.model] = found[one.model].joined(one) if one.model in found else one
        return cls.model_construct(**fields, illustrations=found)
