"""The one exception that users are meant to read."""

_LONGEST = 1500


class InfoflowError(Exception):
    """A mistake in the input or a fault of the machine, told in one line: what, where, and what to do.

    What would break the line or steer a terminal is shown as Python writes it, be it a name or a library's own message.
    """

    def __init__(self, message: str):
        told = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)
        # What it is about comes first, what to do last.
        super().__init__(told if len(told) <= _LONGEST else f"{told[: _LONGEST // 2]} ... {told[-_LONGEST // 4 :]}")
