"""Generators of synthetic records and labelled pairs."""
