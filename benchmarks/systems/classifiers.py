"""ResNet-18 for CIFAR-10, ResNeXt-50 32x4d and MobileNetV2 for ImageNet, as mmpretrain configures them.

M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018; the others: `blocks`.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu6

from benchmarks.systems.blocks import BasicBlock, Bottleneck, Classifier, ConvNorm, ResNet, stage

CIFAR_CLASSES, IMAGENET_CLASSES = 10, 1000

_GROUPS, _BASE_WIDTH = 32, 4
_INVERTED_RESIDUALS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                       (6, 320, 1, 1))  # fmt: skip
"""Expansion, channels, blocks and stride of each stage."""


class ResNet18Cifar(nn.Module):
    """Input batch x 3 x 32 x 32; a 3 x 3 stem of stride 1 and no pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 64, 3)
        widths = (64, 64, 128, 256, 512)
        self.stages = nn.Sequential(
            *(stage(BasicBlock, widths[i], widths[i + 1], 2 if i else 1, 2) for i in range(len(widths) - 1))
        )
        self.classifier = Classifier(widths[-1], CIFAR_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities."""
        probabilities: Tensor = self.classifier(self.stages(torch.relu(self.stem(x))))
        return probabilities


def _grouped_block(inputs: int, outputs: int, stride: int) -> Bottleneck:
    return Bottleneck(inputs, outputs, stride, groups=_GROUPS, width=outputs // 256 * _GROUPS * _BASE_WIDTH)


class ResNeXt50(nn.Module):
    """Input batch x 3 x 224 x 224; 3 x 3 convolutions of 32 groups, 4 channels each in the first stage."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet(_grouped_block, (256, 512, 1024, 2048), (3, 4, 6, 3))
        self.classifier = Classifier(2048, IMAGENET_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities."""
        probabilities: Tensor = self.classifier(self.backbone(x)[-1])
        return probabilities


class InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, narrow without activation; added to the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.widen: nn.Module | None = ConvNorm(inputs, width, 1) if expansion > 1 else None
        self.depthwise = ConvNorm(width, width, 3, stride, groups=width)
        self.narrow = ConvNorm(width, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return batch x outputs x height / stride x width / stride."""
        wide = x if self.widen is None else relu6(self.widen(x))
        narrow: Tensor = self.narrow(relu6(self.depthwise(wide)))
        return x + narrow if self.adds else narrow


class MobileNetV2(nn.Module):
    """Input batch x 3 x 224 x 224, width 1.0."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        inputs = 32
        for expansion, outputs, count, stride in _INVERTED_RESIDUALS:
            block = partial(InvertedResidual, expansion=expansion)
            blocks.append(stage(block, inputs, outputs, stride, count))
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = ConvNorm(inputs, 1280, 1)
        self.classifier = Classifier(1280, IMAGENET_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return probabilities."""
        features = relu6(self.last(self.blocks(relu6(self.stem(x)))))
        probabilities: Tensor = self.classifier(features)
        return probabilities
