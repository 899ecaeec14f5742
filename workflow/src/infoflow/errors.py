"""The one exception that users are meant to read."""


class InfoflowError(Exception):
    """A mistake in the input or a fault of the machine, told in one line: what, where, and what to do."""
