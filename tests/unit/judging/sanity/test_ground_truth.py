"""Ground truth that is doubtful or contradicts itself; each row was once a PASS."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.judging.sanity.annotated_twice import find_annotated_twice
from pytest_quant.judging.sanity.bit_depth import find_dark
from pytest_quant.judging.sanity.dont_care import find_dont_care
from pytest_quant.judging.sanity.ground_truth import find_contradictions
from pytest_quant.judging.sanity.image_size import find_other_sizes
from pytest_quant.judging.sanity.orientation import find_rotated
from pytest_quant.judging.sanity.outside import find_outside
from pytest_quant.judging.sanity.unlabelled import find_unlabelled
from tests.unit.judging.sanity.truths import IMAGE, found_by, image, lines, objects, person


def sample(truth: object, source: Path = Path("1.png")) -> Sample:
    return Sample("1", truth, source)


def test_num_keypoints_against_visibility() -> None:
    truth = PoseTruth(IMAGE, (person(1), person(2, visible=0), person(3, visible=0, labelled=0)), ())
    (found,) = found_by(find_contradictions, [sample(truth)])
    assert (found.check, found.severity) == ("ground-truth", "error")
    assert "`num_keypoints` of 1 of 3 persons" in found.found
    assert "(annotations 2)" in found.found
    assert found_by(find_contradictions, [sample(PoseTruth(IMAGE, (person(1),), ()))]) == []


def test_area_0_with_a_box() -> None:
    (found,) = found_by(find_contradictions, [sample(PoseTruth(IMAGE, (person(1, area=0.0),), ()))])
    assert "1 of 1 annotations have `area: 0`" in found.found
    (found,) = found_by(find_contradictions, [sample(objects((0.0, 0.0, 9.0, 9.0), area=0.0))])
    assert found.severity == "error"
    assert found_by(find_contradictions, [sample(objects((0.0, 0.0, 0.0, 9.0), area=0.0))]) == []


def test_boxes_as_x1_y1_x2_y2(tmp_path: Path) -> None:
    path = image(tmp_path / "1.png")
    (found,) = found_by(find_outside, [sample(objects((40.0, 30.0, 95.0, 75.0), (1.0, 1.0, 9.0, 9.0)), path)])
    assert "1 of 2 annotated regions lie outside their image" in found.found
    assert "x1 y1 x2 y2" in found.advice
    assert found_by(find_outside, [sample(objects((40.0, 30.0, 55.0, 45.0), (99.0, 1.0, 1.0, 9.0)), path)]) == []


def test_images_at_half_size_with_polygons_of_the_whole(tmp_path: Path) -> None:
    path = image(tmp_path / "1.png", 50, 20)
    (found,) = found_by(find_outside, [sample(lines(*"abcdefgh"), path)], "text-detection")
    assert "6 of 8" in found.found
    assert found_by(find_outside, [sample(lines(*"ab"), path)], "text-detection") == []


def test_pixels_rotated_after_they_were_annotated(tmp_path: Path) -> None:
    truth = objects((1.0, 1.0, 9.0, 9.0))
    (found,) = found_by(find_other_sizes, [sample(truth, image(tmp_path / "1.png", 80, 100))])
    assert "1 is 80 x 100, annotated as 100 x 80" in found.found
    assert found_by(find_other_sizes, [sample(truth, image(tmp_path / "2.png"))]) == []


def test_persons_and_lines_annotated_twice() -> None:
    (found,) = found_by(find_annotated_twice, [sample(objects((1.0, 1.0, 9.0, 9.0), (1.2, 1.0, 9.0, 9.0)))])
    assert "1 of 2 annotated regions repeat" in found.found
    assert found_by(find_annotated_twice, [sample(lines("a", "b") * 2)], "text-detection")
    assert found_by(find_annotated_twice, [sample(objects((1.0, 1.0, 9.0, 9.0), (3.0, 1.0, 9.0, 9.0)))]) == []


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["Latin,###", "Latin,EXIT", "Arabic,###"], "3 of 3 transcriptions begin with a language, such as 'Latin,###'"),
        (["#", "EXIT"], "1 of 2 transcriptions are ['#'] and count as text to be found"),
        (["*", "EXIT"], "1 of 2 transcriptions are ['*']"),
        ([" ###", "EXIT"], "1 of 2 transcriptions are [' ###']"),
        (["EXIT"] * 300, "none of 300 regions is don't-care"),
    ],
)
def test_dont_care_in_another_form(texts: list[str], says: str) -> None:
    (found,) = found_by(find_dont_care, [sample(lines(*texts))], "text-detection", type="icdar2015")
    assert says in found.found
    assert "`dont_care: [...]`" in found.advice or "`language_field: true`" in found.advice


@pytest.mark.parametrize("texts", [["###", "EXIT"], ["EXIT"] * 20, ["Latin, America", "###", "No 5"]])
def test_usual_icdar_files(texts: list[str]) -> None:
    assert found_by(find_dont_care, [sample(lines(*texts))], "text-detection", type="icdar2015") == []


@pytest.mark.parametrize(("largest", "is_told"), [(4095, True), (60000, False)])
def test_12_bits_in_16(tmp_path: Path, largest: int, is_told: bool) -> None:
    path = tmp_path / "1.png"
    cv2.imwrite(str(path), np.full((8, 8), largest, np.uint16))
    found = found_by(find_dark, [sample(0, path)], "classification")
    assert bool(found) is is_told
    if is_told:
        assert "the largest value of 1 of them is 4095" in found[0].found
        assert "they reach 15 of 255" in found[0].found


def test_exif_rotation_where_the_protocol_ignores_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / "1.jpg"
    Image.new("RGB", (100, 80)).save(path, exif=exif)
    (found,) = found_by(find_rotated, [sample(0, path)], "text-detection")
    assert "1 of 1 images that were looked at carry an EXIF rotation" in found.found
    assert found_by(find_rotated, [sample(0, path)], "classification") == []


@pytest.mark.parametrize(("bare", "is_told"), [(6, False), (7, True)])
def test_most_labels_missing(bare: int, is_told: bool) -> None:
    samples = [sample(objects((1.0, 1.0, 9.0, 9.0)))] * (10 - bare) + [sample(objects())] * bare
    assert bool(found_by(find_unlabelled, samples)) is is_told
