"""All predictors of trainability against the ground truth of all experiments."""
