"""The pipeline: run, link, export, incremental linkage and training on decisions."""
