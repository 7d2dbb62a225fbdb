"""Scoring: comparison vectors, cross-encoder, distilled model and recalibration."""
