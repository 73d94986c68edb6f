"""What makes a measurement meaningless or doubtful, one file per check; `CHECKS` lists them.

A check is a function of a `Look` that gives what it found, nothing for a sound model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import listed, suggestion

if TYPE_CHECKING:
    from pydantic import JsonValue

    from pytest_quant.judging.sanity.finding import Finding
    from pytest_quant.judging.sanity.look import Look

Check = Callable[["Look"], "Iterator[Finding]"]

CHECKS: Mapping[str, str] = {
    "guessing": "guessing:find_guessing",
    "constant": "constant:find_constant",
    "not-finite": "not_finite:find_not_finite",
    "identical": "identical:find_identical",
    "ground-truth": "ground_truth:find_contradictions",
    "class-folders": "class_folders:find_ranks_of_some",
    "better-than-fp32": "better_than_fp32:find_better",
    "silent-classes": "silent_classes:find_silent",
    "duplicates": "duplicates:find_duplicates",
    "calibration-overlap": "calibration_overlap:find_overlap",
    "normalization": "normalization:find_other_scale",
    "input-scale": "input_scale:find_other_range",
    "unread-layers": "unread_layers:find_unread",
    "dead-weights": "dead_weights:find_dead",
    "outside": "outside:find_outside",
    "annotated-twice": "annotated_twice:find_annotated_twice",
    "image-size": "image_size:find_other_sizes",
    "orientation": "orientation:find_rotated",
    "bit-depth": "bit_depth:find_dark",
    "dont-care": "dont_care:find_dont_care",
    "unlabelled": "unlabelled:find_unlabelled",
}
"""Name to module and function, in the order in which findings are told; the names are those that ``waive`` takes."""


def check_waived(waived: Mapping[str, str], place: Callable[[str], str]) -> None:
    """Raise `ConfigError` for what is waived without a reason, or is no check; ``place`` is that of a name."""
    for name, reason in waived.items():
        if name not in CHECKS:
            raise ConfigError(f"{place(name)}: no check has that name.{suggestion(name, CHECKS)} {_names()}")
        if not reason.strip():
            raise ConfigError(f"{place(name)}: found no reason, expected why what is found may stand")


def _names() -> str:
    return f"The checks: {listed(CHECKS)}"


def check_of(name: str) -> Check:
    """A check by its name; its module is imported when it is first asked for."""
    module, _, function = CHECKS[name].partition(":")
    found: Check = getattr(import_module(f"{__name__}.{module}"), function)
    return found


def findings(look: Look, waived: Mapping[str, str]) -> tuple[Finding, ...]:
    """What all checks found; ``waived``: name of a check to the reason why its findings may stand.

    What the entry of the dataset waives, a model's own reason stands before.
    """
    from dataclasses import replace

    from pytest_quant.datasets.base import names_of
    from pytest_quant.judging.sanity.kept import kept_findings

    waived = {**dict(look.model.dataset.waive), **waived}
    labels = {sample.truth for sample in look.dataset.samples if isinstance(sample.truth, int)}
    whole: list[JsonValue] = [len(look.dataset.samples), len(labels), *(names_of(look.dataset) or ())]
    found = kept_findings(look.measurement, whole, lambda: [one for name in CHECKS for one in check_of(name)(look)])
    return tuple(replace(one, waived=waived[one.check]) if one.check in waived else one for one in found)
