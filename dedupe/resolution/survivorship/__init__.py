"""Survivorship: what the merged row of a cluster takes from its records."""
