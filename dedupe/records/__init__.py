"""The rows of a table as records, and their values as text."""
