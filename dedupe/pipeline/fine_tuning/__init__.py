"""Fine-tuning of the cross-encoder on the decisions in a workspace."""
