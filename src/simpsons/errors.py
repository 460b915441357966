"""Errors a user can fix."""


class SimpsonsError(ValueError):
    """A mistake that the user can mend: the message names what, the reason and the remedy."""


class DataError(SimpsonsError):
    """Data that can't be used. The message names it, the reason and the remedy."""
