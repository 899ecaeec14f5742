"""What every job has in common: how it is called, what it records, what its code is."""
