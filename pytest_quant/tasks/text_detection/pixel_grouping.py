"""Pixel aggregation of PAN: text pixels join the kernels from which they can be reached, first come, first served."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]


def group_pixels(
    text: NDArray[np.bool_],
    kernels: Labels,
    seeds: NDArray[np.bool_],
    embeddings: NDArray[np.float32],
    distance_threshold: float,
) -> Labels:
    """Spread the labels of kernels over the text around them.

    A queue starts with the seeds in raster order. Each pixel that leaves it offers its label to the neighbours left,
    right, above and below, in this order; a neighbour takes it and joins the queue when it is text, has no label and
    its embedding is nearer than ``distance_threshold`` to the mean of the kernel's. Source: ``pixel_group`` of mmcv.
    Here the queue is worked off in waves, the pixels of one distance to the seeds at once; of several offers to a pixel
    the first counts, so that the result is that of the queue.

    Args:
        text: Shape (h, w).
        kernels: int32, shape (h, w): 0 or the label of the kernel, labels from 1.
        seeds: Shape (h, w): the kernel pixels from which to start.
        embeddings: float32, shape (channels, h, w).
        distance_threshold: Euclidean; a distance equal to it is too far.

    Returns:
        int32, shape (h, w): 0 or the label.

    """
    height, width = text.shape
    padded = (height + 2, width + 2)  # so that every pixel has four neighbours
    inner = (slice(1, -1), slice(1, -1))
    labels = np.zeros(padded, np.int32)
    labels[inner] = kernels
    free = np.zeros(padded, np.bool_)
    free[inner] = text & (kernels == 0)
    vectors = np.zeros((*padded, len(embeddings)), np.float32)
    vectors[inner] = embeddings.transpose(1, 2, 0)
    start = np.zeros(padded, np.bool_)
    start[inner] = seeds & (kernels > 0)
    _spread(labels.reshape(-1), free.reshape(-1), vectors.reshape(-1, len(embeddings)), np.flatnonzero(start),
            np.array([-1, 1, -padded[1], padded[1]]), np.float32(distance_threshold))  # fmt: skip
    return np.ascontiguousarray(labels[inner])


def _spread(
    labels: Labels,
    free: NDArray[np.bool_],
    vectors: NDArray[np.float32],
    front: NDArray[np.intp],
    neighbours: NDArray[np.intp],
    distance_threshold: np.float32,
) -> None:
    """Work on flat arrays in place."""
    means = _kernel_means(labels, vectors)
    limit = distance_threshold * distance_threshold
    offers = np.empty(labels.size, np.intp)
    while front.size:
        pixels = (front[:, np.newaxis] + neighbours).reshape(-1)
        is_free = free[pixels]
        pixels, offered = pixels[is_free], np.repeat(labels[front], len(neighbours))[is_free]
        differences = vectors[pixels] - means[offered]
        near = np.einsum("ij,ij->i", differences, differences) < limit
        pixels, offered = pixels[near], offered[near]
        order = np.arange(pixels.size)
        offers[pixels[::-1]] = order[::-1]  # of equal indices the last is kept: the first offer
        first = offers[pixels] == order
        front = pixels[first]
        labels[front] = offered[first]
        free[front] = False


def _kernel_means(labels: Labels, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean vector by label, summed in float32 in raster order as the published code does; row 0 is not used."""
    pixels = np.flatnonzero(labels)
    counts = np.bincount(labels[pixels], minlength=1)
    means = np.stack([sum_by_label(channel, labels[pixels], len(counts)) for channel in vectors[pixels].T], axis=1)
    return means / np.maximum(counts, 1).astype(np.float32)[:, np.newaxis]


def sum_by_label(values: NDArray[np.float32], labels: Labels, count: int) -> NDArray[np.float32]:
    """Sums of the values (n,) of each label (n,), in float32 and in the order given; shape (count,).

    >>> sum_by_label(np.array([1, 2, 4], np.float32), np.array([1, 0, 1], np.int32), 3)
    array([2., 5., 0.], dtype=float32)
    """
    sums = np.zeros(count, np.float32)
    np.add.at(sums, labels, np.ascontiguousarray(values))
    return sums
