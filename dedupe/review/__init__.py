"""The review app: people look at doubtful pairs and clusters, and decide."""
