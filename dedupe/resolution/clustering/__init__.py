"""Clustering under constraints, and the ids of clusters."""
