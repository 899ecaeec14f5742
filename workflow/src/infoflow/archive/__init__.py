"""The archive of a run, to put beside a paper."""
