from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_quant.datasets.cifar10 import Cifar10Options
from pytest_quant.datasets.image_list import ImageListOptions
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.int8 import Quantized
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.require import Requirement
from pytest_quant.judging.limits.sanity import Sane
from pytest_quant.judging.limits.table import SoundTable
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.spec.errors import ZooError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.spec.text import shown
from pytest_quant.zoo.reader import BrokenModel, Zoo, read_zoo
from tests import tiny
from tests.unit.metrics import METRICS

TOP1 = METRICS["top1"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def only_model(zoo: Zoo) -> ModelSpec:
    (model,) = zoo.models
    assert isinstance(model, ModelSpec), model.message
    return model


def only_message(zoo: Zoo) -> str:
    (model,) = zoo.models
    assert isinstance(model, BrokenModel)
    return model.message


def test_a_full_entry(folder: Path) -> None:
    (folder / "tiny.table").write_text("conv_param_0 1\nconv 1\n")
    entry = tiny.model_entry(
        folder,
        floor={"top1": 70},
        published={"int8": {"top1": {"value": 78.25, "samples": 4000}}, "fp32": {"top1": 79.0}},
        require={"runtime": "deploy"},
        samples=100,
        runtime="deploy",
        xfail={"top1": "issue 7", "published[int8.top1]": "issue 8"},
        preprocess={"resize": {"short_side": 9}, "crop": 8, "backend": "opencv"},
        metric={"top1": {"profile": "mmpretrain"}},
    )
    entry["int8"]["table"] = "tiny.table"
    entry["input"] |= {"color": "bgr", "scale": 0.5}
    path = tiny.write_zoo(folder, {"tiny": entry})

    model = only_model(read_zoo(path))

    assert (model.name, model.zoo, model.task) == ("tiny", path, "classification")
    assert ncnn_files(model, "fp32") == NcnnFiles(param=folder / "tiny.param", bin=folder / "tiny.bin")
    assert ncnn_files(model, "int8") == NcnnFiles(
        param=folder / "tiny-int8.param", bin=folder / "tiny-int8.bin", table=folder / "tiny.table"
    )
    assert model.input == InputSpec("data", (8, 8), "bgr", (127.5,) * 3, (127.5,) * 3, 0.5)
    assert model.outputs == ("prob",)
    assert (model.samples, model.runtime) == (100, "deploy")
    assert model.xfail == {"top1": "issue 7", "published[int8.top1]": "issue 8"}
    assert (model.preprocess.crop, model.preprocess.backend) == ((8, 8), "opencv")
    assert model.metric_options["top1"].profile == "mmpretrain"
    assert model.metric_options["top5"].profile == "rank"
    rules = {limit.name: limit for limit in model.limits}
    published = rules.pop("published[int8.top1]"), rules.pop("published[fp32.top1]")
    assert all(isinstance(rule, Published) for rule in published)
    assert rules == {
        "top1": Tolerance(TOP1, 5.0),
        "floor[top1]": Floor(TOP1, 70.0),
        "require[runtime]": Requirement("runtime", "deploy"),
        "sanity": Sane(),
        "int8": Quantized(),
        "table": SoundTable(),
    }


def test_what_an_entry_leaves_out(folder: Path) -> None:
    entry = tiny.model_entry(folder, input={"blob": "data"}, output=["prob"])
    model = only_model(read_zoo(tiny.write_zoo(folder, {"tiny": entry})))
    assert model.input == InputSpec("data", None, "rgb", (0.0,) * 3, (1.0,) * 3, 1.0)
    assert model.outputs == ("prob",)
    assert model.limits == (Tolerance(TOP1, 5.0), Sane(), Quantized())
    assert (ncnn_files(model, "int8").table, model.samples, model.runtime, model.xfail) == (None, None, "reference", {})


def test_gray_input_has_one_channel(folder: Path) -> None:
    entry = tiny.model_entry(folder)
    entry["fp32"] = tiny.write_net(folder, "gray", channels=1)
    entry["int8"] = tiny.write_net(folder, "gray-int8", int8=True, channels=1)
    entry["input"] = {"blob": "data", "size": [8, 8], "color": "gray"}
    model = only_model(read_zoo(tiny.write_zoo(folder, {"tiny": entry})))
    assert (model.input.channels, model.input.mean, model.input.std) == (1, (0.0,), (1.0,))


def test_paths_may_use_variables_and_be_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETS", "nets")
    monkeypatch.delenv("DATA", raising=False)
    (folder / "zoos" / "nets").mkdir(parents=True)
    entry = tiny.model_entry(folder)
    for name in ("tiny.param", "tiny.bin"):
        (folder / name).rename(folder / "zoos" / "nets" / name)
    entry["fp32"] = {"param": "${NETS}/tiny.param", "bin": "${MISSING:-nets}/tiny.bin"}
    entry["int8"] = {"param": str(folder / "tiny-int8.param"), "bin": "../tiny-int8.bin"}
    datasets = {"colours": {"type": "image-list", "root": "${DATA:-..}", "list": "${DATA:-list}.txt"}}
    path = tiny.write_zoo(folder, {"tiny": entry}, datasets=datasets)
    path = path.rename(folder / "zoos" / path.name)
    model = only_model(read_zoo(path))
    assert ncnn_files(model, "fp32").param == folder / "zoos" / "nets" / "tiny.param"
    assert ncnn_files(model, "int8").bin == folder / "tiny-int8.bin"
    assert model.dataset.options == ImageListOptions(root=folder, list="list.txt")


def test_an_unset_variable_in_a_dataset_path_is_a_missing_dataset(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    datasets = {"colours": {"type": "cifar10", "root": "${CIFAR10_ROOT}/x"}}
    path = tiny.write_zoo(folder, datasets=datasets)
    dataset = only_model(read_zoo(path)).dataset
    assert dataset.options is None
    assert dataset.missing == (
        "zoo.quant.yaml:5: datasets.colours.root: the environment variable CIFAR10_ROOT is not set: "
        "set it to the folder of the dataset `colours`"
    )
    monkeypatch.setenv("CIFAR10_ROOT", "/data")
    dataset = only_model(read_zoo(path)).dataset
    assert (dataset.missing, dataset.options) == (None, Cifar10Options(root=Path("/data/x"), split="test"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("1%", Tolerance(TOP1, 0.01, relative=True)), (1, Tolerance(TOP1, 1.0)), (0, Tolerance(TOP1, 0.0))],
)
def test_tolerances_of_a_model_and_of_the_defaults(folder: Path, raw: Any, expected: Tolerance) -> None:
    own = tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": raw})})
    assert only_model(read_zoo(own)).limits[0] == expected
    entry = tiny.model_entry(folder, tolerance=None)
    default = tiny.write_zoo(folder, {"tiny": entry}, defaults={"tolerance": {"top1": raw, "AP": 0.01}})
    zoo = read_zoo(default)
    assert zoo.problems == ()
    assert [limit for limit in only_model(zoo).limits if limit.metric is not None] == [expected]


def test_the_share_that_is_a_unit_mistake_can_be_set(folder: Path) -> None:
    path = tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": 20})})
    assert "probably a unit mistake" in only_message(read_zoo(path))
    assert only_model(read_zoo(path, max_tolerance_pct=50)).limits[0] == Tolerance(TOP1, 20.0)


def test_one_broken_model_leaves_the_others_usable(folder: Path) -> None:
    sound, broken = tiny.model_entry(folder), tiny.model_entry(folder, dataset="nowhere")
    zoo = read_zoo(tiny.write_zoo(folder, {"a": sound, "b": broken, "c": sound, "d": None, "e": [sound]}))
    assert [(model.name, isinstance(model, ModelSpec)) for model in zoo.models] == [
        ("a", True),
        ("b", False),
        ("c", True),
        ("d", False),
        ("e", False),
    ]
    messages = [model.message for model in zoo.models if isinstance(model, BrokenModel)]
    assert messages[1].endswith(": models.d: found nothing, expected the keys of a model")
    assert messages[2].partition("models.e: ")[2].startswith("found [{'task': 'classification', ")


def test_every_broken_dataset_is_told_and_used_by_nobody(folder: Path) -> None:
    datasets = {"colours": {"type": "colours"}, "b": {"type": "cifar10"}, "c": None, 2015: {"type": "cifar10"}}
    zoo = read_zoo(tiny.write_zoo(folder, datasets=datasets))
    assert [problem.partition(": ")[2].partition(": ")[0] for problem in zoo.problems] == [
        "datasets.colours.type",
        "datasets.b.root",
        "datasets.c",
        "datasets.2015",
    ]
    assert zoo.problems[3].endswith("found the name 2015 (int), expected text: put it in quotes")
    assert only_message(zoo).endswith(f"the dataset `colours` is broken: {zoo.problems[0]}")


def test_a_dataset_at_a_url(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET", "memory://bucket")
    datasets = {"colours": {"type": "image-list", "root": "${BUCKET}/a", "list": "l"}}
    found = read_zoo(tiny.write_zoo(folder, datasets=datasets)).datasets["colours"]
    assert found is not None
    assert shown(found.options.root) == "memory://bucket/a"
    monkeypatch.setenv("BUCKET", "nobody://bucket")
    (problem,) = read_zoo(folder / "zoo.quant.yaml").problems
    assert "datasets.colours.root: 'nobody://bucket/a': fsspec cannot open nobody:// URLs here" in problem
    monkeypatch.setitem(sys.modules, "fsspec", None)
    (problem,) = read_zoo(folder / "zoo.quant.yaml").problems
    assert "is a URL, which fsspec opens: pip install 'pytest-quant[dask]' or fsspec" in problem


def test_a_dataset_of_a_type_that_the_task_does_not_take(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_quant.tasks.classification.task import TASK

    monkeypatch.setattr(type(TASK), "dataset_types", frozenset({"imagenet", "cifar10"}))
    message = only_message(read_zoo(tiny.write_zoo(folder)))
    assert message.endswith(
        "models.tiny.dataset: the dataset `colours` is of type image-list, the task classification takes cifar10, "
        "imagenet, images"
    )


@pytest.mark.parametrize("section", ["defaults", "datasets"])
def test_optional_sections_may_be_absent(folder: Path, section: str) -> None:
    path = tiny.write_zoo(folder)
    content = yaml.safe_load(path.read_text())
    content.pop(section, None)
    path.write_text(yaml.safe_dump(content))
    zoo = read_zoo(path)
    if section == "datasets":
        assert only_message(zoo).endswith("found 'colours', which `datasets` does not declare. Declared: none")
    else:
        assert only_model(zoo).name == "tiny"


def test_a_file_that_is_no_zoo(folder: Path) -> None:
    path = folder / "zoo.quant.yaml"
    path.write_text("version: 3\nmodel: {}\n")
    with pytest.raises(ZooError) as caught:
        read_zoo(path)
    assert str(caught.value).splitlines() == [
        "zoo.quant.yaml:1: version: found 3 (int), expected 1",
        "zoo.quant.yaml:1: models: is missing: this key is required",
        "zoo.quant.yaml:2: model: unknown key. Did you mean `models`? Known keys: version, defaults, datasets, models",
    ]
