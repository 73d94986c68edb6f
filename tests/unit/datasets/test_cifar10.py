from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from pytest_quant.datasets.base import Sample, names_of
from pytest_quant.datasets.cifar10 import Cifar10Options
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.errors import DatasetError, DatasetMissingError

from .specs import cifar_records, dataset_spec


def batch_dict(records: NDArray[np.uint8]) -> dict[str, Any]:
    return {
        "batch_label": "testing batch 1 of 1",
        "labels": records[:, 0].tolist(),
        "data": records[:, 1:].copy(),
        "filenames": [f"image_{index}.png" for index in range(len(records))],
    }


def write_binary(folder: Path, records: NDArray[np.uint8], name: str = "test_batch.bin") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(records.tobytes())


def write_pickled(folder: Path, content: object, name: str = "test_batch", protocol: int = 2) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(content, protocol))


def failure(root: Path, **options: str) -> str:
    with pytest.raises(DatasetError) as caught:
        open_dataset(dataset_spec("cifar10", root, **options))
    return str(caught.value)


def test_binary_records(tmp_path: Path) -> None:
    records = cifar_records(3)
    write_binary(tmp_path / "cifar-10-batches-bin", records)
    dataset = open_dataset(dataset_spec("cifar10", tmp_path))
    assert list(dataset.samples) == [Sample(f"test/{i:05d}", int(records[i, 0]), i) for i in range(3)]
    pixels = dataset.read(dataset.samples[1])
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    # Plane by plane, row by row: the pixel in row 2, column 5.
    assert pixels[2, 5].tolist() == [records[1, 1 + plane * 1024 + 2 * 32 + 5] for plane in range(3)]
    assert dataset.content(dataset.samples[1]) == records[1].tobytes()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_python_version_gives_the_same_samples(tmp_path: Path, protocol: int) -> None:
    records = cifar_records(12)
    write_binary(tmp_path / "one" / "cifar-10-batches-bin", records)
    write_pickled(tmp_path / "two" / "cifar-10-batches-py", batch_dict(records), protocol=protocol)
    binary, pickled = (open_dataset(dataset_spec("cifar10", tmp_path / name)) for name in ("one", "two"))
    assert binary.samples == pickled.samples
    for sample in binary.samples:
        assert binary.content(sample) == pickled.content(sample)
        assert np.array_equal(binary.read(sample), pickled.read(sample))


def test_keys_may_be_bytes_and_arrays_in_column_order(tmp_path: Path) -> None:
    records = cifar_records(4)
    batch = {key.encode(): value for key, value in batch_dict(records).items()}
    write_pickled(tmp_path, batch | {b"data": np.asfortranarray(records[:, 1:])})
    dataset = open_dataset(dataset_spec("cifar10", tmp_path))
    assert [dataset.content(sample) for sample in dataset.samples] == [record.tobytes() for record in records]


def test_the_training_split_is_five_files_in_order(tmp_path: Path) -> None:
    parts = [cifar_records(2, seed) for seed in range(5)]
    for number, part in enumerate(parts, start=1):
        write_binary(tmp_path, part, f"data_batch_{number}.bin")
    dataset = open_dataset(dataset_spec("cifar10", tmp_path, split="train"))
    assert [sample.id for sample in dataset.samples] == [f"train/{index:05d}" for index in range(10)]
    assert [dataset.content(s) for s in dataset.samples] == [record.tobytes() for part in parts for record in part]
    (tmp_path / "data_batch_3.bin").unlink()
    assert "part of the train split is missing" in failure(tmp_path, split="train")
    assert "data_batch_3.bin" in failure(tmp_path, split="train")


def test_a_complete_python_version_serves_beside_an_incomplete_binary_one(tmp_path: Path) -> None:
    write_binary(tmp_path / "cifar-10-batches-bin", cifar_records(1), "data_batch_1.bin")
    for number in range(1, 6):
        write_pickled(tmp_path / "cifar-10-batches-py", batch_dict(cifar_records(1)), f"data_batch_{number}")
    assert len(open_dataset(dataset_spec("cifar10", tmp_path, split="train")).samples) == 5


def test_an_absent_dataset_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetMissingError, match=r"the folder .*nowhere"):
        open_dataset(dataset_spec("cifar10", tmp_path / "nowhere"))
    with pytest.raises(DatasetMissingError, match=r"cifar-10-batches-bin/test_batch\.bin or .*unpack"):
        open_dataset(dataset_spec("cifar10", tmp_path))


