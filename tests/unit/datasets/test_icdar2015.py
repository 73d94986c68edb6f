from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pytest_quant.datasets import icdar2015
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.spec.errors import DatasetError, DatasetMissingError

from .text_specs import text_spec, write_text_dataset

SHARED = Path(__file__).parents[3].parent / "shared"
QUAD = "377,117,463,117,465,130,378,130"
POINTS = (377.0, 117.0, 463.0, 117.0, 465.0, 130.0, 378.0, 130.0)


def test_a_file_as_the_dataset_has_it(tmp_path: Path) -> None:
    lines = ["\ufeff377,117,463,117,465,130,378,130,Genaxis Theatre", f"{QUAD},###", "", f"{QUAD},a, b,\u2028c"]
    write_text_dataset(tmp_path, {"gt_img_1.txt": "\r\n".join(lines)}, ["img_1.png"])
    dataset = icdar2015.open_dataset(text_spec(icdar2015, tmp_path))
    (sample,) = dataset.samples
    assert sample.id == "img_1.png"
    assert sample.source == tmp_path / "images" / "img_1.png"
    assert sample.truth == (TextRegion(POINTS), TextRegion(POINTS, ignore=True), TextRegion(POINTS))
    assert dataset.read(sample, orient=False).shape == (3, 4, 3)


@pytest.mark.parametrize(
    ("text", "ignore"),
    [
        *(("###", True), ('"###"', True), (' "###" ', True), ("####", False), ("##", False), ("", False)),
        *(("###,x", False), (" ###", False), ("### ", False), ('" ###"', False), ("Latin,###", False), ("*", False)),
    ],
)
def test_dont_care_is_what_the_official_script_takes_for_it(tmp_path: Path, text: str, ignore: bool) -> None:
    """Surrounding quotes are stripped, then three hashes exactly: a blank makes it a text."""
    write_text_dataset(tmp_path, {"gt_a.txt": f"{QUAD},{text}\r\n"}, ["a.png"])
    (sample,) = icdar2015.open_dataset(text_spec(icdar2015, tmp_path)).samples
    assert [region.ignore for region in sample.truth] == [ignore]


def test_a_dataset_can_name_its_own_dont_care(tmp_path: Path) -> None:
    lines = [f"{QUAD},#", f"{QUAD},*", f"{QUAD},###", f'{QUAD},"#"']
    write_text_dataset(tmp_path, {"gt_a.txt": "\n".join(lines)}, ["a.png"])
    (sample,) = icdar2015.open_dataset(text_spec(icdar2015, tmp_path, dont_care=["#", "*"])).samples
    assert [region.ignore for region in sample.truth] == [True, True, False, True]


def test_a_language_may_stand_before_the_transcription(tmp_path: Path) -> None:
    lines = [f"{QUAD},Latin,###", f"{QUAD},Latin,a,b", f'{QUAD},Arabic,"###"']
    write_text_dataset(tmp_path, {"gt_a.txt": "\n".join(lines)}, ["a.png"])
    (sample,) = icdar2015.open_dataset(text_spec(icdar2015, tmp_path, language_field=True)).samples
    assert [(region.ignore, region.text) for region in sample.truth] == [(True, "###"), (False, "a,b"), (True, "###")]
    write_text_dataset(tmp_path, {"gt_a.txt": f"{QUAD},###"}, ["a.png"])
    with pytest.raises(DatasetError, match="line 1: found no language before the transcription"):
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path, language_field=True))


def test_images_and_files_pair_in_natural_order(tmp_path: Path) -> None:
    names = [f"img_{number}" for number in (10, 2, 1)]
    files = {f"gt_{name}.txt": f"{QUAD},x" for name in names[:2]} | {"img_1.txt": f"{QUAD},x", ".hidden.txt": "?"}
    write_text_dataset(tmp_path, files | {"readme.md": "?"}, [f"{name}.png" for name in names])
    samples = icdar2015.open_dataset(text_spec(icdar2015, tmp_path)).samples
    assert [sample.id for sample in samples] == ["img_1.png", "img_2.png", "img_10.png"]


