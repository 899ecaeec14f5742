"""Which initialisation to take, and how deep one can go with it."""
