"""Maps: what a layer computes, forward or inverse, for many independent networks at once; see `map`."""