def test_an_image_without_text_has_no_regions(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {"gt_a.txt": b"\xef\xbb\xbf\r\n"}, ["a.png"])
    assert icdar2015.open_dataset(text_spec(icdar2015, tmp_path)).samples[0].truth == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (QUAD, "found 8 fields, expected x1,y1"),
        ("1,2,3,4,5,6,text", "found 7 fields"),
        ("1,2,3,4,5,6,7,eight,text", "'eight' is not a number"),
        ("1,2,3,4,5,6,7,nan,text", "'nan' is not a coordinate"),
        ("1,2,3,4,5,6,7,1e300,text", "'1e300' is not a coordinate"),
        ("1,2,3,4,5,6,7,,text", "'' is not a number"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, said: str) -> None:
    write_text_dataset(tmp_path, {"gt_a.txt": f"{QUAD},x\n\n{line}\n"}, ["a.png"])
    with pytest.raises(DatasetError, match=r"the ground truth has 1 bad lines:\n.*gt_a\.txt, line 3: ") as caught:
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path))
    assert said in str(caught.value)
    assert "zoo.quant.yaml: dataset 'mini'" in str(caught.value)


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {"gt_a.txt": "?\n" * 9, "gt_b.txt": "?"}, ["a.png", "b.png"])
    with pytest.raises(DatasetError, match=r"has 10 bad lines") as caught:
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path))
    assert len(str(caught.value).splitlines()) == 7
    assert str(caught.value).endswith("and 5 more")


def test_files_without_image_and_the_reverse(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {"gt_a.txt": "", "gt_c.txt": "", "gt_d.txt": ""}, ["a.png", "b.png"])
    with pytest.raises(DatasetError, match=r"1 images have no ground truth in .*gt .*'b\.png'") as caught:
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path))
    assert "2 ground-truth files have no image in" in str(caught.value)
    assert "'gt_c.txt'" in str(caught.value)


def test_two_files_for_one_sample(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {"gt_a.txt": ""}, ["a.png", "a.jpg"])
    with pytest.raises(DatasetError, match=r"'a\.jpg' and 'a\.png' are for the same sample"):
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path))


def test_no_images(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {}, [])
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match=r"images \(`images`\) holds no images"):
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path))


def test_a_missing_folder_is_a_missing_dataset(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {"gt_a.txt": ""}, ["a.png"])
    with pytest.raises(DatasetMissingError, match=r"nowhere \(`annotations`\) does not exist"):
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path, "nowhere"))


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {"gt_a.txt": f"{QUAD},caf\u00e9".encode("latin-1")}, ["a.png"])
    with pytest.raises(DatasetError, match=r"gt_a\.txt is not text in UTF-8 \(byte"):
        icdar2015.open_dataset(text_spec(icdar2015, tmp_path))


def test_keys_are_checked() -> None:
    with pytest.raises(ValidationError):
        icdar2015.Icdar2015Options.model_validate({"images": "/x", "annotations": "/y", "root": "/z"})


def test_the_real_test_set() -> None:
    root = SHARED / "data" / "icdar2015"
    if not root.is_dir():
        pytest.skip(f"the shared real data is not on this machine: {root}")
    samples = icdar2015.open_dataset(text_spec(icdar2015, root)).samples
    assert [sample.id for sample in samples[:2]] == ["img_1.jpg", "img_2.jpg"]
    assert len(samples) == 100
    regions = [region for sample in samples for region in sample.truth]
    assert {len(region.polygon) for region in regions} == {8}
    assert sum(not region.ignore for region in regions) == 448
    lines = [line for file in (root / "gt").glob("*.txt") for line in file.read_text("utf-8-sig").splitlines()]
    assert len(regions) == sum(bool(line.strip()) for line in lines)
