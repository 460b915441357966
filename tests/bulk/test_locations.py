import http.server
import tarfile
import threading
import zipfile

import pyarrow.fs
import pytest

from simpsons.bulk import locations
from simpsons.bulk.errors import BulkError, ObjectError
from simpsons.bulk.locations import Entry
from simpsons.bulk.sources import Source


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_of_a_zip(tmp_path, compression):
    path = str(tmp_path / "a.zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x/1.jpg", b"one" * 100)
        archive.writestr("readme.txt", b"left out")
        archive.writestr("2.jpg", b"two")

    entries = list(Source(path).entries())

    assert [entry.path for entry in entries] == [f"{path}/x/1.jpg", f"{path}/2.jpg"]
    assert [locations.read(entry) for entry in entries] == [b"one" * 100, b"two"]


def test_members_of_a_tar(tmp_path):
    for name, data in (("1.jpg", b"one"), ("notes.md", b"left out"), ("2.jpg", b"two" * 1000)):
        (tmp_path / name).write_bytes(data)
    path = str(tmp_path / "a.tar")
    with tarfile.open(path, "w") as archive:
        for name in ("1.jpg", "notes.md", "2.jpg"):
            archive.add(tmp_path / name, name)

    entries = list(Source(path).entries())

    assert [locations.read(entry) for entry in entries] == [b"one", b"two" * 1000]


def test_a_damaged_member(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"rubbish" * 20)

    with pytest.raises(ObjectError) as raised:
        locations.read(Entry("a.zip/1.jpg", str(tmp_path / "a.zip"), 7, 10))
    assert raised.value.kind == "damaged"


def test_too_many_bytes_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(locations, "MOST_BYTES", 10)
    (tmp_path / "a.jpg").write_bytes(bytes(11))

    with pytest.raises(ObjectError) as raised:
        locations.read(Entry(str(tmp_path / "a.jpg")))
    assert raised.value.kind == "too large"


def test_a_bucket(bucket):
    (bucket / "pics").mkdir()
    (bucket / "pics/a b?#%.jpg").write_bytes(b"picture")

    assert locations.read(Entry("s3://pics/a b?#%.jpg")) == b"picture"
    assert locations.read(Entry("a b?#%.jpg"), base="s3://pics/") == b"picture"
    with pytest.raises(ObjectError) as raised:
        locations.read(Entry("s3://pics/none.jpg"))
    assert raised.value.kind == "missing"


def test_a_relative_path_begins_with_the_base(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"picture")

    assert locations.read(Entry("a.jpg"), base=str(tmp_path)) == b"picture"


@pytest.mark.parametrize(
    ("location", "said"),
    [("ftp://host/a.jpg", "nothing here reads ftp://"), ("s3://key:secret@b/a", "credentials")],
)
def test_addresses_that_are_refused(location, said):
    with pytest.raises(BulkError, match=said) as raised:
        locations.scheme_of(location)
    assert "secret" not in str(raised.value)


def test_an_unknown_option():
    with pytest.raises(BulkError, match="an option that is not known"):
        locations.file_system("s3://b/a", "nonsense=1")


def test_azure_takes_its_account_from_the_environment_and_another_server(monkeypatch):
    given = {}
    monkeypatch.setattr(
        pyarrow.fs, "AzureFileSystem", lambda **options: given.update(options), raising=False
    )
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "mine")
    monkeypatch.setenv("AZURE_STORAGE_KEY", "c2VjcmV0")
    monkeypatch.delenv("AZURE_STORAGE_SAS_TOKEN", raising=False)
    locations.file_system("az://frames/1", "endpoint_override=localhost:10000&scheme=http")
    assert given == {
        "account_name": "mine",
        "account_key": "c2VjcmV0",
        "blob_storage_authority": "localhost:10000",
        "blob_storage_scheme": "http",
        "dfs_storage_authority": "localhost:10000",
        "dfs_storage_scheme": "http",
    }


def test_azure_without_a_key_is_not_asked_without_encryption(monkeypatch):
    """Its library would end the process."""
    for name in ("AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BulkError, match="set AZURE_STORAGE_KEY"):
        locations.file_system("az://other/1", "endpoint_override=localhost:10001&scheme=http")


class _Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if name.isdigit():
            self.send_error(int(name))
            return
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"picture" if name != "cut.jpg" else b"pic")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_web(web):
    assert locations.read(Entry(f"{web}/a.jpg")) == b"picture"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("404", "missing"), ("403", "denied"), ("503", "unavailable"), ("cut.jpg", "unavailable")],
)
def test_errors_of_the_web(web, name, kind):
    with pytest.raises(ObjectError) as raised:
        locations.read(Entry(f"{web}/{name}"))
    assert raised.value.kind == kind
