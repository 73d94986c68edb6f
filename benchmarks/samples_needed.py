"""How many images the verdicts of ``examples/published-table.quant.yaml`` need where the original took a subset.

    python -m benchmarks.samples_needed

For every model with ``samples``: how many of ImageNet's 50000 images prove, 8 times in 10 and at a one-sided confidence
of 0.95, that the drop is within the tolerance, if the true drop is the published one, or none. It hangs on the
discordance, the share of images that only one side gets right, which nobody published. Measured here (by
``benchmarks/published_figures.py``): 2.4 % for ResNet-20 on CIFAR-10, 3.8 % for SqueezeNet on ImageNet images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_quant.evidence.planning import samples_to_prove
from pytest_quant.judging.outlook import ASSUMED_DISCORDANCES, POWER

EXAMPLE = Path(__file__).parents[1] / "examples" / "published-table.quant.yaml"
IMAGES = 50000
CONFIDENCE = 0.95
STATED_DISCORDANCE = 0.03
"""That of the numbers in the example."""


@dataclass(frozen=True)
class Row:
    """A model of which the original evaluated a subset."""

    model: str
    samples: int
    drop_pp: float
    """As published, in percentage points, though the two sides were not measured on the same images."""
    tolerance_pp: float

    def needed(self, discordance: float, drop_pp: float | None = None) -> int | None:
        """Images that prove the tolerance, or None where the drop is not possible or too large."""
        drop = (self.drop_pp if drop_pp is None else drop_pp) / 100
        if abs(drop) > discordance:
            return None
        return samples_to_prove(
            drop,
            population=IMAGES,
            discordance=discordance,
            tolerance=self.tolerance_pp / 100,
            confidence=CONFIDENCE,
            power=POWER,
        )


def rows() -> Iterator[Row]:
    """The example's models with ``samples``."""
    models: dict[str, dict[str, Any]] = yaml.safe_load(EXAMPLE.read_text())["models"]
    for name, entry in models.items():
        if "samples" in entry:
            published = entry["published"]
            drop = published["fp32"]["top1"] - published["int8"]["top1"]["value"]
            yield Row(name, entry["samples"], round(drop, 2), entry["tolerance"]["top1"])


def main() -> None:
    percents = [f"{100 * discordance:g} %" for discordance in ASSUMED_DISCORDANCES]
    print(f"images of {IMAGES} that prove a drop <= tolerance, at discordance {', '.join(percents)}")
    print(f"{'model':26} {'original':>8} {'tolerance':>9}  {'published drop':>14} {'needed':>20}  {'if no drop':>20}")
    for row in rows():
        counts = [
            " ".join(f"{row.needed(discordance, drop) or '-':>6}" for discordance in ASSUMED_DISCORDANCES)
            for drop in (None, 0.0)
        ]
        original = f"{row.model:26} {row.samples:8} {row.tolerance_pp:9.2f}  {row.drop_pp:14.2f}"
        print(f"{original} {counts[0]:>20}  {counts[1]:>20}")


if __name__ == "__main__":
    main()
