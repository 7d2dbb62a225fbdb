"""Training of the bundled models; needs the extra ``train``."""
