"""A key or a value that cannot be used fails its model's `config` item, with a message to act on."""

from __future__ import annotations

import pytest

from tests import tiny
from tests.integration.broken import Change, check_only_this_fails, drop, put
from tests.integration.runs import run_quant

LATER = "this version of pytest-quant cannot act on this key yet: remove it"
NO_LIMIT = (
    "has no limit at all, so nothing could fail: give it a tolerance, a floor, a published value or a required "
    "condition"
)


@pytest.mark.parametrize(
    ("change", "key", "says"),
    [
        (put({}, "tolerence"), "tolerence", "unknown key. Did you mean `tolerance`? Known keys: task, dataset, fp32,"),
        (put(1, "fp32", "params"), "fp32.params", "unknown key. Did you mean `param`? Known keys: param, bin"),
        (put({}, "preprocess", "rezise"), "preprocess.rezise", "unknown key. Did you mean `resize`?"),
        (put("pan", "postprocess", "decoder"), "postprocess.decoder", "unknown key. Known keys: none"),
        (put(1, "metric", "top1", "threshold"), "metric.top1.threshold", "unknown key. Known keys: profile"),
        (put(0.01, "metric", "hmean"), "metric.hmean", "found 0.01 (float), expected keys and values"),
        (put({}, "metric", "hmean"), "metric.hmean", "the task classification has no metric 'hmean'"),
        (put(0.01, "tolerance", "hmean"), "tolerance.hmean", "the task classification has no metric 'hmean'. Its metr"),
        (
            put(1.0, "floor", "top-1"),
            "floor.top-1",
            "has no metric 'top-1'. Did you mean `top1`? Its metrics: top1, to",
        ),
        (put(False, "require", "flip_test"), "require.flip_test", "has no condition 'flip_test'"),
        (
            put("x", "require", "resize_backnd"),
            "require.resize_backnd",
            "Did you mean `resize_backend`? Its conditions",
        ),
        (
            put("why", "xfail", "top5"),
            "xfail.top5",
            "the model has no case 'top5'. Did you mean `top1`? Its cases: top1",
        ),
    ],
)
def test_names_that_do_not_exist(pytester: pytest.Pytester, change: Change, key: str, says: str) -> None:
    check_only_this_fails(pytester, change, key, says)


@pytest.mark.parametrize(
    "change",
    [put("model.onnx", "onnx"), put("work_dir", "mmdeploy"), put({}, "metafile")],
    ids=["onnx", "mmdeploy", "metafile"],
)
def test_keys_of_later_versions_are_refused(
    pytester: pytest.Pytester, change: Change, request: pytest.FixtureRequest
) -> None:
    check_only_this_fails(pytester, change, request.node.callspec.id, LATER)


@pytest.mark.parametrize(
    ("change", "key", "says"),
    [
        (put(3, "task"), "task", "found 3 (int), expected text"),
        (put("clasification", "task"), "task", "expected one of classification. Did you mean `classification`?"),
        (put("colors", "dataset"), "dataset", "found 'colors', which `datasets` does not declare; declared: colours"),
        (put("a.param", "fp32"), "fp32", "found 'a.param' (str), expected keys and values"),
        (drop("fp32"), "fp32", "is missing: this key is required"),
        (drop("int8", "bin"), "int8.bin", "is missing: this key is required"),
        (put("8x8", "input", "size"), "input.size", "found '8x8' (str), expected a list"),
        (put([8], "input", "size"), "input.size", "found [8] (list), expected 2 or more values"),
        (put([8, 8, 3], "input", "size"), "input.size", "found [8, 8, 3] (list), expected 2 or fewer values"),
        (put([8, -8], "input", "size"), "input.size.1", "found -8 (int), expected greater than 0"),
        (put("rbg", "input", "color"), "input.color", "found 'rbg' (str), expected 'rgb', 'bgr' or 'gray'"),
        (put([1.0, 2.0], "input", "mean"), "input.mean", "found 2 values, expected 3, one for each channel of color r"),
        (put([1.0, 0.0, 1.0], "input", "std"), "input.std.1", "found 0.0 (float), expected greater than or equal "),
        (put([1e9, 0.0, 0.0], "input", "mean"), "input.mean.0", "expected less than or equal to 1000000"),
        (put([1.0, 1.0, float("inf")], "input", "std"), "input.std.2", "found inf (float), expected a finite number"),
        (put(0, "input", "scale"), "input.scale", "found 0 (int), expected greater than or equal to 0.000001"),
        (put(float("nan"), "input", "scale"), "input.scale", "found nan (float), expected "),
        (put("hard", "metric", "top1", "profile"), "metric.top1.profile", "found 'hard' (str), expected 'rank' or 'mm"),
        (put(0, "samples"), "samples", "found 0 (int), expected greater than 0"),
        (put("all", "samples"), "samples", "found 'all' (str), expected a valid integer"),
        (put("fast", "runtime"), "runtime", "found 'fast' (str), expected 'reference' or 'deploy'"),
        (put(True, "xfail", "top1"), "xfail.top1", "found True (bool), expected text"),
        (
            put({"backend": "pil"}, "preprocess"),
            "preprocess.backend",
            "found 'pil' (str), expected 'pillow' or 'opencv'",
        ),
        (put({"crop": 4}, "preprocess"), "", "crop gives images of [4, 4] (width, height), but input.size is [8, 8]"),
        (put(["pool", "prob"], "output"), "", "output: found ['pool', 'prob']; a classifier has one output blob"),
    ],
)
def test_values_that_cannot_be_used(pytester: pytest.Pytester, change: Change, key: str, says: str) -> None:
    check_only_this_fails(pytester, change, key, says)


