"""Every profile of every task goes through a whole run, to the terminal and to each form of report.

What a profile leaves open, such as a score threshold that is none, must not surprise a writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pytest_quant.tasks.classification.options import AccuracyOptions
from pytest_quant.tasks.keypoints.options import APOptions
from pytest_quant.tasks.keypoints.options import PostprocessOptions as PoseOptions
from pytest_quant.tasks.object_detection.nms import Nms
from pytest_quant.tasks.object_detection.parameters import PROFILES, ClassesPerBox
from pytest_quant.tasks.semantic_segmentation.options import IouOptions
from pytest_quant.tasks.text_detection.options import HmeanOptions
from pytest_quant.tasks.text_detection.parameters import DB_PROFILES, PAN_PROFILES, TEXTSNAKE_PROFILES
from tests import tiny, tiny_detector, tiny_heads
from tests.integration import test_object_detection as detection
from tests.integration import test_recognition as recognition
from tests.integration import test_segmentation as segmentation
from tests.integration.runs import ZOO, Run, run_quant
from tests.integration.test_other_tasks import pose_zoo, text_zoo

FIXTURES = Path(__file__).parents[2] / "fixtures"
Entry = dict[str, Any]


def literals(options: Any, key: str) -> tuple[str, ...]:
    """The values that a key can have."""
    return get_args(options.model_fields[key].annotation)


def run_all(pytester: pytest.Pytester, models: Mapping[str, Entry], metric: str, *verdicts: str) -> Run:
    """A run of models that differ in an option: each is decided, and stands in every form of report."""
    zoo = yaml.safe_load((pytester.path / ZOO).read_text())
    (pytester.path / ZOO).write_text(yaml.safe_dump({**zoo, "models": dict(models)}, sort_keys=False))
    run = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    assert "Traceback" not in run.text
    cases = {name: run.cases[f"{name}::{metric}"] for name in models}
    wanted = verdicts or ("pass",)
    others = {name: case["reason"] for name, case in cases.items() if case["verdict"] not in wanted}
    assert not others
    markdown, page = ((pytester.path / f"report.{suffix}").read_text() for suffix in ("md", "html"))
    for name in models:
        assert any(line.startswith(f"{name} ") for line in run.text.splitlines()), name
        assert f"| {name} | " in markdown
        assert name in page
    assert run.report is not None
    assert set(run.report["models"]) == set(models)
    return run


def entry_of(pytester: pytest.Pytester) -> Entry:
    """The one model of the zoo that has been written."""
    (entry,) = yaml.safe_load((pytester.path / ZOO).read_text())["models"].values()
    found: Entry = entry
    return found


def conditions(run: Run, key: str) -> dict[str, Any]:
    """A condition of each model, as the report has it."""
    assert run.report is not None
    return {name: model["conditions"][key] for name, model in run.report["models"].items()}


@pytest.mark.parametrize("scale", [tiny.GOOD_SCALE, 12700.0], ids=["good", "finds-nothing"])
def test_hmean(pytester: pytest.Pytester, scale: float) -> None:
    text_zoo(pytester.path, scale, floor={"agreement": 0.5})
    entry = entry_of(pytester)
    options: list[Entry] = [{}]
    options += [{"profile": name} for name in literals(HmeanOptions, "profile")]
    options += [one | {"score_threshold": 0.5} for one in options[1:]]
    options += [{"match": name} for name in literals(HmeanOptions, "match")]
    models = {f"m{place}": entry | {"metric": {"hmean": one}} for place, one in enumerate(options)}
    verdict = "pass" if scale == tiny.GOOD_SCALE else "fail"
    run = run_all(pytester, models, "hmean", verdict)
    assert {run.verdicts[f"{name}::floor[agreement]"] for name in models} == {verdict}
    assert set(conditions(run, "hmean_profile").values()) == set(literals(HmeanOptions, "profile"))
    assert "every text region counts, whatever its score" in run.text


def test_decoders_of_text_detection(pytester: pytest.Pytester) -> None:
    """DB on a net of one convolution, PAN and TextSnake on the trained miniatures."""
    text_zoo(pytester.path, tiny.GOOD_SCALE)
    zoo = yaml.safe_load((pytester.path / ZOO).read_text())
    models = {
        f"db-{profile}{'-' + box if box else ''}": zoo["models"]["bars"]
        | {"postprocess": {"decoder": "db", "profile": profile, "unclip_ratio": 0.1} | ({"box": box} if box else {})}
        for profile in DB_PROFILES
        for box in (None, "quad", "poly")
        if (profile, box) != ("original", "poly")
    }
    trained = yaml.safe_load((FIXTURES / "zoo.quant.yaml").read_text())
    for decoder, name, profiles in (("pan", "panet", PAN_PROFILES), ("textsnake", "textsnake", TEXTSNAKE_PROFILES)):
        entry = trained["models"][name]
        keys = ("task", "dataset", "fp32", "int8", "input", "output", "preprocess")
        entry = {key: entry[key] for key in keys if key in entry}
        for net in ("fp32", "int8"):
            entry[net] = {key: str(FIXTURES / path) for key, path in entry[net].items() if key != "table"}
        zoo["datasets"][entry["dataset"]] = {
            key: value if key == "type" else str(FIXTURES / value)
            for key, value in trained["datasets"][entry["dataset"]].items()
        }
        entry |= {"samples": 4, "floor": {"hmean": 0.01}}
        models |= {
            f"{decoder}-{one}": entry | {"postprocess": {"decoder": decoder, "profile": one}} for one in profiles
        }
    (pytester.path / ZOO).write_text(yaml.safe_dump(zoo))
    run = run_all(pytester, {name: one for name, one in models.items() if name.startswith("db")}, "hmean")
    assert run.report is not None
    told = [model["conditions"].values() for model in run.report["models"].values()]
    assert all(any(profile in values for values in told) for profile in DB_PROFILES)
    scored = run_all(
        pytester,
        {name: one for name, one in models.items() if not name.startswith("db")},
        "floor[hmean]",
        "pass",
        "inconclusive",  # four images prove little
    )
    assert all(model["metrics"]["hmean"]["fp32"] > 0.3 for model in (scored.report or {})["models"].values())


def test_top1(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 40)
    tiny.write_zoo(pytester.path)
    entry, profiles = entry_of(pytester), literals(AccuracyOptions, "profile")
    models = {profile: entry | {"metric": {"top1": {"profile": profile}}} for profile in profiles}
    run = run_all(pytester, models, "top1")
    assert conditions(run, "top1_profile") == {profile: profile for profile in profiles}


def test_keypoints(pytester: pytest.Pytester) -> None:
    pose_zoo(pytester.path, "boxes.json")
    entry = entry_of(pytester)
    entry.pop("require")
    metrics: list[Entry] = [{key: one} for key in ("nms", "score") for one in literals(APOptions, key)]
    metrics += [{"bbox_in_results": False}, {"nms": "soft", "nms_threshold": 0.5}, {"keypoint_threshold": 0.0}]
    models = {f"AP{place}": entry | {"metric": {"AP": one}} for place, one in enumerate(metrics)}
    decoders: list[Entry] = [{"profile": one} for one in literals(PoseOptions, "profile")]
    decoders += [{"refine": one} for one in ("shift", "dark", "none")]
    decoders += [{"flip_test": True}, {"flip_test": True, "flip_shift": False}, {"heatmap_size": [32, 32]}]
    models |= {f"decoder{place}": entry | {"postprocess": one} for place, one in enumerate(decoders)}
    models |= {"udp": entry | {"preprocess": {"udp": True}, "postprocess": {"refine": "udp"}}}
    run_all(pytester, models, "AP")


def test_void_of_a_segmenter(pytester: pytest.Pytester) -> None:
    segmentation.write_zoo(pytester.path)
    entry, kinds = entry_of(pytester), literals(IouOptions, "void")
    models = {kind: entry | {"metric": {"mIoU": {"void": kind}}} for kind in kinds}
    resized = [{"resize": one} for one in ("logits", "labels", "none")] + [{"align_corners": True}]
    models |= {f"resize{place}": entry | {"postprocess": one} for place, one in enumerate(resized)}
    run = run_all(pytester, models, "mIoU")
    assert {kind: conditions(run, "void")[kind] for kind in kinds} == {kind: kind for kind in kinds}
    assert run.metric("ignored", "mIoU")["fp32"] > run.metric("false-positive", "mIoU")["fp32"]


def test_decoders_of_objects(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    models = {
        kind: tiny_detector.model_entry(folder, f"{kind}-stand-in", **tiny_heads.heads_entry(folder, kind))
        for kind in tiny_heads.HEADS
    }
    models["yolox"] = tiny_detector.model_entry(folder, "yolox")
    rows: Entry = {"fp32": tiny_detector.write_rows_net(folder, "rows")}
    rows["int8"] = tiny_detector.write_rows_net(folder, "rows-int8", int8=True)
    models["ncnn"] = tiny_detector.model_entry(folder, "ncnn", postprocess={"decoder": "detection-output"}, **rows)
    assert set(models) >= {profile for profiles in PROFILES.values() for profile in profiles}, "every profile"
    detection.write_zoo(folder, models)
    run = run_all(pytester, models, "mAP")
    found = {name: run.metric(name, "mAP")["fp32"] for name in models}
    assert all(value > 0.2 for value in found.values()), found
    assert set(conditions(run, "decoder").values()) == set(PROFILES)


def test_suppression_of_objects(pytester: pytest.Pytester) -> None:
    entry = tiny_detector.model_entry(pytester.path)
    options: list[Entry] = [{"nms": one} for one in get_args(Nms)]
    options += [{"classes_per_box": one} for one in get_args(ClassesPerBox)]
    options += [{"max_detections": 2}, {"clip": True}]
    resizes: list[Entry] = [{"size": [32, 32]}, {"letterbox": [32, 32], "place": "center"}, {"letterbox": [32, 32]}]
    models = {f"m{n}": entry | {"postprocess": entry["postprocess"] | one} for n, one in enumerate(options)}
    models |= {f"resize{n}": entry | {"preprocess": {"resize": one}} for n, one in enumerate(resizes)}
    detection.write_zoo(pytester.path, models)
    run = run_all(pytester, models, "mAP")
    assert set(get_args(Nms)) <= set(conditions(run, "nms").values())


def test_text_recognition(pytester: pytest.Pytester) -> None:
    recognition.write_zoo(pytester.path)
    entry = entry_of(pytester)
    resizes: list[Entry] = [
        *({"height": 1, "rounding": one} for one in ("ceil", "truncate", "round")),
        *({"height": 1, "interpolation": one} for one in ("linear", "cubic")),
        {"size": [16, 1]},
        {"height": 1, "width_divisor": 4, "min_width": 4},
    ]
    models = {f"resize{place}": entry | {"preprocess": {"resize": one}} for place, one in enumerate(resizes)}
    pads = [{"to": 20, "value": 0.0}, {"to": 20, "value": "edge"}]
    models |= {
        f"pad{place}": entry | {"preprocess": {"resize": {"height": 1, "max_width": 20}, "pad": one}}
        for place, one in enumerate(pads)
    }
    options: list[Entry] = [{}, {"blank": "first"}, {"valid_ratio": True}, {"decoder": "ctc"}]
    models |= {f"ctc{place}": entry | {"postprocess": {"keys": "keys.txt"} | one} for place, one in enumerate(options)}
    run_all(pytester, models, "word_acc")
    last = {"blank-last": entry | {"postprocess": {"keys": "keys.txt", "blank": "last"}}}
    (pytester.path / "one.txt").write_text("a")
    last["with-blank"] = entry | {"postprocess": {"keys": "one.txt", "add_blank_character": True}}
    run = run_all(pytester, last, "word_acc")
    assert conditions(run, "blank") == {"blank-last": "last", "with-blank": "first"}
