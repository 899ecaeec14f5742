"""The one exception that users are meant to read."""

_LONGEST = 1500


class InfoflowError(Exception):
    """A mistake in the input or a fault of the machine, told in one line: what, where, and what to do.

    What would break the line or steer a terminal is shown as Python writes it, be it a name or a library's own message.
    """

    def __init__(self, message: str):
        if len(message) > _LONGEST:  # what it is about comes first, what to do last
            message = f"{message[: _LONGEST * 2 // 3]} ... {message[-_LONGEST // 3 :]}"
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))
