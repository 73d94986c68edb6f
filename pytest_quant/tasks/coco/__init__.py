"""What COCO's evaluations of boxes and of keypoints share: matching by similarity, AP and AR, and their resamples."""
