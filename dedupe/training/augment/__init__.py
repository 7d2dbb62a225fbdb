"""Augmentation: copies of records that differ as real records of one entity do."""
