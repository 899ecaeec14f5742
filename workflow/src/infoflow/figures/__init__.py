"""What the figures of all studies share."""
