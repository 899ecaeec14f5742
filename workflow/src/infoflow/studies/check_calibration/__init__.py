"""Calibration of the check of any network: networks whose training is known, and the training that tells."""
