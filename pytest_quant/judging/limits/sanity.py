"""``sanity``: nothing makes the measurement meaningless; in a strict run nothing makes it doubtful either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import JudgedLimit, ZooKeys
from pytest_quant.judging.limits.written import Written
from pytest_quant.judging.sanity import check_waived
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.judging.part_subject import PartSubject
    from pytest_quant.judging.subject import Subject


@dataclass(frozen=True)
class Sane(JudgedLimit):
    """The checks of `pytest_quant.judging.sanity` find nothing that fails it."""

    kind: ClassVar[str] = "sanity"
    stands_alone: ClassVar[bool] = False
    zoo_keys: ClassVar[ZooKeys] = {"waive": (dict[str, str], {})}

    waived: tuple[tuple[str, str], ...] = ()
    """Names of checks whose findings about the model may stand, each with the reason."""

    @property
    def name(self) -> str:
        """``sanity``."""
        return self.kind

    @property
    def keys(self) -> tuple[str, ...]:
        """The entry as a whole: no key of it asks for the checks."""
        return ()

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """Every model has it."""
        waived: Mapping[str, str] = written.get("waive")
        check_waived(waived, lambda name: written.place(("waive", name)))
        yield cls(tuple(waived.items()))

    def gather(self, part: PartSubject) -> None:
        """What the checks look at beside the predictions."""
        part.look()

    def judge(self, subject: Subject) -> Verdict:
        """Run all checks."""
        from pytest_quant.judging.sanity.finding import counted

        found = subject.sanity(dict(self.waived))
        failing = [one for one in found if one.waived is None and (one.severity == "error" or subject.strict)]
        text = "\n".join(one.text for one in found)
        if failing:
            return Verdict("fail", f"{counted(found)}: {text}", value=float(len(failing)))
        return Verdict("pass", f"{counted(found)}: {text}" if found else "nothing found", value=0.0)
