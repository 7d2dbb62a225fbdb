"""The workspace folder: cached stages, their keys, decisions, and the state of a run."""
