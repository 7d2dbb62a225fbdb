"""Evaluation: with a gold standard, by estimates without one, and between two runs."""
