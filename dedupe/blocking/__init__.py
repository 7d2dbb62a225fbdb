"""Blocking: embeddings of records, and the search for candidate pairs."""
