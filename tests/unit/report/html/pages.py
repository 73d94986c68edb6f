"""Reports with pictures of our choice, and names that must stay text."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.model import (
    ClassEntry,
    ClassesEntry,
    DiagnosisEntry,
    LayerEntry,
    LayerOutputEntry,
    LayerSqnrEntry,
    Report,
    SqnrEntry,
)
from pytest_quant.report.model.illustration import (
    CurveEntry,
    DrawingEntry,
    IllustratedReport,
    IllustrationEntry,
    PictureEntry,
    ShapeEntry,
)
from tests.unit.metrics import METRICS
from tests.unit.reports import model_of, record, report_of

MARKUP = "<img src=x onerror=alert(1)>&amp; 50%"
"""A name that must stay text."""


def image(kind: str, size: tuple[int, int] = (160, 120), color: Any = (90, 140, 60)) -> str:
    """An image in base64."""
    out = io.BytesIO()
    Image.new("RGB" if kind == "WEBP" else "L", size, color if kind == "WEBP" else 1).save(out, kind)
    return base64.b64encode(out.getvalue()).decode()


def picture(number: int = 0, *, mask: bool = False, **changes: Any) -> PictureEntry:
    """A picture with a box, a pose and captions."""
    corners = ((10.0, 10.0), (60.0, 10.0), (60.0, 50.0))
    shapes = (
        ShapeEntry(points=corners, label=f"{MARKUP} 0.9"),
        ShapeEntry(points=(*corners, None), links=((0, 1), (1, 3))),
    )
    drawn = {
        side: DrawingEntry(
            caption=f"{side} {MARKUP}", shapes=() if mask else shapes, mask=image("PNG") if mask else None
        )
        for side in ("truth", "fp32", "int8")
    }
    known: dict[str, Any] = {
        "sample": f"sample {number}",
        "change": "lost",
        "image": image("WEBP"),
        "width": 160,
        "height": 120,
    }
    return PictureEntry(**(known | drawn | changes))


def diagnosis(layers: int = 5) -> DiagnosisEntry:
    """A diagnosis whose worst layer is the first."""
    found = []
    for number in range(layers):
        likeness = LayerSqnrEntry(sqnr_db=10.0 + number, cosine=0.9)
        output = LayerOutputEntry(sqnr_db=12.0 + number, share=0.8 / (number + 1)) if number % 2 == 0 else None
        found.append(
            LayerEntry(
                layer=f"conv{number}_{MARKUP}" if number == 0 else f"conv{number}",
                type="Convolution", blob=f"b{number}",
                quantized=number % 2 == 0, macs=100, own=likeness, accumulated=likeness, output=output,
            )
        )  # fmt: skip
    worst = tuple(one.layer for one in found if one.quantized)
    return DiagnosisEntry(
        samples=("a",),
        output_samples=1,
        seed=0,
        output=SqnrEntry(sqnr_db=9.0),
        worst=worst,
        unmatched=(),
        layers=tuple(found),
    )


def page_report() -> Report:
    """Three models: one that is fine, one that is broken, and one whose names are markup."""
    limit = Tolerance(METRICS["top1"], 1.0)
    names = ("fine", "broken", MARKUP)
    cases = [
        record(limit, "pass", "passed", "fine"),
        record(limit, "fail", "failed", "broken", reason="drop = 80.00 - 78.00 = 2.00 points > 1.00"),
        record(limit, "pass", "passed", MARKUP, reason=MARKUP),
    ]
    models = {name: model_of() for name in names}
    worst = (ClassEntry(name=MARKUP, samples=40, fp32=80.0, int8=60.0, drop=20.0),)
    classes = ClassesEntry(judged=3, worst=(*worst, ClassEntry(name="dog", samples=40, fp32=70.0, int8=70.0, drop=0.0)))
    models["broken"] = model_of(diagnosis=diagnosis()).model_copy(update={"classes": {"top1": classes}})
    models[MARKUP] = model_of(dataset=MARKUP)
    line = ((0.0, 0.5), (1.0, 0.25))
    curve = CurveEntry(
        title=f"$hmean$ {MARKUP}", x="threshold", y="hmean", lines={"fp32": line, "int8": line}, mark=0.5
    )
    drawn = [
        IllustrationEntry(model="broken", pictures=tuple(map(picture, range(3))), curves=(curve,)),
        IllustrationEntry(model=MARKUP, pictures=(picture(3, mask=True, sample=MARKUP),)),
        IllustrationEntry(model="fine", note="no such file"),
    ]
    return IllustratedReport.of(report_of(*cases, models=models), drawn)


def report_of_many(count: int) -> Report:
    """Models that are fine, each with a picture."""
    limit = Tolerance(METRICS["top1"], 1.0)
    names = [f"model-{number:02d}" for number in range(count)]
    cases = [record(limit, "pass", "passed", name) for name in names]
    drawn = [IllustrationEntry(model=name, pictures=(picture(sample=f"{name} {MARKUP}"),)) for name in names]
    return IllustratedReport.of(report_of(*cases, models=dict.fromkeys(names, model_of())), drawn)
