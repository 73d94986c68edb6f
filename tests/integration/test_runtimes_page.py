"""The runtime of docs/runtimes.md, as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tests.integration.runs import run_quant

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])


def write_page(folder: Path) -> None:
    """The files that the page shows, and two nets: the tiny one behind a layer that splits signs."""
    for name, text in re.findall(
        r"<!-- file: ([^\n]*) -->\n```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    ):
        (folder / name).write_text(text)
    both = np.concatenate([np.eye(3), -np.eye(3)])
    weights = np.concatenate([tiny._WEIGHTS, -tiny._WEIGHTS], axis=1)
    first = {"weights": both.tolist(), "bias": [0.0] * 6}
    last = {"weights": weights.tolist(), "bias": (tiny._BIAS + 10).tolist()}
    scale = float(np.abs(weights).max() / 127)
    quantized = {**last, "weights": np.round(weights / scale).tolist(), "scale": scale}
    (folder / "net.json").write_text(json.dumps({"convolutions": [first, last]}))
    (folder / "net-int8.json").write_text(json.dumps({"convolutions": [first, quantized]}))


@WORKERS
def test_a_runtime_of_numpy(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    tiny.write_images(pytester.path)
    write_page(pytester.path)
    run = run_quant(pytester, *workers)
    assert run.verdicts == {"small::top1": "pass", "small::int8": "pass"}
    assert run.cases["small::int8"]["reason"] == "quantized layers: Conv 1 of 2 (int8); float: 0"
    assert run.metric("small")["fp32"] == pytest.approx(100 * 52 / 60)
    assert run.report is not None
    assert run.report["models"]["small"]["runtimes"]["fp32"] == f"convolutions {np.__version__}"


def test_what_comes_by_itself(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    write_page(pytester.path)
    zoo = (pytester.path / "zoo.quant.yaml").read_text()
    for old, new, words in (
        ("blob: image", "blob: data", "input: found 'data', expected the input of net.json: image"),
        (
            "mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]",
            "color: gray",
            "takes 3 channels, input.color gray",
        ),
        ("output: scores", "output: prob", "net.json has no output 'prob'"),
        (
            "fp32: {convolutions: net.json}",
            "fp32: {convolutions: list.txt}",
            "list.txt: is not a graph of convolutions",
        ),
    ):
        assert old in zoo
        (pytester.path / "zoo.quant.yaml").write_text(zoo.replace(old, new))
        run = run_quant(pytester)
        assert run.verdicts == {"small::config": "error"}
        assert words in run.cases["small::config"]["reason"]
