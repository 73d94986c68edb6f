"""``table``: the calibration table belongs to the model and has usable scales."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.judging.limits.written import Written
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.text import first_few
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.judging.subject import Subject

_FINDINGS_SHOWN = 4
"""How many findings about a table a message names."""


@dataclass(frozen=True)
class SoundTable(JudgedLimit):
    """Every quantized layer is in the table, and no scale is infinite, zero or an outlier."""

    kind: ClassVar[str] = "table"
    needs_dataset: ClassVar[bool] = False
    stands_alone: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """``table``."""
        return self.kind

    @property
    def keys(self) -> tuple[str, ...]:
        """``int8.table``."""
        return "int8", self.kind

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """Where the entry names a table, or has one made."""
        from pytest_quant.nets.ncnn.net_files import has_table

        if has_table(written.nets["int8"]):
            yield cls()

    def judge(self, subject: Subject) -> Verdict:
        """Hold the table against both nets."""
        from pytest_quant.judging.file_names import file_name
        from pytest_quant.nets.ncnn.files.facts import inspect_net
        from pytest_quant.nets.ncnn.files.lint import CALIBRATED_TYPES, lint_table
        from pytest_quant.nets.ncnn.files.param import read_param
        from pytest_quant.nets.ncnn.files.table import read_table
        from pytest_quant.nets.ncnn.files.weights import walk
        from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files

        model = subject.built()
        int8, fp32 = ncnn_files(model, "int8"), model.nets["fp32"].entry
        if int8.table is None:
            raise TypeError(f"{model.name} names no table")
        table = read_table(int8.table)
        if isinstance(fp32, NcnnFiles):
            param = read_param(fp32.param)
            found = lint_table(table, param, walk(param, fp32.bin))
        else:  # a net of another runtime: the table has to belong to the int8 net's own layers
            found = lint_table(table, read_param(int8.param))
        told = [(finding.severity, f"{finding.layer}: {finding.message}".lstrip(": ")) for finding in found]
        errors = [text for severity, text in told if severity == "error"]
        quantized = inspect_net(int8.param, int8.bin).quantized
        absent = [name for kind in CALIBRATED_TYPES for name in quantized.get(kind, ()) if name not in table.layers]
        if absent:
            names = first_few(sorted(absent))
            errors.insert(0, f"{len(absent)} layers that are quantized in int8 are not in it: {names}")
        if errors:
            return Verdict("fail", f"{file_name(model, int8.table)}:{_listed(errors)}", value=float(len(errors)))
        warnings = [text for severity, text in told if severity == "warning"]
        sound = f"{file_name(model, int8.table)}: {len(table.layers)} layers, every scale is usable"
        beware = f"; beware:{_listed(warnings)}" if warnings else ""
        return Verdict("pass", f"{sound}{beware}", value=0.0)


def _listed(findings: Sequence[str]) -> str:
    """Findings one a line, the first of many; a single one on the same line."""
    if len(findings) == 1:
        return f" {findings[0]}"
    lines = [f"\n  {text}" for text in findings[:_FINDINGS_SHOWN]]
    left = len(findings) - _FINDINGS_SHOWN
    return "".join(lines) + (f"\n  and {left} more: `pytest-quant lint` has all" if left > 0 else "")
