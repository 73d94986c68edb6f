"""``size``: the share of fp32's files that int8's may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import NumberLimit, ZooKeys
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import brief
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.judging.subject import Subject
    from pytest_quant.spec.model import ModelSpec
    from pytest_quant.spec.net import Net


@dataclass(frozen=True)
class MostSize(NumberLimit):
    """int8's files are at most that share of fp32's."""

    kind: ClassVar[str] = "size"
    needs_dataset: ClassVar[bool] = False
    zoo_keys: ClassVar[ZooKeys] = {"size": (object, None)}

    @classmethod
    def parse(cls, raw: object) -> Self:
        """A share in (0, 1]; raises `ConfigError` without a place."""
        if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0 < raw <= 1:
            raise ConfigError(f"found {brief(raw)}, expected a share of fp32's files above 0, at most 1, such as 0.30")
        return cls(float(raw))

    def judge(self, subject: Subject) -> Verdict:
        """Add up the files that are deployed, a calibration table not among them."""
        model = subject.built()
        fp32, int8 = (_deployed_bytes(model, net) for net in ("fp32", "int8"))
        share = int8 / fp32
        holds = share <= self.number
        reason = (
            f"int8 files {int8 / 1e6:.3f} MB / fp32 files {fp32 / 1e6:.3f} MB = {share:.3f} "
            f"{'<=' if holds else '>'} {self.number:.3f}"
        )
        return Verdict("pass" if holds else "fail", reason, value=share, limit=self.number)


def _deployed_bytes(model: ModelSpec, name: Net) -> int:
    from pytest_quant.extending.known import get_format
    from pytest_quant.spec.errors import ModelFileError

    net = model.net(name)
    files = get_format(net.format).files(net)
    try:
        return sum(path.stat().st_size for part, path in files.items() if part != ".table")
    except OSError as error:
        raise ModelFileError(f"{error.filename}: cannot be read: {error.strerror}") from error
