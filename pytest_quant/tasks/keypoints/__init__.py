"""Top-down keypoint estimation of COCO persons: boxes, warps, heatmap and SimCC decoders, COCO AP and AR."""
