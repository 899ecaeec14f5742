"""How well a score predicts trainability."""
