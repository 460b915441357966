"""Where the runtime comes from, and what is said where it can't be had."""

import io
import tarfile
import urllib.error

import pytest

from simpsons.errors import SimpsonsError
from simpsons.web import runtime


@pytest.fixture
def fetched(monkeypatch):
    """A function that sets what npm answers: bytes, or an error."""

    def answer(what):
        def urlopen(url, timeout):
            assert url == runtime.URL
            if isinstance(what, Exception):
                raise what
            return io.BytesIO(what)

        monkeypatch.setattr(runtime.urllib.request, "urlopen", urlopen)

    return answer


def test_files_that_lie_in_a_folder(runtime_folder, tmp_path):
    expected = runtime.read(runtime_folder)
    assert expected.script.startswith(b"/*!\n * ONNX Runtime Web v1.30.0")
    assert expected.engine.startswith(b"\0asm")
    installed = tmp_path / "node_modules" / "onnxruntime-web" / "dist"
    installed.parent.mkdir(parents=True)
    installed.symlink_to(runtime_folder)
    assert runtime.read(tmp_path) == expected
    package = tmp_path / "runtime.tgz"
    with tarfile.open(package, "w:gz", compresslevel=1) as archive:
        for name in runtime._NAMES:
            archive.add(runtime_folder / name, f"package/dist/{name}")
    assert runtime.read(package) == expected


def test_another_version_is_refused(tmp_path):
    for name in runtime._NAMES:
        (tmp_path / name).write_bytes(b"another")
    with pytest.raises(SimpsonsError, match=r"its ort.wasm.min.js is not that of .* 1\.30\.0; fe"):
        runtime.read(tmp_path)


def test_what_is_no_runtime_is_said_with_a_remedy(tmp_path):
    with pytest.raises(SimpsonsError, match=r"has not the files of onnxruntime-web; fetch https:"):
        runtime.read(tmp_path)
    with pytest.raises(SimpsonsError, match=r"gone: no such file or folder; .* with --runtime"):
        runtime.read(tmp_path / "gone")
    (tmp_path / "other.tgz").write_bytes(b"no archive")
    with pytest.raises(SimpsonsError, match=r"other.tgz: is no package of onnxruntime-web; fetch"):
        runtime.read(tmp_path / "other.tgz")


def test_without_a_network(fetched):
    fetched(urllib.error.URLError("Name or service not known"))
    with pytest.raises(
        SimpsonsError, match=r"can't be fetched \(Name or service not known\); fetch .* --runtime"
    ):
        runtime.read()


def test_a_package_that_was_changed_on_the_way(fetched):
    fetched(b"another package")
    with pytest.raises(SimpsonsError, match="is not what was published"):
        runtime.read()
