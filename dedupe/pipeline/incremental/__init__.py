"""Incremental linkage: new records in a workspace, and matches of records against it."""
