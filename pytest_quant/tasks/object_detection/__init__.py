"""Object detection: resize and letterbox, decoders of anchors, points and ncnn's own rows, NMS, COCO mAP."""
