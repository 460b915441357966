"""Options that don't go with a file of boxes."""

from simpsons.errors import SimpsonsError


def refuse(**options: object) -> None:
    """Raise SimpsonsError for the first option that was given: one that is not None or False."""
    for name, value in options.items():
        if value is not None and value is not False:
            option = name.replace("_", "-")
            raise SimpsonsError(f"--{option} does not go with --boxes; leave one of them out")
