"""Nets that are fed arrays: several inputs, and inputs that are no images; datasets of type ``arrays``."""

from __future__ import annotations

import struct
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_quant.cli.main import main
from tests import tiny, tiny_arrays, tiny_litert, tiny_onnx, tiny_openvino
from tests.integration.runs import run_quant
from tests.integration.test_runtimes import needs
from tests.unit.report.volatile import without_volatile

COUNT = 24
NAMES = {"features": "features", "token_ids": "ids"}


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny_arrays.write_samples(pytester.path / "inputs", COUNT)
    return pytester.path


def expected(scale: float = tiny_arrays.SCALE) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The scores of the float net, and with the input of its convolution and its weights rounded to int8."""
    fp32, int8 = [], []
    weights = tiny_arrays.WEIGHTS
    by_row = 127 / np.abs(weights).max(axis=1)
    rounded = np.round(weights * by_row[:, None]) / by_row[:, None]
    for features, ids in tiny_arrays.samples(COUNT):
        fp32.append(tiny_arrays.reference(features, ids))
        coarse = np.clip(np.round(features * scale), -127, 127) / scale
        seen = np.einsum("oc,chw->o", rounded, coarse) / coarse[0].size + tiny_arrays.BIAS
        int8.append((seen + tiny_arrays.TABLE[ids].mean(axis=0)) @ tiny_arrays.HEAD.T)
    return np.array(fp32), np.array(int8)


def sqnr_db(fp32: np.ndarray[Any, Any], int8: np.ndarray[Any, Any]) -> float:
    return float(10 * np.log10((fp32**2).sum() / ((int8 - fp32) ** 2).sum()))


def test_two_inputs_in_two_runtimes_on_the_same_files(pytester: pytest.Pytester, folder: Path) -> None:
    good = tiny_arrays.model_entry(folder, "good")
    good["nets"] = {
        "onnx_fp32": {
            "onnxruntime": tiny_onnx.write_features_and_ids(folder),
            "inputs": NAMES,
            "floor": {"agreement": 100.0, "sqnr_db": 80},
        },
        "onnx_qdq": {
            "onnxruntime": tiny_onnx.write_features_and_ids(folder, "qdq.onnx", qdq=True, inputs=("in0", "in1")),
            "floor": {"sqnr_db": 25},
        },
    }
    bad = tiny_arrays.model_entry(folder, "bad", scale=300.0)
    tiny_arrays.write_zoo(folder, {"good": good, "bad": bad})
    serial = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    assert serial.report is not None
    assert serial.verdicts == {
        **{f"good::{name}": "pass" for name in ("floor[agreement]", "floor[sqnr_db]", "int8")},
        **{f"good::floor[onnx_fp32.{name}]": "pass" for name in ("agreement", "sqnr_db")},
        "good::floor[onnx_qdq.sqnr_db]": "pass",
        "bad::floor[agreement]": "fail",
        "bad::floor[sqnr_db]": "fail",
        "bad::int8": "pass",
    }
    assert serial.cases["good::sanity"]["verdict"] == "pass"
    for name, scale in (("good", tiny_arrays.SCALE), ("bad", 300.0)):
        fp32, int8 = expected(scale)
        same_pct = 100 * float((fp32.argmax(axis=1) == int8.argmax(axis=1)).mean())
        assert serial.metric(name, "agreement")["int8"] == pytest.approx(same_pct)
        assert serial.cases[f"{name}::floor[sqnr_db]"]["value"] == pytest.approx(sqnr_db(fp32, int8), abs=0.05)
    conditions = serial.report["models"]["good"]["conditions"]
    assert conditions["inputs"] == {"in0": "features", "in1": "ids"}
    assert "color" not in conditions
    assert "good " in serial.text
    assert "| good | inputs | agreement | 100.00 | " in (folder / "report.md").read_text()
    assert "good" in (folder / "report.html").read_text()
    for args in (("-n", "2"), ()):
        assert without_volatile(run_quant(pytester, *args).report or {}) == without_volatile(serial.report)


def test_calibrated_from_arrays_and_measured_on_a_subset(pytester: pytest.Pytester, folder: Path) -> None:
    tiny_arrays.write_samples(folder / "calibration", 40, seed=1)
    made = {"calibrate": {"arrays": "calibration", "method": "minmax"}}
    model = tiny_arrays.model_entry(folder, int8=made, floor={"agreement": 60.0, "sqnr_db": 20})
    tiny_arrays.write_zoo(folder, {"two": model})
    run = run_quant(pytester)
    assert run.report is not None
    verdicts = ("floor[agreement]", "floor[sqnr_db]", "int8", "table")
    assert run.verdicts == {f"two::{name}": "pass" for name in verdicts}
    assert run.report["models"]["two"]["calibration"]["images"] == 40
    sampled = run_quant(pytester, "--quant-samples", "12", "-n", "2")
    assert "n = 12 of 24" in sampled.cases["two::floor[sqnr_db]"]["reason"]
    early = run_quant(pytester, "--quant-early-stop", "-k", "agreement")
    assert early.verdicts["two::floor[agreement]"] == "pass"


def test_the_tools_calibrate_and_quantize_on_arrays(
    pytester: pytest.Pytester, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_arrays.write_samples(folder / "calibration", 40, seed=1)
    zoo = tiny_arrays.write_zoo(folder, {"two": tiny_arrays.model_entry(folder)})
    table = folder / "made.table"
    options = ["--zoo", str(zoo), "--arrays", str(folder / "calibration"), "--jobs", "1"]
    assert main(["calibrate", *options, "--method", "minmax", "--out", str(table)]) == 0
    largest = max(float(np.abs(features).max()) for features, _ in tiny_arrays.samples(40, seed=1))
    rows = {line.split()[0]: line.split()[1:] for line in table.read_text().splitlines()}
    assert float(rows["conv"][0]) == pytest.approx(127 / largest, rel=1e-5)
    assert {"conv", "out"} <= rows.keys()
    assert main(["quantize", *options, "--out", str(folder / "again")]) == 0
    assert (folder / "again.param").is_file()
    capsys.readouterr()
    assert main(["calibrate", "--zoo", str(zoo), "--images", str(folder), "--out", str(table)]) == 2
    assert "two is fed arrays: give --arrays" in capsys.readouterr().err


def test_a_task_of_functions_on_arrays_with_a_truth(pytester: pytest.Pytester, folder: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    section = page.partition("### A dataset of arrays with a truth")[2]
    pytester.makeconftest(section.partition("```python\n")[2].partition("```")[0])
    lines = [
        f"{index:03d}.npz {tiny_arrays.reference(features, ids).max() + 0.25}"
        for index, (features, ids) in enumerate(tiny_arrays.samples(COUNT))
    ]
    (folder / "inputs" / "list.txt").write_text("\n".join(lines))
    changes: dict[str, Any] = {"task": "scoring", "floor": None, "tolerance": {"error": 0.05}}
    models = {"two": tiny_arrays.model_entry(folder, **changes)}
    tiny_arrays.write_zoo(folder, models, datasets={"inputs": {"type": "scored", "root": "inputs"}})
    run = run_quant(pytester, "--quant-report", "report.html")
    assert run.verdicts == {"two::error": "pass", "two::int8": "pass"}
    assert run.metric("two", "error")["fp32"] == pytest.approx(0.25, abs=1e-4)
    html = (folder / "report.html").read_text()
    assert "in1: ids, int64 (5,)" in html
    assert without_volatile(run_quant(pytester, "-n", "2").report or {}) == without_volatile(run.report or {})


def test_a_target_and_the_diagnosis_take_several_inputs(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setenv("PYTEST_QUANT_TARGET_CACHE", str(folder / "kept"))
    tiny_arrays.write_zoo(folder, {"bad": tiny_arrays.model_entry(folder, "bad", scale=300.0)})
    here = run_quant(pytester, "--quant-diagnose")
    there = run_quant(pytester, "--quant-target", f"popen//python={sys.executable}")
    for name in ("floor[agreement]", "floor[sqnr_db]"):
        assert here.cases[f"bad::{name}"]["value"] == there.cases[f"bad::{name}"]["value"]
    assert here.report is not None
    assert here.report["models"]["bad"]["diagnosis"]["layers"][0]["layer"] == "conv"


def one_npy(folder: Path) -> None:
    np.save(folder / "a.npy", np.zeros(3, np.float32))


def pickled(folder: Path) -> None:
    np.savez(folder / "a.npz", features=np.array([{}], object), ids=np.zeros(5, np.int64))


def cut_off(folder: Path) -> None:
    path = folder / "000.npz"
    (folder / "a.npz").write_bytes(path.read_bytes()[:-30])


def header_cut(folder: Path) -> None:
    """A header whose brackets do not close."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, e }".ljust(117) + b"\n"
    with zipfile.ZipFile(folder / "a.npz", "w") as file:
        file.writestr("features.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(12))


def huge(folder: Path) -> None:
    """A header that promises terabytes."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(folder / "a.npz", "w") as file:
        file.writestr("features.npy", data + bytes(100))


def other(features: Any = None, ids: Any = None) -> Any:
    """Writes a sample whose arrays are replaced."""

    def write(folder: Path) -> None:
        own_features, own_ids = tiny_arrays.samples(1)[0]
        np.savez(
            folder / "a.npz",
            features=own_features if features is None else features,
            ids=own_ids if ids is None else ids,
        )

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (one_npy, "which holds one array; the model takes 2 (in0, in1)"),
        (pickled, "array 'features', has dtype object, which only running what the file holds (pickle) could read"),
        (cut_off, "is damaged or was cut off"),
        (header_cut, "array 'features', is not an array that NumPy wrote"),
        (huge, "4096.0 GiB; expected the input of a net, 1 GiB at most"),
        (lambda folder: np.savez(folder / "a.npz", features=np.zeros(3)), "has no array 'ids'; its arrays: features"),
        (other(np.full((3, 4, 4), np.nan)), "input 'in0' holds 48 values that are not finite"),
        (other(np.zeros((2, 4, 4))), "expected 3 along the first axis"),
        (other(np.zeros((2, 3, 4, 4))), "expected 3 axes, (channels, height, width), without a batch"),
        (other(ids=np.array([0.5])), "input 'in1' takes int32, and float32 0.5 is not one of its values"),
        (other(ids=np.array([2**40])), "input 'in1' takes int32, and int64 1099511627776 is not one of its values"),
    ],
)
def test_a_file_that_cannot_be_fed_is_named(pytester: pytest.Pytester, folder: Path, write: Any, words: str) -> None:
    write(folder / "inputs")
    tiny_arrays.write_zoo(folder, {"two": tiny_arrays.model_entry(folder)})
    run = run_quant(pytester, "-k", "agreement")
    case = run.cases["two::floor[agreement]"]
    assert case["verdict"] == "error"
    assert words in case["reason"]
    assert "a.np" in case["reason"]


def test_a_batch_in_front_and_doubles_are_the_same_inputs(pytester: pytest.Pytester, folder: Path) -> None:
    for path in (folder / "inputs").iterdir():
        with np.load(path) as arrays:
            features, ids = arrays["features"], arrays["ids"]
        np.savez_compressed(path, features=features[None].astype(np.float64), ids=ids[None])
    model = tiny_arrays.model_entry(folder)
    onnx = tiny_onnx.write_features_and_ids(folder)
    model["nets"] = {"onnx": {"onnxruntime": onnx, "inputs": NAMES, "floor": {"sqnr_db": 80}}}
    model["nets"]["onnx_fp32"] = model["nets"].pop("onnx")
    tiny_arrays.write_zoo(folder, {"two": model})
    run = run_quant(pytester)
    assert run.verdicts["two::floor[onnx_fp32.sqnr_db]"] == "pass"
    fp32, int8 = expected()
    assert run.cases["two::floor[sqnr_db]"]["value"] == pytest.approx(sqnr_db(fp32, int8), abs=0.05)


IMAGES = {"pictures": {"type": "images", "root": "inputs"}, "inputs": {"type": "arrays", "root": "inputs"}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": None}, "inputs: is missing: the dataset `inputs` is of type arrays"),
        ({"input": {"blob": "in0"}}, "found it beside `input`"),
        ({"dataset": "pictures"}, "the dataset `pictures` of type images gives images"),
        ({"task": "classification", "dataset": "pictures"}, "the task classification makes its input of pixels"),
        ({"preprocess": {"backend": "pillow"}}, "found backend, which nothing reads"),
        ({"inputs": {"in0": "features"}}, "nothing is said of in1, expected an array for each input"),
        ({"inputs": {"in0": "features", "in2": "ids"}}, "has no input in2. Did you mean"),
        ({"inputs": {}}, "found no input, expected each input of the net"),
        ({"int8": {"calibrate": {"images": "inputs"}}}, "calibrate.arrays: found `images` in its place"),
        ({"rescue": {"images": "inputs"}}, "a repair is searched on images, and this model is fed arrays"),
    ],
)
def test_mistakes_in_the_entry_are_told(
    pytester: pytest.Pytester, folder: Path, changes: dict[str, Any], words: str
) -> None:
    tiny_arrays.write_zoo(folder, {"two": tiny_arrays.model_entry(folder, **changes)}, datasets=IMAGES)
    run = run_quant(pytester)
    assert run.verdicts == {"two::config": "error"}
    assert words in run.cases["two::config"]["reason"]


def test_an_empty_folder_and_one_that_is_missing(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "empty").mkdir()
    datasets = {"empty": {"type": "arrays", "root": "empty"}, "gone": {"type": "arrays", "list": "gone.txt"}}
    models = {name: tiny_arrays.model_entry(folder, name, dataset=name) for name in datasets}
    tiny_arrays.write_zoo(folder, models, datasets=datasets)
    run = run_quant(pytester, "-k", "agreement")
    assert "holds no array file (.npy, .npz)" in run.cases["empty::floor[agreement]"]["reason"]
    assert run.cases["gone::floor[agreement]"]["verdict"] == "skipped"


def test_init_proposes_arrays_for_a_net_of_several_inputs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pytester.path
    tiny_arrays.write_net(folder, "two")
    assert main(["init", str(folder)]) == 1
    assert "`int8: {calibrate: {arrays: ...}}` makes one from arrays" in capsys.readouterr().out
    (folder / "zoo.quant.yaml").unlink()
    tiny_arrays.write_net(folder, "two-int8", int8=True)
    assert main(["init", str(folder)]) == 0
    assert "two: ready" in capsys.readouterr().out
    assert "inputs: {in0: in0, in1: in1}" in (folder / "zoo.quant.yaml").read_text()
    (folder / "saved").mkdir()
    for index, (features, ids) in enumerate(tiny_arrays.samples(COUNT)):
        np.savez(folder / "saved" / f"{index}.npz", in0=features, in1=ids)
    monkeypatch.setenv("ARRAYS_ROOT", str(folder / "saved"))
    assert run_quant(pytester).verdicts == {"two::floor[sqnr_db]": "pass", "two::int8": "pass"}


def test_openvino_takes_several_inputs_and_what_was_computed_is_kept(pytester: pytest.Pytester, folder: Path) -> None:
    pytest.importorskip("openvino")
    model = tiny_arrays.model_entry(folder)
    onnx = tiny_onnx.write_features_and_ids(folder)
    model["nets"] = {"ov": {"openvino": onnx, "inputs": NAMES, "floor": {"agreement": 100.0, "sqnr_db": 80}}}
    tiny_arrays.write_zoo(folder, {"two": model})
    first, again = (run_quant(pytester, cached=True) for _ in range(2))
    assert first.verdicts["two::floor[ov.agreement]"] == first.verdicts["two::floor[ov.sqnr_db]"] == "pass"
    assert first.report is not None
    assert again.report is not None
    assert not any(first.report["models"]["two"]["timing"]["cached"].values())
    assert all(again.report["models"]["two"]["timing"]["cached"].values())
    features, ids = tiny_arrays.samples(1, seed=5)[0]
    np.savez(folder / "inputs" / "000.npz", features=features, ids=ids)
    changed = run_quant(pytester, cached=True)
    assert changed.report is not None
    assert not all(changed.report["models"]["two"]["timing"]["cached"].values())


def test_npy_files_go_to_the_only_input(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    (folder / "inputs").mkdir()
    for index, (features, _) in enumerate(tiny_arrays.samples(COUNT)):
        np.save(folder / "inputs" / f"{index:03d}.npy", np.clip(features, -1, 1).astype(np.float16))
    models = {}
    for name, inputs in (("short", "data"), ("named", {"data": None})):
        made = tiny.model_entry(folder, name, task="outputs", dataset="inputs", input=None, tolerance=None)
        models[name] = {**made, "inputs": inputs, "floor": {"agreement": 80.0, "sqnr_db": 20}}
    fp32 = {"onnxruntime": tiny_onnx.write_onnx(folder, shape=(1, 3, "h", "w"))}
    int8 = {**models["short"]["int8"], "inputs": {"data": "x"}, "output": "prob"}
    own = {"fp32": fp32, "int8": int8, "inputs": {"image": "x"}, "output": "probabilities"}
    models["onnx"] = {**models["short"], **own}
    tiny_arrays.write_zoo(folder, models)
    run = run_quant(pytester)
    assert {verdict for name, verdict in run.verdicts.items() if "floor" in name} == {"pass"}
    values = [run.cases[f"{name}::floor[sqnr_db]"]["value"] for name in models]
    assert values == pytest.approx([values[0]] * 3, abs=1e-3)


def test_two_inputs_are_converted_from_onnx_and_calibrated(pytester: pytest.Pytester, folder: Path) -> None:
    if find_spec("pnnx") is None:
        pytest.skip("needs pnnx: pip install --no-deps pnnx")
    tiny_arrays.write_samples(folder / "calibration", 40, seed=1)
    onnx = tiny_onnx.write_features_and_ids(folder)
    made: dict[str, Any] = {"fp32": {"onnx": onnx}, "int8": {"calibrate": {"arrays": "calibration"}}}
    made["floor"] = {"agreement": 60.0, "sqnr_db": 20}
    own = {"in0": "features", "in1": "ids"}
    model = tiny_arrays.model_entry(folder, **made, inputs=own)
    model["nets"] = {"before": {"onnxruntime": onnx, "inputs": NAMES, "floor": {"sqnr_db": 60}}}
    named = tiny_arrays.model_entry(folder, **made, inputs=NAMES)
    tiny_arrays.write_zoo(folder, {"two": model, "named": named})
    run = run_quant(pytester)
    assert run.verdicts == {
        **{f"two::{name}": "pass" for name in ("floor[agreement]", "floor[sqnr_db]", "int8", "table")},
        "two::floor[before.sqnr_db]": "pass",
        "named::config": "error",
    }
    reason = run.cases["named::config"]["reason"]
    assert "inputs: found features, token_ids, expected in0, in1: pnnx calls the inputs of" in reason


def test_litert_takes_several_inputs_channels_last_and_integers_with_a_scale(
    pytester: pytest.Pytester, folder: Path
) -> None:
    """The files have channels first; a net with `layout: nhwc` gets them behind."""
    needs("litert")
    tiny_litert.write_features_and_ids(folder)
    tiny_litert.write_features_and_ids(folder, "two-int8.tflite", int8=True)
    last = {"layout": "nhwc"}
    names = {"features": "features", "token_ids": "ids"}
    model = tiny_arrays.model_entry(folder)
    model["nets"] = {
        "litert_fp32": {"litert": {"file": "two.tflite", **last}, "inputs": names, "floor": {"sqnr_db": 80}},
        "litert_int8": {"litert": {"file": "two-int8.tflite", **last}, "inputs": names, "floor": {"sqnr_db": 25}},
    }
    alone = {**model, "inputs": names, "output": "scores"}
    alone["fp32"] = {"litert": {"file": "two.tflite", **last}}
    alone["int8"] = {"litert": {"file": "two-int8.tflite", **last}}
    alone["nets"] = {}
    tiny_arrays.write_zoo(folder, {"two": model, "alone": alone})
    runs = [run_quant(pytester, "--quant-report", "report.md", *args) for args in ((), ("-n", "2"))]
    for run in runs:
        assert {name: verdict for name, verdict in run.verdicts.items() if verdict != "pass"} == {}
        assert {"two::floor[litert_fp32.sqnr_db]", "two::floor[litert_int8.sqnr_db]"} <= set(run.verdicts)
        assert run.cases["alone::int8"]["reason"] == "quantized layers: CONV_2D 1 of 1 (full integer); float: scores"
    assert without_volatile(runs[0].report or {}) == without_volatile(runs[1].report or {})
    assert "| alone | inputs | sqnr_db | - |" in (folder / "report.md").read_text()
    del model["nets"]["litert_fp32"]["litert"]["layout"]
    tiny_arrays.write_zoo(folder, {"two": model})
    reason = run_quant(pytester, "-k", "litert_fp32").cases["two::floor[litert_fp32.sqnr_db]"]["reason"]
    assert "found an array of shape (3, 4, 4), expected that of features (float32 1 x 4 x 4 x 3)" in reason


def test_files_with_channels_last_go_as_they_are(pytester: pytest.Pytester) -> None:
    needs("litert", "openvino")
    folder = pytester.path
    (folder / "inputs").mkdir()
    for index, (features, _) in enumerate(tiny_arrays.samples(COUNT)):
        image = np.clip(np.kron(features, np.ones((1, 2, 2))), -1, 1).astype(np.float32)
        np.savez(folder / "inputs" / f"{index:03d}.npz", last=image.transpose(1, 2, 0), first=image)
    tiny_litert.write_tflite(folder, "tiny.tflite")
    tiny_litert.write_tflite(folder, "tiny-int8.tflite", form="int8")
    tiny_openvino.write_ir(folder, "tiny.xml", int8=True)
    tiny_openvino.write_ir(folder, "last.xml", int8=True, nhwc=True)
    tiny_openvino.write_ir(folder, "float.xml", nhwc=True)
    model = {
        "task": "outputs",
        "dataset": "inputs",
        "fp32": {"litert": "tiny.tflite"},
        "int8": {"litert": "tiny-int8.tflite"},
        "inputs": {"image": "last"},
        "output": "probabilities",
        "floor": {"sqnr_db": 25},
        "nets": {"ov": {"openvino": "last.xml", "output": "prob", "floor": {"sqnr_db": 25}}},
    }
    first = {**model, "inputs": {"image": "first"}, "fp32": {"openvino": {"file": "float.xml", "layout": "nhwc"}}}
    first |= {"int8": {"openvino": "tiny.xml"}, "output": "prob", "nets": {}}
    tiny_arrays.write_zoo(folder, {"last": model, "first": first})
    run = run_quant(pytester, "-k", "floor")
    assert run.verdicts == dict.fromkeys(
        ("last::floor[sqnr_db]", "last::floor[ov.sqnr_db]", "first::floor[sqnr_db]"), "pass"
    )
