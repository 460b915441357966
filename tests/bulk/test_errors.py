import errno

import pytest

from simpsons.bulk import errors
from simpsons.pixels import images


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError(errno.ENOENT, "gone"), "missing"),
        (NotADirectoryError(errno.ENOTDIR, "no folder"), "missing"),
        (OSError(errno.ELOOP, "links"), "missing"),
        (ValueError("embedded null byte"), "missing"),
        (PermissionError(errno.EACCES, "no"), "denied"),
        (
            OSError("AWS Error ACCESS_DENIED during HeadObject operation: No response body."),
            "denied",
        ),
        (OSError("AWS Error UNKNOWN (HTTP status 403) during HeadObject operation"), "denied"),
        (OSError("AWS Error UNKNOWN (HTTP status 404) during GetObject operation"), "missing"),
        (OSError("AWS Error SLOW_DOWN (HTTP status 503) during GetObject"), "unavailable"),
        (OSError(errno.EIO, "Input/output error"), "unavailable"),
        (OSError(errno.ENXIO, "No such device or address"), "not a file"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "unavailable"),
    ],
)
def test_kinds(error, kind):
    found = errors.of_storage("a.jpg", error)

    assert found.kind == kind
    assert found.message.startswith("a.jpg: ")


@pytest.mark.parametrize(
    "said",
    [
        "AWS Error EXPIRED_TOKEN during ListObjectsV2 operation: The provided token has expired",
        "AWS Error SIGNATURE_DOES_NOT_MATCH during ListObjectsV2 operation",
        "AWS Error INVALID_ACCESS_KEY_ID during GetObject operation",
        "AWS Error UNKNOWN (HTTP status 400) during HeadObject operation: No response body.",
    ],
)
def test_what_is_of_no_single_picture_stops_the_run(said):
    with pytest.raises(errors.CredentialsError, match="renew them"):
        errors.of_storage("s3://b/a.jpg", OSError(said))


def test_a_status_of_the_web():
    error = OSError("gone")
    error.status = 410

    assert errors.of_storage("https://a/b.jpg", error).kind == "missing"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (images.ImageError("a.jpg: the picture is truncated; fetch it again"), "damaged"),
        (images.TooLargeError("a.jpg: has more pixels"), "too large"),
        (images.UnreadableError("a.jpg: the memory does not suffice"), "unavailable"),
    ],
)
def test_kinds_of_pictures(error, kind):
    assert errors.of_picture(error).kind == kind
