"""Record texts as vectors and features."""
