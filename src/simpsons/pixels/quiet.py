"""What Pillow says of damaged files besides its errors, kept from standard error.

A file can make it say as much as it likes. For processes of this package alone: what others do with
warnings and logs is theirs to say.
"""

import logging
import warnings


def silence_pillow() -> None:
    """Drop its warnings, and its log unless somebody has asked for logs."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
