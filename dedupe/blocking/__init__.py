"""Blocking: embeddings of records, search for candidate pairs, and retrieval of similar texts."""
