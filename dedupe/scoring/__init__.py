"""Scoring: comparison model, cross-encoder and recalibration."""
