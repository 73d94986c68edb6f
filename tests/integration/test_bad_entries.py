"""A key or a value that cannot be used fails its model's `config` item, with a message to act on."""

from __future__ import annotations

import pytest

from tests import tiny
from tests.integration.broken import Broken, BrokenZoo, drop, put
from tests.integration.runs import run_quant

NO_LIMIT = (
    "has no limit at all, so nothing could fail: give it a tolerance, a floor, a published value, a required "
    "condition, a size or a speedup"
)

NAMES = [
    Broken(
        put({}, "tolerence"), "tolerence", "unknown key. Did you mean `tolerance`? Known keys: task, dataset, fp32,"
    ),
    Broken(put(1, "fp32", "params"), "fp32.params", "unknown key. Did you mean `param`? Known keys: param, bin"),
    Broken(put({}, "preprocess", "rezise"), "preprocess.rezise", "unknown key. Did you mean `resize`?"),
    Broken(put("pan", "postprocess", "decoder"), "postprocess.decoder", "unknown key. Known keys: none"),
    Broken(put(1, "metric", "top1", "threshold"), "metric.top1.threshold", "unknown key. Known keys: profile"),
    Broken(put(0.01, "metric", "hmean"), "metric.hmean", "found 0.01 (float), expected keys and values"),
    Broken(put({}, "metric", "hmean"), "metric.hmean", "the task classification has no metric 'hmean'"),
    Broken(
        put(0.01, "tolerance", "hmean"), "tolerance.hmean", "the task classification has no metric 'hmean'. Its metr"
    ),
    Broken(
        put(1.0, "floor", "top-1"),
        "floor.top-1",
        "has no metric 'top-1'. Did you mean `top1`? Its metrics: top1, to",
    ),
    Broken(put(False, "require", "flip_test"), "require.flip_test", "has no condition 'flip_test'"),
    Broken(
        put("x", "require", "resize_backnd"),
        "require.resize_backnd",
        "Did you mean `resize_backend`? Its conditions",
    ),
    Broken(
        put("why", "xfail", "top5"),
        "xfail.top5",
        "the model has no case 'top5'. Did you mean `top1`? Its cases: top1",
    ),
]
VALUES = [
    Broken(put([20000, 20000], "preprocess", "resize", "size"), "preprocess.resize.size", "at most 67108864 in all"),
    Broken(put(3, "task"), "task", "found 3 (int), expected text"),
    Broken(put("clasification", "task"), "task", ". Did you mean `classification`?"),
    Broken(
        put("colors", "dataset"),
        "dataset",
        "found 'colors', which `datasets` does not declare. Did you mean `colours`? D",
    ),
    Broken(put("Colours-", "dataset"), "dataset", "Did you mean `colours`? Declared: colours"),
    Broken(put(32, "input", "size"), "input.size", "found 32 (int), expected a list: width and height, as [32, 32]"),
    Broken(
        put([0.017, 0.01712, 0.02], "input", "norm"),
        "input.norm",
        "std is the divisor: std = 1 / norm: `std: [58.8235, 58.4112, 50.0]`",
    ),
    Broken(put("RGB", "input", "color"), "input.color", "expected 'rgb', 'bgr' or 'gray'. Did you mean `rgb`?"),
    Broken(put("a.param", "fp32"), "fp32", "found 'a.param' (str), expected keys and values"),
    Broken(drop("fp32"), "fp32", "is missing: this key is required"),
    Broken(drop("int8", "bin"), "int8.bin", "is missing: this key is required"),
    Broken(put("8x8", "input", "size"), "input.size", "found '8x8' (str), expected a list"),
    Broken(put([8], "input", "size"), "input.size", "found [8] (list), expected 2 or more values"),
    Broken(put([8, 8, 3], "input", "size"), "input.size", "found [8, 8, 3] (list), expected 2 or fewer values"),
    Broken(put([8, -8], "input", "size"), "input.size.1", "found -8 (int), expected greater than 0"),
    Broken(put("rbg", "input", "color"), "input.color", "found 'rbg' (str), expected 'rgb', 'bgr' or 'gray'"),
    Broken(
        put([1.0, 2.0], "input", "mean"), "input.mean", "found 2 values, expected 3, one for each channel of color r"
    ),
    Broken(put([1.0, 0.0, 1.0], "input", "std"), "input.std.1", "found 0.0 (float), expected greater than or equal "),
    Broken(put([1e9, 0.0, 0.0], "input", "mean"), "input.mean.0", "expected less than or equal to 1000000"),
    Broken(put([1.0, 1.0, float("inf")], "input", "std"), "input.std.2", "found inf (float), expected a finite number"),
    Broken(put(0, "input", "scale"), "input.scale", "found 0 (int), expected greater than or equal to 0.000001"),
    Broken(put(float("nan"), "input", "scale"), "input.scale", "found nan (float), expected "),
    Broken(
        put("hard", "metric", "top1", "profile"), "metric.top1.profile", "found 'hard' (str), expected 'rank' or 'mm"
    ),
    Broken(put("resnet.py", "config"), "config", "nothing of a training config is read for the task classification"),
    Broken(put(0, "samples"), "samples", "found 0 (int), expected greater than 0"),
    Broken(put("all", "samples"), "samples", "found 'all' (str), expected a valid integer"),
    Broken(put("fast", "runtime"), "runtime", "found 'fast' (str), expected 'reference' or 'deploy'"),
    Broken(put(True, "xfail", "top1"), "xfail.top1", "found True (bool), expected text"),
    Broken(
        put({"backend": "pil"}, "preprocess"),
        "preprocess.backend",
        "found 'pil' (str), expected 'pillow' or 'opencv'",
    ),
    Broken(put({"crop": 4}, "preprocess"), "", "crop gives images of [4, 4] (width, height), but input.size is [8, 8]"),
    Broken(put(["pool", "prob"], "output"), "", "output: found ['pool', 'prob']; a classifier has one output blob"),
]
LIMITS = [
    Broken(
        put(100, "tolerance", "top1"),
        "tolerance.top1",
        "found 100, which is 100 % of the range 0 to 100: probably a u",
    ),
    Broken(
        put(10.0, "tolerance", "top1"),
        "tolerance.top1",
        "given in percentage points (1.0 allows a drop from 80.0 to",
    ),
    Broken(
        put("20%", "tolerance", "top1"),
        "tolerance.top1",
        "found '20%', which is 20 % of the fp32 value: probably a ",
    ),
    Broken(
        put(-1, "tolerance", "top1"),
        "tolerance.top1",
        "found -1, expected 0 or more: a tolerance is the largest all",
    ),
    Broken(
        put("one%", "tolerance", "top1"),
        "tolerance.top1",
        "found 'one%', expected a number in the metric's own unit",
    ),
    Broken(
        put("1", "tolerance", "top1"),
        "tolerance.top1",
        "found '1', expected a number in the metric's own unit, or a",
    ),
    Broken(
        put(True, "tolerance", "top1"),
        "tolerance.top1",
        "found True (bool), expected a number, or a string such as ",
    ),
    Broken(put(1.0, "tolerance"), "tolerance", "found 1.0 (float), expected keys and values"),
    Broken(put(0.9, "floor", "top1"), "floor.top1", "probably a unit mistake (write 90 for 90 %)"),
    Broken(put(101, "floor", "top1"), "floor.top1", "found 101, expected top1 from 0 to 100"),
    Broken(put(None, "floor", "top1"), "floor.top1", "found nothing, expected a number"),
    Broken(put({}, "published", "fp16"), "published.fp16", "found 'fp16' (str), expected 'fp32' or 'int8'"),
    Broken(put(78.2, "published", "fp32"), "published.fp32", "found 78.2 (float), expected keys and values"),
    Broken(put({"top1": "78.2"}, "published", "fp32"), "published.fp32.top1", "found '78.2' (str), expected a number"),
    Broken(put({"top1": {"samples": 3}}, "published", "int8"), "published.int8.top1", "expected the key `value`"),
    Broken(
        put({"top1": {"value": 78.2, "sample": 3}}, "published", "int8"),
        "published.int8.top1",
        "unknown key sample; ",
    ),
    Broken(
        put({"top1": {"value": 78.2, "samples": 0}}, "published", "int8"),
        "published.int8.top1",
        "samples: found 0, ",
    ),
    Broken(
        put({"top1": {"value": 78.2, "within": -0.001}}, "published", "int8"),
        "published.int8.top1",
        "found -0.001, ",
    ),
    Broken(drop("tolerance"), "", NO_LIMIT),
    Broken(put(None, "tolerance", "top1"), "", NO_LIMIT),
]
BROKEN = [*NAMES, *VALUES, *LIMITS]
ZOO_OF_BROKEN = BrokenZoo(BROKEN)


@pytest.mark.parametrize("way", BROKEN, ids=str)
def test_the_message(pytester: pytest.Pytester, way: Broken) -> None:
    ZOO_OF_BROKEN.check(pytester, way)


def test_the_other_models_run(pytester: pytest.Pytester) -> None:
    ZOO_OF_BROKEN.check_the_rest(pytester)


def test_every_problem_of_an_entry_is_told_at_once_in_the_order_of_the_file(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    entry = tiny.model_entry(pytester.path, input={"blob": "data", "colour": "rgb"}, samples=0, tolerence={})
    tiny.write_zoo(pytester.path, {"tiny": entry})
    lines = run_quant(pytester).cases["tiny::config"]["reason"].splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "models.tiny.input.colour",
        "models.tiny.samples",
        "models.tiny.tolerence",
    ]
