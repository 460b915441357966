"""`python -m benchmarks.bulk s3`: a real S3 server behind a proxy that does what storages do."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.fs
import pyarrow.parquet

from benchmarks import bulk_faults
from benchmarks.bulk_pictures import write_pictures
from benchmarks.peers.environment import s3_server
from benchmarks.report import machine

_KEY, _SECRET = "bulk", "bulk-secret"
_PICTURES, _ANSWERS = "pictures", "answers"
_SECONDS = 900.0


def s3(count: int, part_size: int, model: str) -> None:
    """Run disturbed and undisturbed, compare, print. Exits with 1 if they differ."""
    with tempfile.TemporaryDirectory(prefix="bulk") as name, _server(Path(name)) as port:
        folder = Path(name)
        write_pictures(folder / "pictures", count, poisoned=False)
        storage = pyarrow.fs.S3FileSystem(
            access_key=_KEY,
            secret_key=_SECRET,
            endpoint_override=f"http://127.0.0.1:{port}",
            allow_bucket_creation=True,
        )
        keys = _upload(storage, folder / "pictures")
        proxy_port = _free_port()
        command = [sys.executable, "-m", "benchmarks.bulk_faults", str(proxy_port), str(port)]
        with subprocess.Popen(command) as proxy:
            try:
                fits = _disturb(storage, proxy_port, port, keys, part_size, model)
            finally:
                proxy.kill()
    print(f"{'all as it should be' if fits else 'NOT as it should be'}; {model}; {machine()}")
    sys.exit(0 if fits else 1)


def _disturb(
    storage: Any, proxy: int, server: int, keys: list[str], part_size: int, model: str
) -> bool:
    faults = {key: bulk_faults.fault_of(f"/{key}") for key in keys}
    counted = Counter(filter(None, faults.values()))
    print(f"{len(keys):,} objects, of them {dict(counted)}", flush=True)
    disturbed = ["--out", f"s3://{_ANSWERS}/disturbed", "--object-seconds", "12"]
    options = ["--model", model, "--part-size", str(part_size)]
    code, _ = _simpsons(proxy, [f"s3://{_PICTURES}", *disturbed, *options, "--plan"])
    fits = _holds("the list is frozen through the proxy", code == 0)
    for key, fault in faults.items():
        if fault == bulk_faults.VANISHES:
            storage.delete_file(key)
    start = time.monotonic()
    parts = -(-len(keys) // part_size)
    client = _start(proxy, [*disturbed, "--workers", "2"])
    _wait_for(storage, parts // 4, client)
    os.killpg(client.pid, signal.SIGKILL)
    client.communicate()
    client = _start(proxy, [*disturbed, "--workers", "2"])
    _wait_for(storage, parts // 2, client)
    _tell(proxy, "expire")
    said = client.communicate(timeout=_SECONDS)[0]
    stopped = client.returncode == 2 and "credentials" in said
    fits &= _holds(
        f"expired credentials stop the run: {said.strip()[-400:]} ({client.returncode})", stopped
    )
    _tell(proxy, "renew")
    code, _ = _simpsons(proxy, disturbed)
    expected = Counter(
        missing=counted[bulk_faults.VANISHES],
        denied=counted[bulk_faults.DENIED],
        timeout=counted[bulk_faults.HANGS],
    )
    kinds = _kinds(storage)
    fits &= _holds(f"{dict(kinds)} in {time.monotonic() - start:.0f} s", code == 1)
    fits &= _holds(
        "what vanished, was denied or hung is a row, the rest is answered", kinds == expected
    )
    for said in _errors(storage, kinds.keys() - expected.keys())[:3]:
        print(f"    {said}")
    _tell(proxy, "forgive")
    _simpsons(proxy, [*disturbed, "--retry-errors"])
    kinds = _kinds(storage)
    gone = Counter(missing=counted[bulk_faults.VANISHES])
    fits &= _holds(f"after --retry-errors {dict(kinds)}", kinds == gone)
    listed = storage.open_input_file(f"{_ANSWERS}/disturbed/manifest.parquet").read()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "list.parquet").write_bytes(listed)
        table = pyarrow.parquet.read_table(Path(name) / "list.parquet", columns=["path"])
        pyarrow.parquet.write_table(table, Path(name) / "list.parquet")
        arguments = [f"{name}/list.parquet", "--out", f"s3://{_ANSWERS}/calm", *options]
        start = time.monotonic()
        _simpsons(server, arguments)
    took = time.monotonic() - start
    print(f"undisturbed, without the proxy: {took:.0f} s, {len(keys) / took:,.0f} a second")
    calm, other = _parts(storage, "calm"), _parts(storage, "disturbed")
    rows = [row for data in other.values() for row in _column(data, "row")]
    fits &= _holds("each object once", sorted(rows) == list(range(len(keys))))
    return _holds(f"{len(calm):,} parts equal byte for byte", calm == other) and fits


def _holds(what: str, whether: bool) -> bool:
    print(f"{'yes' if whether else 'NO '} {what}", flush=True)
    return whether


def _upload(storage: Any, folder: Path) -> list[str]:
    for bucket in (_PICTURES, _ANSWERS):
        storage.create_dir(bucket)
    paths = sorted(folder.rglob("*.jpg"))

    def send(path: Path) -> str:
        key = f"{_PICTURES}/{path.relative_to(folder)}"
        with storage.open_output_stream(key) as stream:
            stream.write(path.read_bytes())
        return key

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(send, paths))


def _environment(port: int) -> dict[str, str]:
    return os.environ | {
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _start(port: int, arguments: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "simpsons", "bulk", *arguments],
        env=_environment(port),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _simpsons(port: int, arguments: list[str]) -> tuple[int, str]:
    with _start(port, arguments) as client:
        said = client.communicate(timeout=_SECONDS)[0]
    if client.returncode not in (0, 1) or "Traceback" in said:
        print(said[-2000:])
    return client.returncode, said


def _wait_for(storage: Any, parts: int, client: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + _SECONDS
    while len(_names(storage, "disturbed", ".json")) <= parts and client.poll() is None:
        if time.monotonic() > end:
            sys.exit("it hangs")
        time.sleep(0.3)
    if client.poll() is not None:
        sys.exit(f"the client ended with {client.returncode}: {client.communicate()[0][-2000:]}")


def _names(storage: Any, run: str, suffix: str) -> list[str]:
    chosen = pyarrow.fs.FileSelector(f"{_ANSWERS}/{run}", allow_not_found=True)
    return sorted(
        one.path
        for one in storage.get_file_info(chosen)
        if one.base_name.startswith("part-") and one.base_name.endswith(suffix)
    )


def _parts(storage: Any, run: str) -> dict[str, bytes]:
    return {
        name.rpartition("/")[2]: storage.open_input_file(name).read()
        for name in _names(storage, run, ".parquet")
    }


def _kinds(storage: Any) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for name in _names(storage, "disturbed", ".json"):
        kinds.update(json.loads(storage.open_input_file(name).read())["errors"])
    return kinds


def _errors(storage: Any, kinds: Set[str]) -> list[str]:
    """What the rows of these kinds say."""
    found = []
    for data in _parts(storage, "disturbed").values():
        said = zip(_column(data, "error_kind"), _column(data, "error"), strict=True)
        found += [error for kind, error in said if kind in kinds]
    return found


def _column(data: bytes, name: str) -> list[Any]:
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(data), columns=[name])
    return list(table.column(name).to_pylist())


def _tell(port: int, what: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/-/{what}")
    connection.getresponse().read()
    connection.close()


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    """SeaweedFS on the loopback interface; gives the port of its S3."""
    port = _free_port()
    (folder / "data").mkdir()
    identity = {
        "name": "bulk",
        "credentials": [{"accessKey": _KEY, "secretKey": _SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    command = [s3_server(), "server", "-s3", f"-s3.port={port}", f"-s3.config={folder}/s3.json"]
    command += [f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += ["-volume.max=100", "-master.volumeSizeLimitMB=64"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    for name in ("master", "volume", "filer"):
        command += [f"-{name}.port={_free_port()}", f"-{name}.port.grpc={_free_port()}"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"-s3.port.grpc={_free_port()}"], stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + 60
        while not _answers(port):
            if time.monotonic() > end or server.poll() is not None:
                sys.exit((folder / "server.log").read_text(encoding="utf-8")[-2000:])
            time.sleep(0.5)
        time.sleep(5)  # until its parts have found one another
        yield port
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as made:
        made.settimeout(1)
        return made.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
    return port
