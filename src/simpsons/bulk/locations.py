"""Where pictures and results are: files, buckets, web addresses and archives, read as bytes."""

import os
import stat
import struct
import threading
import zlib
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import pyarrow
import pyarrow.fs

from simpsons.bulk import errors
from simpsons.bulk.limits import MOST_BYTES

S3, GCS, AZURE, WEB = ("s3",), ("gs", "gcs"), ("az", "abfs", "abfss"), ("http", "https")
SCHEMES = (*S3, *GCS, *AZURE, *WEB)
"""What may stand before `://`."""

ZIP, TAR = ".zip", ".tar"

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe then does not wait for its writer
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_SECONDS = {"connect_timeout": 10, "request_timeout": 30}
_GCS_TIME = timedelta(seconds=30)  # of its own tries; 15 minutes otherwise
_OPTIONS = {"region", "anonymous", "endpoint_override", "scheme", "account_name"}
_ONCE = threading.Lock()


@dataclass(frozen=True)
class Entry:
    """A picture of the manifest.

    path: as the source names it; of a member of an archive, the archive's path, a slash and the
    member's name. archive: the archive's path. offset, size: of the member in bytes: where its
    header begins in a zip, or its content in a tar, and how many bytes are stored.
    """

    path: str
    archive: str | None = None
    offset: int = 0
    size: int = 0


def scheme_of(location: str) -> str | None:
    """`s3` of `s3://bucket/key`; None for a path of this machine.

    Raises BulkError for a scheme that is not known here, and for credentials in an address.
    """
    scheme, found, rest = location.partition("://")
    if not found or not scheme.isalnum():
        return None
    if scheme.lower() not in SCHEMES:
        raise errors.BulkError(
            f"{location}: nothing here reads {scheme}://; use a path or one of "
            f"{', '.join(f'{known}://' for known in SCHEMES)}"
        )
    if "@" in rest.partition("/")[0] and scheme.lower() not in AZURE:
        raise errors.BulkError(
            f"{scheme}://...: has credentials in it, which would be written down; give them in "
            "the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return scheme.lower()


def split_options(location: str) -> tuple[str, str]:
    """`s3://bucket/folder` and `region=eu-west-1` of both with a question mark between."""
    if scheme_of(location) in (*S3, *GCS, *AZURE):
        location, _, options = location.partition("?")
        return location, options
    return location, ""


def whole(location: str) -> str:
    """The same location, whichever folder a process is in."""
    return location if scheme_of(location) else os.path.abspath(location)  # noqa: PTH100


def within(base: str, path: str) -> str:
    """The path itself if it is whole, else below `base`."""
    if not base or scheme_of(path):
        return path
    if scheme_of(base):
        return f"{base.rstrip('/')}/{path}"
    return os.path.join(base, path)  # noqa: PTH118 (any bytes of a name stay as they are)


def file_system(location: str, options: str = "") -> tuple[Any, str]:
    """The `pyarrow.fs.FileSystem` of a location, and the path in it.

    options: of a bucket's file system, `name=value` with `&` between: `region`, `anonymous`,
    `endpoint_override`, `scheme`, `account_name`.
    """
    scheme = scheme_of(location)
    if scheme is None:
        return pyarrow.fs.LocalFileSystem(), os.path.abspath(location)  # noqa: PTH100
    if scheme in WEB:
        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(_web())), location
    path = location.partition("://")[2]
    with _ONCE:
        return _of_bucket(scheme, path.partition("/")[0], options), path


def read(entry: Entry, base: str = "", options: str = "") -> bytes:
    """The bytes of a picture's file. Raises ObjectError, and CredentialsError."""
    location = within(base, entry.archive or entry.path)
    try:
        if scheme_of(location) is None:
            return _read_here(location, entry)
        return _read_there(location, entry, options)
    except (errors.ObjectError, errors.BulkError):
        raise
    except MemoryError:
        raise errors.ObjectError(
            errors.UNAVAILABLE, f"{entry.path}: the memory does not suffice to read it; free some"
        ) from None
    except Exception as error:  # each library of a storage has errors of its own
        raise errors.of_storage(entry.path, error) from None


def _read_here(location: str, entry: Entry) -> bytes:
    opened = os.open(location, _FLAGS)
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            raise errors.not_a_file(entry.path)
        if entry.archive is None:
            return _read_up_to(opened, status.st_size, 0, entry)
        return _member(lambda offset, size: _read_up_to(opened, size, offset, entry), entry)
    finally:
        os.close(opened)


def _read_up_to(opened: int, size: int, offset: int, entry: Entry) -> bytes:
    if size > MOST_BYTES:
        raise errors.too_many_bytes(entry.path, MOST_BYTES)
    if offset:
        os.lseek(opened, offset, os.SEEK_SET)
    data = os.read(opened, size)
    while len(data) < size and (more := os.read(opened, size - len(data))):
        data += more
    return data


