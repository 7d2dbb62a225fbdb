"""The cross-encoder: what it reads, and how it is computed on a CPU and on a GPU."""
