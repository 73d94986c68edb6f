"""Zoo files: what a user writes, checked and filled in."""
