"""The one exception that users are meant to read."""


class InfoflowError(Exception):
    """A mistake in the input or a fault of the machine, told in one line: what, where, and what to do.

    What would break the line or steer a terminal is shown as Python writes it, be it a name or a library's own message.
    """

    def __init__(self, message: str):
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))
