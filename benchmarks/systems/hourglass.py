"""Hourglass-52 for COCO keypoints: one stack, five scales down, as mmpose configures it.

A. Newell et al., "Stacked Hourglass Networks for Human Pose Estimation", 2016; H. Law and J. Deng, "CornerNet:
Detecting Objects as Paired Keypoints", 2018, whose residual blocks and widths these are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from benchmarks.systems.blocks import BasicBlock, ConvNorm, stage

KEYPOINTS = 17
WIDTHS = (256, 256, 384, 384, 384, 512)
"""Channels at a quarter of the input's size and at each of the five scales below."""
BLOCKS = (2, 2, 2, 2, 2, 4)


class Hourglass(nn.Module):
    """A map to one of the same shape that has seen all scales below."""

    def __init__(self, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        super().__init__()
        width, below, count = widths[0], widths[1], blocks[0]
        self.beside = stage(BasicBlock, width, width, 1, count)
        self.down = stage(BasicBlock, width, below, 2, count)
        self.inner: nn.Module = (
            Hourglass(widths[1:], blocks[1:]) if len(widths) > 2 else stage(BasicBlock, below, below, 1, blocks[1])
        )
        # On the way up it is the last block that changes the channels.
        keeping = [BasicBlock(below, below) for _ in range(count - 1)]
        self.up = nn.Sequential(*keeping, BasicBlock(below, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return batch x channels x height x width, like the input."""
        doubled = interpolate(self.up(self.inner(self.down(x))), scale_factor=2.0, mode="nearest")
        joined: Tensor = self.beside(x) + doubled
        return joined


class PoseHourglass(nn.Module):
    """Input batch x 3 x height x width, sides multiples of 128; output batch x 17 x height / 4 x width / 4, raw."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 128, 7, 2)
        self.entry = BasicBlock(128, WIDTHS[0], 2)
        self.hourglass = Hourglass(WIDTHS, BLOCKS)
        self.exit = ConvNorm(WIDTHS[0], 256, 3)
        self.head = nn.Conv2d(256, KEYPOINTS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return raw heatmaps."""
        features = self.hourglass(self.entry(torch.relu(self.stem(x))))
        heatmaps: Tensor = self.head(torch.relu(self.exit(features)))
        return heatmaps
