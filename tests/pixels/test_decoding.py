"""Files decoded in other processes are what they are here, whatever happens to these."""

import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from PIL import Image

from simpsons import processors
from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.demo.dolls import DOLLS
from simpsons.demo.drawings import draw
from simpsons.pixels import decoding, images
from simpsons.pixels.decoding import Decoder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system can't copy a process")


@pytest.fixture
def paths(tmp_path):
    """Twelve pictures in three classes."""
    found = []
    for number in range(12):
        path = (
            tmp_path / "pictures" / f"class_{number % 3}" / f"{number}.{('jpg', 'png')[number % 2]}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(DOLLS[number], np.random.default_rng(number), 80 + 9 * number).save(path)
        found.append(path)
    return found


@pytest.fixture
def decoder():
    """A decoder with two processes that are ready."""
    with Decoder(processes=2) as decoder:
        decoder.start()
        yield decoder


@pytest.fixture
def many_processors(monkeypatch):
    """Processes are started as if there were many processors, from the eighth file on."""
    monkeypatch.setattr(decoding, "_FEWEST", 1)
    monkeypatch.setattr(decoding, "MANY", 8)


@pytest.fixture(autouse=True)
def started_before():
    """Processes of other tests, which are none of ours."""
    _started_before.clear()
    _started_before.update(processes())


_started_before = set()


def processes():
    """Those that the test has started."""
    return {one.pid for one in psutil.Process().children(recursive=True)} - _started_before


def expect_the_same(results, paths):
    expected = [images.load_file(path) for path in paths]
    for result, one in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result.pixels, one.pixels)
        assert result[1:] == one[1:]


def wait_until(is_so):
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_pictures_are_those_that_this_process_decodes(decoder, paths):
    expect_the_same(decoder.load(paths), paths)
    assert decoder.load([]) == []


def test_other_processes_decode_them(decoder, paths, monkeypatch):
    monkeypatch.setattr(images, "load_file", None)
    assert [result.format for result in decoder.load(paths[:2])] == ["JPEG", "PNG"]


