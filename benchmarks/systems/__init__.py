"""The seven systems of the published table at their real size, with random weights; needs torch to be built."""
