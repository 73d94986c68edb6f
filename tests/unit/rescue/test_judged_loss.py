from __future__ import annotations

import pytest

from pytest_quant.rescue.trials import judged_loss


@pytest.mark.parametrize(
    ("drop", "reference_loss", "judged"),
    [
        (None, 0.3, 0.3),  # no labels: every answer that changed counts
        (0.0, 0.3, 0.1),  # a third of them, as measured on real nets
        (-0.05, 0.3, 0.1),
        (0.2, 0.3, 0.2),  # the labels show more
        (0.1, 0.0, 0.1),
    ],
)
def test_what_is_held_against_the_tolerance(drop: float | None, reference_loss: float, judged: float) -> None:
    assert judged_loss(drop, reference_loss) == pytest.approx(judged)
