"""The table of docs/robustness.md that says what ncnn does with damage: each row is shown where it says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.campaign import nets, runtime
from benchmarks.campaign.outcome import MUST_NOT_BE, Budget, Try

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"\| (?P<given>[^|]+) \| (?P<says>[^|]+) \| (?P<shown>[^|]+) \|")


def rows() -> list[tuple[str, str, str]]:
    text = (ROOT / "docs" / "robustness.md").read_text()
    section = text[text.index("### Row by row") :].split("\n## ")[0]
    found = [match.groups() for match in map(_ROW.fullmatch, section.splitlines()) if match]
    return [(given, says, shown) for given, says, shown in found][1:]


@pytest.fixture(scope="module")
def tries(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], list[Try]]:
    """Of each kind of a part."""
    found: dict[tuple[str, str], list[Try]] = defaultdict(list)
    for one in nets.known_faults(tmp_path_factory.mktemp("nets")):
        found["nets", one.kind].append(one)
    for one in runtime.attack(Budget(0)):
        found["runtime", one.kind].append(one)
    return found


def test_every_row_is_shown(tries: Mapping[tuple[str, str], list[Try]]) -> None:
    told = rows()
    assert len(told) > 40
    for given, says, shown in told:
        if "::" in shown:
            file, _, name = shown.strip("`").partition("::")
            assert f"def {name}(" in (ROOT / file).read_text(), shown
            continue
        part, kind = re.fullmatch(r"`(\w+)`: (.+)", shown).groups()  # type: ignore[union-attr]
        seen = tries[part, kind]
        assert seen, f"{shown}: no such kind"
        assert not [one for one in seen if one.outcome in MUST_NOT_BE], shown
        quoted = re.fullmatch(r"`(.+)`", says)
        if quoted:
            assert any(quoted[1] in one.what for one in seen), (given, says)
        else:
            assert any(one.outcome == "fine" for one in seen), (given, says)


def test_every_known_fault_has_a_row(tries: Mapping[tuple[str, str], list[Try]]) -> None:
    told = {shown for _, _, shown in rows()}
    assert not [kind for part, kind in tries if f"`{part}`: {kind}" not in told]
