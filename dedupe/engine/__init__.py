"""Runs on a Ray cluster: the stages of a run as tasks on partitions of the file.

Every function that judges is the local one; this package decides where the records and pairs that
it needs are brought together. Ray is imported in :mod:`dedupe.engine.workers` alone.
"""