def test_what_is_no_picture_gives_the_usual_error(decoder, paths, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(paths[0].read_bytes()[:-200])
    missing = tmp_path / "missing\udcff.jpg"
    results = decoder.load([paths[0], broken, missing, paths[1]])
    expect_the_same([results[0], results[3]], paths[:2])
    for result, path in zip(results[1:3], (broken, missing), strict=True):
        with pytest.raises(images.ImageError) as error:
            images.load_file(path)
        assert isinstance(result, images.ImageError)
        assert str(result) == str(error.value)


def test_a_large_picture_is_decoded_here(decoder, tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("L", (4100, images.LARGE // 4100 + 1)).save(path)
    here = []
    load_file = images.load_file
    monkeypatch.setattr(
        images, "load_file", lambda file, **way: here.append(file.name) or load_file(file, **way)
    )
    [result] = decoder.load([path])
    assert here == [str(path)]
    assert result.width == 4100


def test_the_content_of_a_picture_in_bars_comes_from_a_process_too(decoder, tmp_path):
    pixels = np.random.default_rng(0).integers(60, 200, (6, 8, 3), np.uint8).repeat(20, 0)
    framed = np.pad(pixels.repeat(20, 1), ((40, 40), (0, 0), (0, 0)))
    path = tmp_path / "letterboxed.png"
    Image.fromarray(framed).save(path)
    [result] = decoder.load([path])
    assert result.content == (0, 0.2, 1, 0.8)
    assert np.array_equal(result.pixels, images.fit(framed[40:-40]))


def test_paths_are_relative_to_where_the_asker_is(decoder, paths, monkeypatch):
    for path in paths[:3]:
        monkeypatch.chdir(path.parent)
        expect_the_same(decoder.load([path.name]), [path])


def test_threads_ask_at_the_same_time(decoder, paths):
    with ThreadPoolExecutor(5) as pool:
        for results in pool.map(decoder.load, [paths] * 20):
            expect_the_same(results, paths)


@pytest.mark.parametrize("at_work", [False, True])
def test_processes_that_are_killed_lose_nothing(decoder, paths, at_work):
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(decoder.load, paths * 10) for _ in range(4 * at_work)]
        for pid in processes():
            psutil.Process(pid).kill()
        for answer in answers:
            expect_the_same(answer.result(), paths * 10)
    expect_the_same(decoder.load(paths), paths)


def test_they_start_once_there_are_many_files(many_processors, paths):
    before = processes()
    with Decoder() as decoder:
        decoder.load(paths[:7])
        assert processes() == before
        decoder.load(paths[7:8])
        wait_until(lambda: len(processes() - before) > 1)
        expect_the_same(decoder.load(paths), paths)
    assert processes() == before


@pytest.mark.parametrize(("available", "threads"), [(2, 2), (5, 5), (6, 6), (64, 16)])
def test_as_many_threads_ask_as_can_be_kept_at_work(monkeypatch, available, threads):
    monkeypatch.setattr(processors, "count", lambda: available)
    assert Decoder().threads == threads
    assert Decoder(processes=0).threads == min(available, 8)


def test_none_start_on_few_processors(monkeypatch, paths):
    monkeypatch.setattr(decoding, "MANY", 8)
    monkeypatch.setattr(processors, "count", lambda: decoding._FEWEST - 1)
    before = threading.active_count()
    with Decoder() as decoder:
        expect_the_same(decoder.load(paths), paths)
        assert threading.active_count() == before
        assert processes() == set()


@pytest.mark.parametrize(("name", "value"), [("frozen", True), ("executable", None)])
def test_none_start_without_a_python(many_processors, paths, monkeypatch, name, value):
    monkeypatch.setattr(sys, name, value, raising=False)
    with Decoder() as decoder:
        expect_the_same(decoder.load(paths), paths)
        decoder.start()
        assert processes() == set()


def test_a_decoder_that_can_start_none_decodes_here(many_processors, paths, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Decoder(processes=3) as decoder:
        decoder.start()
        expect_the_same(decoder.load(paths), paths)


def test_where_the_module_is_out_of_reach_this_process_decodes(paths):
    program = f"""
import sys
from simpsons.pixels.decoding import Decoder

sys.path[:] = ["/nowhere"]
with Decoder(processes=2) as decoder:
    decoder.start()
    assert len(decoder.load({[str(path) for path in paths]!r})) == {len(paths)}
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize("executable", [sys.executable, "/nowhere/python", "/nowhere\0python"])
def test_a_start_that_fails_leaves_nothing_open(paths, executable):
    program = f"""
import resource, sys
from simpsons.pixels.decoding import Decoder

sys.executable = {executable!r}
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
with Decoder(processes={64 if executable == sys.executable else 2}) as decoder:
    decoder.start()
    assert len(decoder.load({[str(path) for path in paths]!r})) == {len(paths)}
"""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    assert done.stderr == ""


def test_closing_ends_them_though_they_are_not_ready(paths):
    decoder = Decoder(processes=3)
    starting = threading.Thread(target=decoder.start)
    starting.start()
    wait_until(processes)
    decoder.close()
    starting.join()
    assert processes() == set()
    expect_the_same(decoder.load(paths), paths)
    decoder.start()
    assert processes() == set()


def test_a_classifier_answers_the_same_and_leaves_none(many_processors, paths):
    classifier = Classifier("xception")
    wanted = [classifier.predict(path) for path in paths]
    assert list(classifier.predict_all(paths)) == wanted
    wait_until(lambda: len(processes()) > 1)
    assert list(classifier.predict_all([*paths, "missing.jpg"]))[:-1] == wanted
    del classifier
    gc.collect()
    assert processes() == set()


def test_a_cache_has_the_same_pictures_and_leaves_none(
    many_processors, paths, monkeypatch, tmp_path
):
    monkeypatch.setattr(cache, "_CHUNK", 2)
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))
    dataset = cache.load(tmp_path / "pictures")
    expected = [images.load(dataset.root / path) for path in dataset.paths]
    np.testing.assert_array_equal(dataset.images, expected)
    assert processes() == set()


@pytest.mark.parametrize("starts", [True, False])
def test_a_copy_of_the_asker_decodes_on_its_own(paths, starts):
    program = f"""
import os, sys
import psutil
from simpsons.pixels import decoding, images

decoding.MANY = 12
paths = {[str(path) for path in paths]!r}
decoder = decoding.Decoder(processes=1)
if {starts}:
    decoder.start()
is_copy = os.fork() == 0
for path in paths[::-1 if is_copy else 1] * 20:
    [result] = decoder.load([path])
    assert (result.pixels == images.load_file(path).pixels).all()
if is_copy:
    assert psutil.Process().children() == []
    sys.exit()
_, status = os.wait()
if {starts}:
    images.load_file = None
    assert len(decoder.load(paths)) == 12
sys.exit(os.waitstatus_to_exitcode(status))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=60)


def test_a_copy_waits_for_no_lock_that_was_held(paths):
    program = f"""
import os, signal, sys
from simpsons.pixels.decoding import Decoder

decoder = Decoder(processes=1)
with decoder._lock:  # as while processes are started
    if os.fork() == 0:
        signal.alarm(20)
        decoder.load({[str(path) for path in paths]!r})
        os._exit(0)
_, status = os.wait()
sys.exit(os.waitstatus_to_exitcode(status))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_working_folder_that_is_gone_costs_nothing(decoder, paths, monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for _ in range(3):
        expect_the_same(decoder.load(paths), paths)
    [result] = decoder.load(["0.jpg"])
    assert isinstance(result, images.ImageError)
    monkeypatch.setattr(images, "load_file", None)
    assert len(decoder.load(paths)) == len(paths)


def test_a_process_that_waits_for_a_file_is_ended_too(paths, tmp_path):
    pipe = tmp_path / "endless.jpg"
    os.mkfifo(pipe)
    decoder = Decoder(processes=2)
    decoder.start()
    asking = threading.Thread(target=decoder.load, args=([pipe],), daemon=True)
    asking.start()
    wait_until(lambda: decoder._idle.qsize() == 1)
    decoder.close()
    assert processes() == set()
    with pipe.open("wb"):  # now it is this process that waits
        pass
    asking.join()
    expect_the_same(decoder.load(paths), paths)


def test_none_start_where_few_files_may_be_open(paths, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    with Decoder(processes=2) as decoder:
        decoder.start()
        assert processes() == set()
        expect_the_same(decoder.load(paths), paths)


def test_an_asker_that_is_killed_leaves_none(paths):
    program = """
import sys, time
from simpsons.pixels.decoding import Decoder

decoder = Decoder(processes=2)
decoder.start()
print("ready", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as asker:
        assert asker.stdout.readline() == b"ready\n"
        theirs = psutil.Process(asker.pid).children(recursive=True)
        asker.kill()
    assert len(theirs) == 3
    assert psutil.wait_procs(theirs, timeout=60)[1] == []
