"""What the results of trainings hold. On its own, so that no edit elsewhere trains networks again."""

OF_TRAINING = {
    "accuracy": ("replica", "learning_rate", "epoch"),
    "loss": ("replica", "learning_rate", "epoch"),
    "status": ("replica", "learning_rate"),
    "seconds": ("replica",),
}
"""Variables of the training of a point, and their dimensions."""
