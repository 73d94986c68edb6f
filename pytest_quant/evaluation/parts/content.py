"""What the report of a part carries for the merge: predictions and the samples that they are about."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from pytest_quant.evaluation.parts.plain import Carried, packed, unpacked
from pytest_quant.spec.errors import ConfigError


class Content(BaseModel):
    """What is carried, with digests that tell a foreign part."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digests: dict[str, str]
    """What must be the same in all parts, by words: the zoo file, the nets' files, the whole dataset."""
    items: dict[str, str]
    """By name what is carried, compressed: see `pytest_quant.evaluation.parts.plain`."""

    @classmethod
    def of(cls, digests: Mapping[str, str], items: Mapping[str, object]) -> Content:
        """With its items packed."""
        return cls(digests=dict(digests), items={name: packed(item) for name, item in items.items()})

    def completed(self, other: Content) -> Content:
        """With what another process carries of the same."""
        return Content(digests=self.digests, items={**self.items, **other.items})

    def get(self, name: str) -> Carried:
        """One item; None where it is not carried. Raises `ConfigError` for one that is damaged."""
        try:
            return unpacked(self.items[name]) if name in self.items else None
        except ConfigError as error:
            raise ConfigError(f"{name} {error}") from None
