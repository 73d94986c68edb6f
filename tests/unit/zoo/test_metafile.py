"""Metafiles in the forms that OpenMMLab's repositories write."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.extending.known import get_task
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.number import PrintedFloat
from pytest_quant.zoo.metafile import MetafileModel, Metafiles, PublishedNumber, published_numbers

CLASSIFIERS = """\
Collections:
  - Name: ResNet
    Metadata: {Training Data: ImageNet-1k}
Models:
  - Name: resnet18_8xb16_cifar10
    In Collection: ResNet
    Alias: [r18, r18-cifar]
    Config: configs/resnet/resnet18_8xb16_cifar10.py
    Results:
      - Dataset: CIFAR-10
        Metrics: {Top 1 Accuracy: 94.82}
        Task: Image Classification
      - Dataset: ImageNet-1k
        Metrics:
          Top 1 Accuracy: 69.90
          Top 5 Accuracy: 89.43
        Task: Image Classification
  - Name: pretrained
    Config: configs/resnet/pretrained.py
    Alias: r18p
    Results: null
"""

OTHERS = """\
Models:
- Name: panet_r18_icdar2015
  Alias: PANet_IC15
  Results:
    Task: Text Detection
    Dataset: ICDAR2015
    Metrics: {hmean-iou: 0.7950}
- Name: hourglass
  Results:
  - Dataset: COCO
    Metrics: {AP: 0.726, AP@0.5: 0.896, AR: 0.780, box AP: 56.4}
    Task: Body 2D Keypoint
- Name: percent
  Results: [{Task: Text Detection, Dataset: CTW1500, Metrics: {hmean-iou: 81.70, precision: 80}}]
- Name: segmentor
  Results: {Task: Semantic Segmentation, Dataset: COCO, Metrics: {mIoU: 72.25, mIoU(ms+flip): 73.36}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a model-index and two metafiles."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("resnet", CLASSIFIERS), ("other", OTHERS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metafile.yml").write_text(text)
    (tmp_path / "model-index.yml").write_text(
        "Import:\n  - resnet/metafile.yml\n  - other/metafile.yml\n  - gone.yml\n"
    )
    return tmp_path


def find(root: Path, name: str, file: str = "model-index.yml") -> MetafileModel:
    return Metafiles().model(root / file, name)


def numbers(model: MetafileModel, task: str, dataset_type: str, dataset: str | None = None) -> dict[str, float]:
    found = published_numbers(model, get_task(task).metrics, dataset_type=dataset_type, dataset=dataset)
    return {number.metric: number.value for number in found}


@pytest.mark.parametrize("name", ["resnet18_8xb16_cifar10", "r18", "configs/resnet/resnet18_8xb16_cifar10.py"])
@pytest.mark.parametrize("file", ["model-index.yml", "resnet/metafile.yml"])
def test_a_model_by_name_alias_or_config(root: Path, name: str, file: str) -> None:
    model = find(root, name, file)
    assert (model.name, model.where) == ("resnet18_8xb16_cifar10", "resnet/metafile.yml:5")


def test_the_numbers_of_one_dataset(root: Path) -> None:
    model = find(root, "r18")
    assert numbers(model, "classification", "cifar10") == {"top1": 94.82}
    assert numbers(model, "classification", "imagenet") == {"top1": 69.9, "top5": 89.43}
    assert numbers(model, "classification", "image-list", "CIFAR10") == {"top1": 94.82}
    assert numbers(model, "classification", "cifar10", "imagenet-1k")["top1"] == 69.9, "the named dataset wins"


def test_where_a_number_stands_and_its_printed_digits(root: Path) -> None:
    metrics = get_task("classification").metrics
    (top1, _) = published_numbers(find(root, "r18"), metrics, dataset_type="imagenet", dataset=None)
    assert top1 == PublishedNumber(
        "top1", 69.9, "resnet/metafile.yml:15: Top 1 Accuracy of resnet18_8xb16_cifar10 on ImageNet-1k"
    )
    assert isinstance(top1.value, PrintedFloat)
    assert top1.value.text == "69.90"


def test_results_that_are_one_mapping_and_names_of_the_other_tasks(root: Path) -> None:
    assert numbers(find(root, "PANet_IC15"), "text-detection", "icdar2015") == {"hmean": 0.795}
    assert numbers(find(root, "hourglass"), "keypoints", "coco-keypoints") == {"AP": 0.726, "AP50": 0.896, "AR": 0.78}


def test_a_fraction_that_is_printed_in_percent(root: Path) -> None:
    model = find(root, "percent")
    (number,) = published_numbers(model, get_task("text-detection").metrics, dataset_type="ctw1500", dataset=None)
    assert number.value == 0.817
    assert isinstance(number.value, PrintedFloat)
    assert number.value.text == "0.8170"
    assert number.source == "other/metafile.yml:14: hmean-iou of percent on CTW1500, printed in percent"


def test_a_percentage_that_is_printed_as_a_fraction(root: Path) -> None:
    path = root / "resnet" / "metafile.yml"
    path.write_text(CLASSIFIERS.replace("94.82", "0.9482"))
    assert numbers(find(root, "r18"), "classification", "cifar10") == {"top1": 94.82}


