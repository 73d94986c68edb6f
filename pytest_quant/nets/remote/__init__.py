"""Nets on another machine's kernels: a connection, and a runner that sends inputs there and takes outputs back."""
