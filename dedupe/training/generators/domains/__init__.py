"""Generators of synthetic entities, one module per domain."""
