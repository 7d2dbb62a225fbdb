"""Training of the bundled comparison model."""
