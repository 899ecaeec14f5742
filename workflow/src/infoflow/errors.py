"""The one exception that users are meant to read."""


class InfoflowError(Exception):
    """A mistake in the input or a fault of the machine, told in one line: what, where, and what to do.

    What would break the line or steer a terminal is shown as Python writes it, be it a name or a library's own message.

    Args:
        longest: characters; the middle of a longer message is left out.
    """

    def __init__(self, message: str, longest: int = 1500):
        told = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)
        # What it is about comes first, what to do last.
        super().__init__(told if len(told) <= longest else f"{told[: longest // 2]} ... {told[-longest // 4 :]}")
