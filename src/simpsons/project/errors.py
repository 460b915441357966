"""What is wrong with a project."""

from simpsons.errors import SimpsonsError


class ProjectError(SimpsonsError):
    """A project that can't be used. The message names it, the reason and the remedy."""