def test_a_truncated_binary_file_is_named_with_its_bytes(tmp_path: Path) -> None:
    write_binary(tmp_path, cifar_records(2).reshape(-1)[:-1])
    assert "test_batch.bin has 6145 bytes, that is 1 records of 3073 bytes and 3072 bytes more" in failure(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    write_binary(tmp_path, cifar_records(0))
    assert "test_batch.bin is empty" in failure(tmp_path)


def test_labels_outside_the_ten_classes(tmp_path: Path) -> None:
    records = cifar_records(3)
    records[1:, 0] = 10
    write_binary(tmp_path, records)
    message = failure(tmp_path)
    assert "record 1 (counted from 0) has label 10" in message
    assert "2 of 3" in message


def test_an_enormous_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "test_batch").open("wb") as file:
        file.truncate((1 << 30) + 1)  # sparse
    assert "has 1073741825 bytes; no batch" in failure(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [1]}, "'data' of shape (2, 3072) and 1 labels"),
        ({"labels": [1, 300]}, "holds 300 as a label"),
        ({"labels": [1, -1]}, "holds -1 as a label"),
        ({"labels": [1, True]}, "holds True as a label"),
        ({"labels": [1, [1]]}, "holds a value of type list as a label"),
        ({"labels": [1, 10]}, "has label 10"),
        ({"labels": (1, 2)}, "without the right 'data' and 'labels'"),
        ({"data": np.zeros((2, 3072), np.int8)}, "dtype 'i1' where uint8 is expected"),
        ({"data": np.zeros((2, 3072), np.float32)}, "dtype 'f4'"),
        ({"data": np.zeros((2, 3071), np.uint8)}, "'data' of shape (2, 3071)"),
        ({"data": np.zeros((2, 3, 1024), np.uint8)}, "'data' of shape (2, 3, 1024)"),
        ({"data": np.array([[None]])}, "dtype 'O8'"),
        ({"data": b"raw"}, "without the right 'data' and 'labels'"),
        ({"data": [[1]]}, "without the right 'data' and 'labels'"),
    ],
)
def test_pickles_with_other_content(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    batch = batch_dict(cifar_records(2)) | change
    write_pickled(tmp_path, batch)
    assert message in failure(tmp_path)
    assert "test_batch" in failure(tmp_path)


@pytest.mark.parametrize("content", [[1, 2], "text", 5, {}, {"data": 1}, {3: 4}])
def test_pickles_of_something_else(tmp_path: Path, content: object) -> None:
    write_pickled(tmp_path, content)
    assert "Expected a Python batch of CIFAR-10" in failure(tmp_path)


def test_a_sample_of_another_dataset_is_refused(tmp_path: Path) -> None:
    write_binary(tmp_path, cifar_records(1))
    dataset = open_dataset(dataset_spec("cifar10", tmp_path))
    with pytest.raises(TypeError, match="expected a record's number"):
        dataset.read(Sample("a.png", 0, tmp_path / "a.png"))


@pytest.mark.parametrize("options", [{}, {"root": "/x", "split": "val"}, {"root": "/x", "splits": "test"}])
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Cifar10Options.model_validate(options)


NAMES = [f"class{number}" for number in range(10)]


def names_in(root: Path) -> list[str]:
    return list(names_of(open_dataset(dataset_spec("cifar10", root))) or ())


def test_the_names_of_the_classes_are_those_of_the_files_beside_it(tmp_path: Path) -> None:
    binary, pickled = tmp_path / "one", tmp_path / "two"
    write_binary(binary, cifar_records(3))
    assert names_in(binary)[1] == "automobile"
    (binary / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    write_pickled(pickled, batch_dict(cifar_records(3)))
    write_pickled(pickled, {b"label_names": [name.encode() for name in NAMES], b"num_vis": 3072}, "batches.meta")
    for root in (binary, pickled):
        assert names_in(root) == NAMES


@pytest.mark.parametrize("content", [["a", "b"], {"label_names": ["a"]}, {"label_names": 5}, Path("x")])
def test_names_that_are_something_else_are_passed_over(tmp_path: Path, content: object) -> None:
    write_pickled(tmp_path, batch_dict(cifar_records(3)))
    write_pickled(tmp_path, content, "batches.meta")
    assert names_in(tmp_path)[1] == "automobile"
