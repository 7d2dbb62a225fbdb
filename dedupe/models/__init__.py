"""Bundled weights, one folder with a model card for each model, and functions to load models."""
