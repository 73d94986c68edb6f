"""The residual networks that four of the systems are or begin with, and the pieces that the others share.

K. He et al., "Deep Residual Learning for Image Recognition", 2015; S. Xie et al., "Aggregated Residual Transformations
for Deep Neural Networks", 2016.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

EXPANSION = 4
"""How many times wider a bottleneck's output is than its 3 x 3 convolution (of one group)."""


class ConvNorm(nn.Module):
    """A convolution and its batch normalization, which `fold` joins; without activation."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *, bias: bool = False
    ) -> None:
        super().__init__()
        self.conv: nn.Module = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized map."""
        normalized: Tensor = self.norm(self.conv(x))
        return normalized

    def fold(self) -> None:
        """Move the normalization into the convolution's weights and bias."""
        self.conv = fuse_conv_bn_eval(self.conv, self.norm)
        self.norm = nn.Identity()


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs, 3, stride)
        self.second = ConvNorm(outputs, outputs, 3)
        same = stride == 1 and inputs == outputs
        self.shortcut: nn.Module = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return batch x outputs x height / stride x width / stride."""
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (in groups) and 1 x 1 convolution and a shortcut, projected where the shape changes.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        stride: Of the 3 x 3 convolution, or of the first with ``stride_first`` (the "caffe" style).
        groups: Of the 3 x 3 convolution.
        width: Channels of the 3 x 3 convolution; by default a quarter of ``outputs``.
        stride_first: Which convolution has the stride.

    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int = 1,
        *,
        groups: int = 1,
        width: int | None = None,
        stride_first: bool = False,
    ) -> None:
        super().__init__()
        width = width or outputs // EXPANSION
        strides = (stride, 1) if stride_first else (1, stride)
        self.first = ConvNorm(inputs, width, 1, strides[0])
        self.second = ConvNorm(width, width, 3, strides[1], groups)
        self.third = ConvNorm(width, outputs, 1)
        same = stride == 1 and inputs == outputs
        self.shortcut: nn.Module = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return batch x outputs x height / stride x width / stride."""
        y = torch.relu(self.second(torch.relu(self.first(x))))
        return torch.relu(self.third(y) + self.shortcut(x))


def stage(block: Callable[[int, int, int], nn.Module], inputs: int, outputs: int, stride: int, count: int) -> nn.Module:
    """``count`` blocks, the first of which changes channels and size."""
    rest = [block(outputs, outputs, 1) for _ in range(count - 1)]
    return nn.Sequential(block(inputs, outputs, stride), *rest)


class ResNet(nn.Module):
    """The four maps of a residual network, from 1/4 of the input's size to 1/32, 7 x 7 stem and pooling included."""

    def __init__(
        self, block: Callable[[int, int, int], nn.Module], widths: tuple[int, ...], counts: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 64, 7, 2)
        self.pool = nn.MaxPool2d(3, 2, 1)
        inputs = (64, *widths)
        self.stages = nn.ModuleList(
            [
                stage(block, before, after, 2 if place else 1, count)
                for place, (before, after, count) in enumerate(zip(inputs, widths, counts, strict=False))
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the maps, finest first."""
        y = self.pool(torch.relu(self.stem(x)))
        maps = []
        for blocks in self.stages:
            y = blocks(y)
            maps.append(y)
        return maps


class Classifier(nn.Module):
    """Global average pooling, a fully connected layer and softmax, as mmdeploy exports a classifier."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return batch x classes, probabilities."""
        return torch.softmax(self.linear(torch.flatten(self.pool(x), 1)), dim=1)
