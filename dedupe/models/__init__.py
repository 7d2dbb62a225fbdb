"""Bundled weights, a folder and a card for each model, and how models are loaded."""
