"""HRNet-W18 for ImageNet: branches of four resolutions that exchange what they see after every module.

J. Wang et al., "Deep High-Resolution Representation Learning for Visual Recognition", 2019, in mmpretrain's layout.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from benchmarks.systems.blocks import BasicBlock, Bottleneck, Classifier, ConvNorm, stage
from benchmarks.systems.classifiers import IMAGENET_CLASSES

WIDTHS = (18, 36, 72, 144)
_MODULES_BY_BRANCHES = {2: 1, 3: 4, 4: 3}
_BLOCKS = 4
_INCREASED = (128, 256, 512, 1024)


class _Down(nn.Module):
    """From a finer branch to a coarser one: a 3 x 3 convolution of stride 2 for every halving, the last not rectified.

    All but the last keep the number of channels.
    """

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        width = WIDTHS[source]
        self.steps = nn.ModuleList([ConvNorm(width, width, 3, 2) for _ in range(target - source - 1)])
        self.last = ConvNorm(width, WIDTHS[target], 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = torch.relu(step(x))
        last: Tensor = self.last(x)
        return last


class _Up(nn.Module):
    """From a coarser branch to a finer one: a 1 x 1 convolution, then every pixel repeated."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.conv = ConvNorm(WIDTHS[source], WIDTHS[target], 1)
        self.factor = 2 ** (source - target)

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(self.conv(x), scale_factor=float(self.factor), mode="nearest")


def _exchange(source: int, target: int) -> nn.Module:
    if source == target:
        return nn.Identity()
    return _Down(source, target) if source < target else _Up(source, target)


class HighResolutionModule(nn.Module):
    """Four basic blocks on every branch, then each branch becomes the sum of all, brought to its shape."""

    def __init__(self, branches: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([stage(BasicBlock, w, w, 1, _BLOCKS) for w in WIDTHS[:branches]])
        self.exchanges = nn.ModuleList(
            [nn.ModuleList([_exchange(source, target) for source in range(branches)]) for target in range(branches)]
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Return maps of the same shapes."""
        seen = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        fused = []
        for exchanges in self.exchanges:
            first, *others = (exchange(x) for exchange, x in zip(exchanges, seen, strict=True))
            total = first
            for other in others:
                total = total + other
            fused.append(torch.relu(total))
        return fused


class HRNetW18(nn.Module):
    """Input batch x 3 x 224 x 224; output batch x 1000, probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.ModuleList([ConvNorm(3, 64, 3, 2), ConvNorm(64, 64, 3, 2)])
        self.first = stage(Bottleneck, 64, 256, 1, 4)
        # The first stage's one branch becomes two; later the coarsest branch gives birth to one that is coarser still.
        self.openings = nn.ModuleList([ConvNorm(256, WIDTHS[0], 3), ConvNorm(256, WIDTHS[1], 3, 2)])
        self.births = nn.ModuleList([ConvNorm(WIDTHS[i], WIDTHS[i + 1], 3, 2) for i in (1, 2)])
        self.stages = nn.ModuleList(
            [
                nn.ModuleList([HighResolutionModule(branches) for _ in range(count)])
                for branches, count in _MODULES_BY_BRANCHES.items()
            ]
        )
        self.increase = nn.ModuleList([Bottleneck(w, out) for w, out in zip(WIDTHS, _INCREASED, strict=True)])
        self.downsample = nn.ModuleList([ConvNorm(_INCREASED[i], _INCREASED[i + 1], 3, 2) for i in range(3)])
        self.last = ConvNorm(_INCREASED[-1], 2048, 1)
        self.classifier = Classifier(2048, IMAGENET_CLASSES)

    def _branches(self, x: Tensor) -> list[Tensor]:
        for conv in self.stem:
            x = torch.relu(conv(x))
        x = self.first(x)
        maps = [torch.relu(opening(x)) for opening in self.openings]
        for number, modules in enumerate(self.stages):
            if number:
                maps.append(torch.relu(self.births[number - 1](maps[-1])))
            for module in modules:
                maps = module(maps)
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities."""
        wide = [increase(y) for increase, y in zip(self.increase, self._branches(x), strict=True)]
        features = wide[0]
        for downsample, other in zip(self.downsample, wide[1:], strict=True):
            features = torch.relu(downsample(features)) + other
        probabilities: Tensor = self.classifier(torch.relu(self.last(features)))
        return probabilities
