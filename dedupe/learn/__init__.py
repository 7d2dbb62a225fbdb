"""Making the bundled models: labelled pairs, training, calibration."""
