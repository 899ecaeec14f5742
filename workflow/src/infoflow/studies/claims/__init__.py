"""Claims: what publications and these documents say, decided from the cubes of runs."""
