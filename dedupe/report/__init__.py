"""The report of a run: one HTML page to read and to pass on."""
