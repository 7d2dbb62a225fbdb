"""Reading and writing tables, schema matching and column profiles."""
