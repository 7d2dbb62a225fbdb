"""Augmentation: copies of records, changed as real entries of one entity differ."""
