"""Export folders of mmdeploy: the three JSON files of ``--dump-info`` and the nets beside them."""
