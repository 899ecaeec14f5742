"""Networks on the device: maps, initialisation, training."""
