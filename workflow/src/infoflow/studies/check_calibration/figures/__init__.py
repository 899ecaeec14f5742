"""The figure of the calibration."""
