"""What a run returns: its tables and figures, their views, and explanations of its pairs."""
