"""Comparison vectors, which mean the same in every file, and the bundled model on them."""