@pytest.mark.parametrize(
    ("change", "key", "says"),
    [
        (
            put(100, "tolerance", "top1"),
            "tolerance.top1",
            "found 100, which is 100 % of the range 0 to 100: probably a u",
        ),
        (
            put(10.0, "tolerance", "top1"),
            "tolerance.top1",
            "given in percentage points (1.0 allows a drop from 80.0 to",
        ),
        (
            put("20%", "tolerance", "top1"),
            "tolerance.top1",
            "found '20%', which is 20 % of the fp32 value: probably a ",
        ),
        (
            put(-1, "tolerance", "top1"),
            "tolerance.top1",
            "found -1, expected 0 or more: a tolerance is the largest all",
        ),
        (
            put("one%", "tolerance", "top1"),
            "tolerance.top1",
            "found 'one%', expected a number in the metric's own unit",
        ),
        (
            put("1", "tolerance", "top1"),
            "tolerance.top1",
            "found '1', expected a number in the metric's own unit, or a",
        ),
        (
            put(True, "tolerance", "top1"),
            "tolerance.top1",
            "found True (bool), expected a number, or a string such as ",
        ),
        (put(1.0, "tolerance"), "tolerance", "found 1.0 (float), expected keys and values"),
        (put(0.9, "floor", "top1"), "floor.top1", "probably a unit mistake (write 90 for 90 %)"),
        (put(101, "floor", "top1"), "floor.top1", "found 101, expected top1 from 0 to 100"),
        (put(None, "floor", "top1"), "floor.top1", "found nothing, expected a number"),
        (put({}, "published", "fp16"), "published.fp16", "found 'fp16' (str), expected 'fp32' or 'int8'"),
        (put(78.2, "published", "fp32"), "published.fp32", "found 78.2 (float), expected keys and values"),
        (put({"top1": "78.2"}, "published", "fp32"), "published.fp32.top1", "found '78.2' (str), expected a number"),
        (put({"top1": {"samples": 3}}, "published", "int8"), "published.int8.top1", "expected the key `value`"),
        (
            put({"top1": {"value": 78.2, "sample": 3}}, "published", "int8"),
            "published.int8.top1",
            "unknown key sample; ",
        ),
        (
            put({"top1": {"value": 78.2, "samples": 0}}, "published", "int8"),
            "published.int8.top1",
            "samples: found 0, ",
        ),
        (
            put({"top1": {"value": 78.2, "within": -0.001}}, "published", "int8"),
            "published.int8.top1",
            "found -0.001, ",
        ),
        (drop("tolerance"), "", NO_LIMIT),
        (put(None, "tolerance", "top1"), "", NO_LIMIT),
    ],
)
def test_limits_that_cannot_be_meant(pytester: pytest.Pytester, change: Change, key: str, says: str) -> None:
    check_only_this_fails(pytester, change, key, says)


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
