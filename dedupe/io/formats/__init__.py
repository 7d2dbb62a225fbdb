"""The file formats and databases that tables are read from and written to."""
