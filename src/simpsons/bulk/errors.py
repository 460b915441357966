"""What can be wrong with a picture of a bulk run, by kind, and what stops the run."""

import errno
import re
from typing import Any

from simpsons.errors import SimpsonsError
from simpsons.pixels import images

MISSING = "missing"
DENIED = "denied"
TIMEOUT = "timeout"
UNAVAILABLE = "unavailable"
DAMAGED = "damaged"
TOO_LARGE = "too large"
NOT_A_FILE = "not a file"

KINDS = (MISSING, DENIED, TIMEOUT, UNAVAILABLE, DAMAGED, TOO_LARGE, NOT_A_FILE)
"""The values of the column `error_kind`."""

TRANSIENT = frozenset({UNAVAILABLE})
"""Kinds that are tried again at once, a few times."""

OF_STORAGE = frozenset({MISSING, DENIED, TIMEOUT, UNAVAILABLE})
"""Kinds that may be over later, so that `--retry-errors` tries the pictures again."""

_MISSING = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
)
_DENIED = frozenset({errno.EACCES, errno.EPERM})
_NOT_A_FILE = frozenset({errno.ENXIO, errno.ENODEV, errno.EISDIR})
_STATUS = re.compile(r"(?:HTTP|http)[ _]?(?:status|error)?:?\s*(?:code\s*)?(\d{3})|^(\d{3}),")
_CREDENTIALS = (
    "EXPIRED",
    "TOKEN",
    "INVALID_ACCESS_KEY_ID",
    "InvalidAccessKeyId",
    "INVALID_CLIENT_TOKEN_ID",
    "SIGNATURE_DOES_NOT_MATCH",
    "SignatureDoesNotMatch",
    "REQUEST_TIME_TOO_SKEWED",
    "credential",
)
_REMEDIES = {
    MISSING: "no such file; check the path",
    DENIED: "no permission to read it; change its permissions",
    NOT_A_FILE: "is a folder, pipe, socket or device, not a file; leave it out",
}


class BulkError(SimpsonsError):
    """A run that can't go on. The message says why, and what to do."""


class CredentialsError(BulkError):
    """The storage refuses everything: no row is written that says so of one picture."""


class ObjectError(Exception):
    """One picture that has no answer: the row of it.

    kind: one of `KINDS`. message: names it, the reason and the remedy.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message


def of_storage(name: str, error: Exception) -> ObjectError:
    """What a file system raised when `name` was read. Raises CredentialsError."""
    said = str(error)
    status = _status(error, said)
    if _are_credentials(error, status, said):
        raise CredentialsError(
            f"{name}: the storage does not take the credentials ({first_line(said)}); renew them, "
            "and go on with the same command"
        )
    kind = _kind(error, status)
    reason = _REMEDIES.get(kind, f"can't be read ({first_line(said)}); try again later")
    return ObjectError(kind, f"{name}: {reason}")


def of_picture(error: images.ImageError) -> ObjectError:
    """Why a picture could not be decoded."""
    kind = DAMAGED
    if isinstance(error, images.TooLargeError):
        kind = TOO_LARGE
    elif isinstance(error, images.UnreadableError):  # of bytes that are here: no memory
        kind = UNAVAILABLE
    return ObjectError(kind, str(error))


def is_denied(error: Exception) -> bool:
    """Whether a storage refuses to give one thing."""
    if isinstance(error, PermissionError) or getattr(error, "errno", None) in _DENIED:
        return True
    said = str(error)
    return "ACCESS_DENIED" in said or _status(error, said) in (401, 403, 451)


def not_a_file(name: str) -> ObjectError:
    """What can't be read to an end."""
    return ObjectError(NOT_A_FILE, f"{name}: {_REMEDIES[NOT_A_FILE]}")


def too_many_bytes(name: str, most: int) -> ObjectError:
    """A file that is not read at all."""
    return ObjectError(TOO_LARGE, f"{name}: has more than {most:,} bytes; make it smaller")


def first_line(said: str) -> str:
    """The beginning of an error that a storage's library raised."""
    return (said.splitlines() or [""])[0][:200]


def _kind(error: Exception, status: int | None) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, FileNotFoundError) or status in (404, 410) or number in _MISSING:
        return MISSING
    if is_denied(error):
        return DENIED
    if number in _NOT_A_FILE:
        return NOT_A_FILE
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return MISSING  # a name that no file can have
    return UNAVAILABLE


def _status(error: Any, said: str) -> int | None:
    """The status of an HTTP answer, if the error is of one."""
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status
    found = _STATUS.search(said)
    return int(found[1] or found[2]) if found else None


def _are_credentials(error: Exception, status: int | None, said: str) -> bool:
    is_of_cloud = "AWS Error" in said or "Azure" in said or "google::cloud" in said
    if not is_of_cloud or isinstance(error, FileNotFoundError):
        return False
    # S3 answers 400 to the HEAD of an object if the token has expired, and says no more
    return status == 400 or any(word in said for word in _CREDENTIALS)