@pytest.mark.parametrize(
    ("name", "task", "dataset_type", "says"),
    [
        (
            "r18",
            "classification",
            "imagenet-v2",
            "results on CIFAR-10, ImageNet-1k; a dataset of type imagenet-v2 does",
        ),
        ("PANet_IC15", "text-detection", "ctw1500", "has no results on ctw1500; it has: ICDAR2015"),
        ("r18p", "classification", "imagenet", "pretrained has no results: found nothing, expected a list"),
        (
            "segmentor",
            "keypoints",
            "coco-keypoints",
            "has no metric of this task on coco-keypoints; it has mIoU, mIoU(ms",
        ),
    ],
)
def test_a_model_without_a_number_for_the_case(root: Path, name: str, task: str, dataset_type: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        numbers(find(root, name), task, dataset_type)
    assert says in str(caught.value)


def test_numbers_that_contradict_each_other(root: Path) -> None:
    path = root / "resnet" / "metafile.yml"
    path.write_text(CLASSIFIERS.replace("Dataset: CIFAR-10", "Dataset: ImageNet 1k"))
    with pytest.raises(
        ConfigError, match=r"metafile\.yml:11: Top 1 .* and resnet/metafile\.yml:15: Top 1 .* differ: 94"
    ):
        numbers(find(root, "r18"), "classification", "imagenet")


@pytest.mark.parametrize("value", ["", "'-'", "N/A", "''"])
def test_an_empty_number_leaves_the_others(root: Path, value: str) -> None:
    path = root / "resnet" / "metafile.yml"
    path.write_text(CLASSIFIERS.replace("69.90", value))
    assert numbers(find(root, "r18"), "classification", "imagenet") == {"top5": 89.43}
    path.write_text(CLASSIFIERS.replace("94.82", value))
    with pytest.raises(ConfigError, match=r"no metric of this task on cifar10; it has Top 1 Accuracy \(empty\)"):
        numbers(find(root, "r18"), "classification", "cifar10")


@pytest.mark.parametrize("value", ["72.25 (ss)", "true", "[1]"])
def test_a_metric_that_is_no_number(root: Path, value: str) -> None:
    path = root / "resnet" / "metafile.yml"
    path.write_text(CLASSIFIERS.replace("94.82", value))
    with pytest.raises(
        ConfigError, match=r"^resnet/metafile\.yml:11: Top 1 Accuracy of resnet18.*: found .*, expected a n"
    ):
        numbers(find(root, "r18"), "classification", "cifar10")


def test_a_model_that_is_absent(root: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find(root, "resnet18_8xb32_cifar10")
    assert str(caught.value) == (
        "model-index.yml has no model called resnet18_8xb32_cifar10, looked for among Name, Alias and Config of its 2 "
        "metafile(s). Did you mean `resnet18_8xb16_cifar10`? Not read: gone.yml does not exist"
    )


def test_a_model_that_is_named_twice(root: Path) -> None:
    (root / "other" / "metafile.yml").write_text(OTHERS.replace("PANet_IC15", "r18"))
    with pytest.raises(ConfigError) as caught:
        find(root, "r18")
    assert str(caught.value) == (
        "model-index.yml has 2 models called r18, expected one: resnet/metafile.yml:5, other/metafile.yml:2"
    )
    (root / "other" / "metafile.yml").write_text(OTHERS.replace("PANet_IC15", "hourglass"))
    assert find(root, "hourglass").where == "other/metafile.yml:8", "a Name beats an Alias"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Models: 3\n", "is not a metafile: found no list `Models` in it"),
        ("- r18\n  bad: [", "is not valid YAML"),
        ("r18\n", "is not a metafile"),
        ("", "^resnet/metafile.yml is not a metafile: found no list `Models` in it$"),
        ("[]\n", "is not a metafile"),
        ("- net\n- 3\n", "is not a metafile"),
        ("Collections: []\n", "is not a metafile"),
        ("Import: [../resnet/metafile.yml]\n", "^resnet/metafile.yml is not a metafile: it imports itself$"),
    ],
)
def test_a_file_that_is_no_metafile(root: Path, text: str, says: str) -> None:
    for comment in ("", "# r18\n"):
        (root / "resnet" / "metafile.yml").write_text(text + comment)
        with pytest.raises(ConfigError, match=says):
            find(root, "r18", "resnet/metafile.yml")


def test_a_metafile_that_is_not_there(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.yml: cannot be read: No such file"):
        find(root, "r18", "nowhere.yml")


def test_files_of_an_index_that_are_not_there(root: Path) -> None:
    assert Metafiles().unread(root / "model-index.yml") == ["gone.yml does not exist"]
    assert Metafiles().unread(root / "resnet" / "metafile.yml") == []


TWICE = """\
Models:
- {Name: twice, Config: configs/a.py}
- {Name: twice, Config: configs/b.py, Alias: b}
- {Name: thrice, Config: configs/c.py, Alias: one}
- {Name: thrice, Config: configs/c.py, Alias: [thrice, two]}
- {Name: thrice, Config: configs/c.py}
- {Name: once, Config: configs/c.py}
- {Name: 2015}
"""


def test_what_tells_a_model_apart(root: Path) -> None:
    path = root / "resnet" / "metafile.yml"
    path.write_text(TWICE)
    metafiles = Metafiles()
    found = [metafiles.called(model) for model in metafiles.models(path)]
    assert found == ["configs/a.py", "configs/b.py", "one", "two", None, "once", None]
    assert all(metafiles.model(path, name).keys[-1] == index for index, name in enumerate(found) if name is not None)


def test_the_config_of_a_model(root: Path) -> None:
    assert find(root, "r18").config is None
    path = root / "configs" / "resnet" / "resnet18_8xb16_cifar10.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert find(root, "r18").config == path, "relative to the root of the repository, which lies above the metafile"
