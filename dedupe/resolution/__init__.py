"""Entity resolution: clusters from scored pairs and decisions, survivorship, output tables."""
