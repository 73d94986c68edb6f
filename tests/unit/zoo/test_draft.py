"""How a zoo file's own keys and those of a description come together."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_quant.zoo.draft import Draft, Finding, filled, holds


@pytest.mark.parametrize(
    ("own", "draft", "expected"),
    [
        ({}, {"task": "classification"}, {"task": "classification"}),
        ({"task": "keypoints"}, {"task": "classification"}, {"task": "keypoints"}),
        ({"output": None}, {"output": "prob"}, {"output": None}),
        ({"input": "x"}, {"input": {"blob": "data"}}, {"input": "x"}),
        (
            {"preprocess": {"resize": {"size": [8, 8]}}},
            {"preprocess": {"resize": {"short_side": 9}, "crop": 8}},
            {"preprocess": {"resize": {"size": [8, 8]}, "crop": 8}},  # a resize is one thing
        ),
        (
            {"metric": {"hmean": {"score_threshold": 0.9}}},
            {"metric": {"hmean": {"profile": "mmocr-1.x"}}},
            {"metric": {"hmean": {"profile": "mmocr-1.x", "score_threshold": 0.9}}},
        ),
        (
            {"published": {"fp32": {"top1": 94.0}, "int8": {"top1": 93.0}}},
            {"published": {"fp32": {"top1": 94.82, "top5": 99.0}}},
            {"published": {"fp32": {"top1": 94.0, "top5": 99.0}, "int8": {"top1": 93.0}}},
        ),
        (
            {"tolerance": {"AP": None}},
            {"tolerance": {"AP": 0.02, "AR": 0.02}},
            {"tolerance": {"AP": None, "AR": 0.02}},
        ),
    ],
)
def test_own_keys_win(own: Any, draft: Any, expected: Any) -> None:
    assert filled(own, draft) == expected


NET = {"param": "theirs.param", "bin": "theirs.bin", "table": "theirs.table"}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"param": "a", "bin": "b"}, {"param": "a", "bin": "b", "table": "theirs.table"}),
        ({"param": "a", "bin": "b", "table": None}, {"param": "a", "bin": "b", "table": None}),
        ({"param": "a"}, {"param": "a", "table": "theirs.table"}),  # and not the bin of another net
        ({"table": "mine"}, {"param": "theirs.param", "bin": "theirs.bin", "table": "mine"}),
        ({"table": None}, {"param": "theirs.param", "bin": "theirs.bin", "table": None}),
        ({"calibrate": {"images": 10}}, {"calibrate": {"images": 10}}),
        ({}, NET),
    ],
)
def test_a_net_is_taken_whole(own: Any, expected: Any) -> None:
    assert filled({"int8": own}, {"int8": NET}) == {"int8": expected}


def test_decoder_keys_go_with_their_decoder() -> None:
    theirs = {"postprocess": {"decoder": "pan", "profile": "mmocr-1.x"}}
    assert filled({"postprocess": {"decoder": "db"}}, theirs) == {"postprocess": {"decoder": "db"}}
    same = filled({"postprocess": {"decoder": "pan", "min_text_area": 5}}, theirs)
    assert same == {"postprocess": {"decoder": "pan", "profile": "mmocr-1.x", "min_text_area": 5}}


def test_nothing_is_changed_in_place() -> None:
    own, draft = {"input": {"size": [8, 8]}}, {"input": {"blob": "data"}}
    filled(own, draft)["input"]["size"] = None
    assert (own, draft) == ({"input": {"size": [8, 8]}}, {"input": {"blob": "data"}})


def test_findings_are_settled_by_all_their_keys() -> None:
    finding = Finding("lost", [("preprocess",), ("input", "mean")], fatal=True)
    assert not finding.is_settled({"preprocess": {}})
    assert finding.is_settled({"preprocess": {}, "input": {"mean": [0.0]}})
    assert finding.told == "lost; write `preprocess`, `input.mean` in the zoo file to settle it"
    assert not Finding("lost").is_settled({"preprocess": {}})
    assert Finding("lost").told == "lost"


def test_a_draft_grows() -> None:
    draft = Draft()
    draft.put(3, "a", "b", "c")
    draft.put(4, "a", "d")
    assert draft.entry == {"a": {"b": {"c": 3}, "d": 4}}
    assert holds(draft.entry, ("a", "b"))
    assert not holds(draft.entry, ("a", "d", "e"))
