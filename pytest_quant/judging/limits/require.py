"""``require``: a condition of the evaluation that must hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import JudgedLimit, ZooKeys
from pytest_quant.judging.limits.written import Keyword, Written
from pytest_quant.spec.condition import Untold
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import brief, listed, shown, suggestion
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.judging.subject import Subject


@dataclass(frozen=True)
class Requirement(JudgedLimit):
    """A condition of the evaluation, and of the model's training config file where it names one."""

    kind: ClassVar[str] = "require"
    zoo_keys: ClassVar[ZooKeys] = {"require": (dict[str, object], {})}
    marker: ClassVar[str | None] = "quant_require"
    marker_example: ClassVar[str] = "flip_test=False"
    keyword_is_metric: ClassVar[bool] = False

    is_decided_in_parts: ClassVar[bool] = True

    condition: str
    value: object

    @property
    def name(self) -> str:
        """Such as ``require[flip_test]``."""
        return f"require[{self.condition}]"

    @property
    def recorded(self) -> float | bool | str:
        """The required value, in words where it is a list or nothing."""
        value = self.value
        if isinstance(value, (bool, int, str)) or (isinstance(value, float) and isfinite(value)):
            return value
        return repr(value)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """One per condition under the key."""
        for name, value in written.get("require").items():
            yield cls(name, value)

    @classmethod
    def of_keyword(cls, keyword: Keyword, metric: Metric | None) -> Self:
        """``@quant_require(flip_test=False)``."""
        return cls(keyword.name, keyword.value)

    @property
    def keys(self) -> tuple[str, ...]:
        """Such as ``require.flip_test``."""
        return (self.kind, self.condition)

    def unknown_in(self, task: str, model: str | None, conditions: Sequence[str]) -> str | None:
        """Why the condition cannot be required of a model of that task."""
        if self.condition in conditions:
            return None
        of_model = "" if model is None else f" of {model}"
        return (
            f"the task {task}{of_model} has no condition {self.condition!r}.{suggestion(self.condition, conditions)} "
            f"Its conditions: {listed(conditions)}"
        )

    def wrong_type(self, conditions: Mapping[str, object]) -> str | None:
        """A condition that is true or false cannot be required to be a word: YAML takes ``"off"`` for one."""
        if isinstance(self.value, bool) or not isinstance(conditions.get(self.condition), bool):
            return None
        return f"found {brief(self.value)}, expected true or false"

    def judge(self, subject: Subject) -> Verdict:
        """Look the condition up; nothing is evaluated for it."""
        return self.of_conditions(subject.conditions(self.condition), subject.model)

    def of_conditions(self, conditions: Mapping[str, object], model: ModelSpec) -> Verdict:
        """The verdict on the conditions of an evaluation; raises `ConfigError` when the config file leaves it open."""
        found = conditions.get(self.condition)  # a net that runs here has no target
        met = _equal(found, self.value)
        reason = f"condition {self.condition}: found {found!r}, required {self.value!r}"
        if model.config is None or self.condition not in model.config_conditions:
            return Verdict("pass" if met else "fail", reason)
        trained = model.config_conditions[self.condition]
        if isinstance(trained, Untold):
            raise ConfigError(f"condition {self.condition}: {trained.reason}")
        agrees = _equal(trained, self.value)
        reason += f"; {'' if agrees else 'but '}{shown(model.config)} sets {trained!r}"
        return Verdict("pass" if met and agrees else "fail", reason)


def _equal(found: object, required: object) -> bool:
    """In Python True == 1: `samples: true` is not met by one sample."""
    return bool(found == required) and isinstance(found, bool) == isinstance(required, bool)
