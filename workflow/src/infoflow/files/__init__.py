"""Files that are read and written: results, cubes, originals, and the names of all of them."""