def _read_there(location: str, entry: Entry, options: str) -> bytes:
    if entry.archive is None and scheme_of(location) in WEB:
        content: bytes = _web().cat_file(location)
        if len(content) > MOST_BYTES:
            raise errors.too_many_bytes(entry.path, MOST_BYTES)
        return content
    system, path = file_system(location, options)
    with _opened(system, path) as file:

        def read_at(offset: int, size: int) -> bytes:
            if size > MOST_BYTES:
                raise errors.too_many_bytes(entry.path, MOST_BYTES)
            data: bytes = file.read_at(size, offset)
            if len(data) < size:
                raise errors.ObjectError(
                    errors.UNAVAILABLE,
                    f"{entry.path}: {len(data):,} of {size:,} bytes came; try again later",
                )
            return data

        if entry.archive is None:
            return read_at(0, file.size())
        return _member(read_at, entry)


def _opened(system: Any, path: str) -> Any:
    try:
        return system.open_input_file(path)
    except OSError as error:
        if errors.is_denied(error):  # the answer to a listing, unlike that one, says why
            system.get_file_info(pyarrow.fs.FileSelector(path, allow_not_found=True))
        raise


def _member(read_at: Any, entry: Entry) -> bytes:
    """The content of a file in an archive. read_at: gives bytes of offset and size."""
    if not str(entry.archive).lower().endswith(ZIP):
        return bytes(read_at(entry.offset, entry.size))
    header = read_at(entry.offset, _LOCAL_HEADER.size)
    damaged = errors.ObjectError(
        errors.DAMAGED, f"{entry.path}: the archive is damaged there; fetch it again"
    )
    if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\3\4":
        raise damaged
    _, _, flags, method, *_, name, extra = _LOCAL_HEADER.unpack(header)
    if flags & 1 or method not in (_STORED, _DEFLATED):
        raise errors.ObjectError(
            errors.DAMAGED,
            f"{entry.path}: is encrypted or packed in an unusual way; pack it anew",
        )
    data = bytes(read_at(entry.offset + _LOCAL_HEADER.size + name + extra, entry.size))
    if method == _STORED:
        return data
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = unpacking.decompress(data, MOST_BYTES)
    except zlib.error:
        raise damaged from None
    if unpacking.unconsumed_tail:
        raise errors.too_many_bytes(entry.path, MOST_BYTES)
    return content


@lru_cache(maxsize=1)
def _web() -> Any:
    import fsspec

    return fsspec.filesystem("https")


@lru_cache(maxsize=64)
def _of_bucket(scheme: str, bucket: str, options: str) -> Any:
    given: dict[str, Any] = dict(parse_qsl(options))
    if not given.keys() <= _OPTIONS:
        raise errors.BulkError(
            f"{scheme}://{bucket}?{options}: has an option that is not known; use "
            f"{', '.join(sorted(_OPTIONS))}"
        )
    if "anonymous" in given:
        given["anonymous"] = given["anonymous"].lower() in ("1", "true", "yes")
    try:
        if scheme in S3:
            return _of_s3(bucket, given)
        if scheme in GCS:
            return pyarrow.fs.GcsFileSystem(**({"retry_time_limit": _GCS_TIME} | given))
        return _of_azure(given)
    except (OSError, TypeError, pyarrow.ArrowException) as error:
        raise errors.BulkError(
            f"{scheme}://{bucket}: {errors.first_line(str(error))}; check the name, the "
            "credentials and the network"
        ) from None


def _of_azure(given: dict[str, Any]) -> Any:
    """The account is named as for Azure's own command line; without a key its log-in is used."""
    named = {
        "account_name": "AZURE_STORAGE_ACCOUNT",
        "account_key": "AZURE_STORAGE_KEY",
        "sas_token": "AZURE_STORAGE_SAS_TOKEN",
    }
    account = {option: os.environ.get(name, "") for option, name in named.items()}
    elsewhere: dict[str, str] = {}
    for option, part in (("endpoint_override", "authority"), ("scheme", "scheme")):
        if value := given.pop(option, None):
            elsewhere |= {f"blob_storage_{part}": value, f"dfs_storage_{part}": value}
    known = {option: value for option, value in account.items() if value}
    if elsewhere.get("blob_storage_scheme") == "http" and not known.keys() - {"account_name"}:
        raise errors.BulkError(
            "Azure's log-in is sent over https alone; omit scheme=http, or set AZURE_STORAGE_KEY"
        )
    return pyarrow.fs.AzureFileSystem(**(known | elsewhere | given))


def _of_s3(bucket: str, given: dict[str, Any]) -> Any:
    named = (os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    elsewhere = next(filter(None, named), None)
    if elsewhere:
        given = {"endpoint_override": elsewhere} | given
    if not given.keys() & {"region", "endpoint_override"}:
        given = given | {"region": pyarrow.fs.resolve_s3_region(bucket)}
    tries = pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=2)  # ours are counted and timed
    own = {"retry_strategy": tries, "allow_delayed_open": True}  # small objects in one request
    return pyarrow.fs.S3FileSystem(**(_SECONDS | own | given))
