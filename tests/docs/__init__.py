"""Pages of the documentation that show commands with their output."""
