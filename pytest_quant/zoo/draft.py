"""What a description in a foreign format says of a model: keys of its zoo entry, and what is doubtful about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_quant.spec.text import listed

Keys = tuple[str, ...]
"""A place in a model's entry, such as ``("input", "mean")``."""


FILL_IN = "FILL IN"
"""Stands in a first zoo file where only the user knows: until it is filled in the model's case fails and says so."""


@dataclass(frozen=True)
class Finding:
    """Something that the description loses, gets wrong or contradicts."""

    text: str
    """What was found, in which file, and what was taken."""
    settled_by: Sequence[Keys] = ()
    """The keys of the entry that answer the question: when the zoo file holds them all, it is open no longer."""
    fatal: bool = False
    """Whether guessing would be unsafe: then the entry cannot be used until it is settled."""
    usual: bool = False
    """Whether it is so of every sound description of the kind: then it stands in the report only."""

    def is_settled(self, entry: Mapping[str, object]) -> bool:
        """Whether the zoo file's own entry answers it."""
        return bool(self.settled_by) and all(holds(entry, keys) for keys in self.settled_by)

    @property
    def told(self) -> str:
        """The text, with what to write where that settles it."""
        if not self.settled_by:
            return self.text
        names = listed(f"`{'.'.join(keys)}`" for keys in self.settled_by)
        return f"{self.text}; write {names} in the zoo file to settle it"


@dataclass
class Draft:
    """An entry that grows while a description is read."""

    entry: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def put(self, value: object, *keys: str) -> None:
        """Set a key of the entry, such as ``put([8, 8], "input", "size")``."""
        section = self.entry
        for key in keys[:-1]:
            section = section.setdefault(key, {})
        section[keys[-1]] = value

    def note(self, text: str, *settled_by: Keys) -> None:
        """Something that the user should know, and that has a usual answer."""
        self.findings.append(Finding(text, settled_by))

    def remark(self, text: str, *settled_by: Keys) -> None:
        """Something that is so of every sound description of the kind, for the report."""
        self.findings.append(Finding(text, settled_by, usual=True))

    def problem(self, text: str, *settled_by: Keys) -> None:
        """Something that only the user can answer."""
        self.findings.append(Finding(text, settled_by, fatal=True))


def holds(entry: Mapping[str, object], keys: Keys) -> bool:
    """Whether an entry has a value at a place.

    >>> holds({"input": {"mean": [0.0]}}, ("input", "mean")), holds({"input": None}, ("input", "mean"))
    (True, False)
    """
    value: object = entry
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return True


def filled(own: Mapping[str, object], draft: Mapping[str, object]) -> dict[str, Any]:
    """The zoo file's own entry with what the draft adds; own keys win, key by key inside a section.

    A net (`fp32`, `int8`) is taken whole as soon as the zoo file names a file of it or says how it is made, since files
    of two nets do not belong together; only the table is still added. Decoder keys go with their decoder.

    >>> filled({"input": {"size": [8, 8]}}, {"input": {"blob": "data", "size": [9, 9]}, "output": "prob"})
    {'input': {'blob': 'data', 'size': [8, 8]}, 'output': 'prob'}
    """
    return {**own, **{key: _section(key, own[key], value) if key in own else value for key, value in draft.items()}}


def _section(key: str, own: object, draft: object) -> object:
    if not isinstance(own, Mapping) or not isinstance(draft, Mapping):
        return own
    if key in ("fp32", "int8"):
        return {**own, **_missing_net_keys(own, draft)}
    if key == "postprocess" and own.get("decoder", draft.get("decoder")) != draft.get("decoder"):
        return own
    if key in ("metric", "published"):
        return {**draft, **{name: _section("", value, draft.get(name)) for name, value in own.items()}}
    return {**draft, **own}


def _missing_net_keys(own: Mapping[str, object], draft: Mapping[str, object]) -> Mapping[str, object]:
    if not set(own) - {"table"}:
        return {key: value for key, value in draft.items() if key not in own}
    names_files = not {"param", "bin"}.isdisjoint(own)
    return {"table": draft["table"]} if names_files and "table" in draft and "table" not in own else {}


def to_fill_in(value: object, keys: Keys = ()) -> Iterator[Keys]:
    """The places of an entry that still say FILL IN.

    >>> list(to_fill_in({"input": {"blob": "data", "mean": FILL_IN}, "output": [FILL_IN]}))
    [('input', 'mean'), ('output',)]
    """
    if isinstance(value, (int, float)) or (isinstance(value, str) and value != FILL_IN):  # nearly all
        return
    if value == FILL_IN:
        yield keys
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from to_fill_in(item, (*keys, str(key)))
    elif isinstance(value, list) and any(True for item in value for _ in to_fill_in(item)):
        yield keys
