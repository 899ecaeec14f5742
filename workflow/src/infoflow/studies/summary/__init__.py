"""What a run found: a page to begin with, and the lines that the terminal ends with."""
