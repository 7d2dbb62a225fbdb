"""Scoring: comparison vectors, the cross-encoder, the distilled model and recalibration."""
