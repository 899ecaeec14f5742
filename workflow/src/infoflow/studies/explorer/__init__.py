"""The explorer: all experiments of a run in one page for a browser, that needs no network."""
