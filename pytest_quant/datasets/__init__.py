"""The dataset formats: one file each, with samples and ground truth, never models; `extending` finds them by name.

A module of a format holds the pydantic model of its keys (``Cifar10Options``; paths are `Path`) and
``open_dataset(spec)``.
"""
