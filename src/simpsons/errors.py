"""What goes wrong at a user's hand."""


class SimpsonsError(ValueError):
    """A mistake that the user can mend: the message names what, the reason and the remedy."""
