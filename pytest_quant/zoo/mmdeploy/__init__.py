"""Export folders of mmdeploy: the three JSON files of ``--dump-info`` and the nets beside them."""

from pytest_quant.zoo.mmdeploy.folder import describe_folder, is_export_folder

__all__ = ["describe_folder", "is_export_folder"]
