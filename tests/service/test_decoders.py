"""Decoding in processes, under a deadline."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.attacks.service import bmp
from simpsons.pixels import images
from simpsons.pixels.plain_resize import ANTIALIAS
from simpsons.service import decoders as decoders_module
from simpsons.service.decoders import InProcesses
from simpsons.service.uploads import Upload


def png(width, height):
    file = io.BytesIO()
    Image.new("L", (width, height), 90).save(file, "PNG", compress_level=1)
    return file.getvalue()


@pytest.fixture(scope="module")
def large():
    """A picture of more pixels than are decoded among the quick ones."""
    assert images.LARGE < 4100 * 4000
    return png(4100, 4000)


@pytest.fixture(scope="module")
def slow():
    """One of fewer pixels that takes some milliseconds."""
    return png(1000, 900)


def decode(decoders, *uploads):
    async def both():
        request = decoders.of_request()
        return await asyncio.gather(
            *(request.original(Upload(*one), ANTIALIAS) for one in uploads),
            *(request.reduced(Upload(*one), 200) for one in uploads),
        )

    return asyncio.run(both())


@pytest.fixture
def begun():
    decoders = []

    def begin(quick, slow):
        decoders.append(InProcesses(1, quick, slow))
        return decoders[-1]

    yield begin
    for each in decoders:
        each.close()


def test_slow_pictures_are_decoded_apart(begun, slow, large):
    patient = begun(0.0005, 60)

    async def both():
        return await asyncio.gather(
            patient.of_request().original(Upload(slow, "slow.png"), ANTIALIAS),
            patient.of_request().reduced(Upload(large, "large.png"), 200),
        )

    original, reduced = asyncio.run(both())
    expected = images.load_file(Upload(slow, "slow.png"))
    assert original[1:] == expected[1:]
    assert np.array_equal(original.pixels, expected.pixels)
    assert reduced[1:] == (4100, 4000)


def test_large_pictures_are_not_begun_among_the_quick_ones(begun, doll, large):
    decoders = begun(60, 0.001)
    original, reduced = decode(decoders, (doll, "doll.png"))
    assert np.array_equal(original.pixels, images.load(io.BytesIO(doll)))
    assert reduced.pixels.shape == images.decode_reduced(io.BytesIO(doll), 200).pixels.shape
    broken, _ = decode(decoders, (b"no picture", "broken.png"))
    assert broken.startswith("broken.png: ")
    for said in decode(decoders, (large, "large.png")):
        assert said == (
            "large.png: takes longer than 0.001 s to decode; save it again, smaller, as JPEG or PNG"
        )


def test_when_its_pictures_took_long_the_rest_of_a_request_is_slow(begun, doll, slow, monkeypatch):
    monkeypatch.setattr(decoders_module, "TOGETHER_SECONDS", 0.001)
    decoders = begun(60, 60)
    asked = []
    for pool in (decoders._quick, decoders._slow):
        real = pool.ask
        monkeypatch.setattr(
            pool, "ask", lambda *given, p=pool, r=real: asked.append(p) or r(*given)
        )

    async def one_after_the_other(*contents):
        request = decoders.of_request()
        for content in contents:
            await request.original(Upload(content, "a.png"), ANTIALIAS)

    asyncio.run(one_after_the_other(slow, doll))
    asyncio.run(one_after_the_other(doll))
    assert asked == [decoders._quick, decoders._slow, decoders._quick]


def test_processes_that_failed_to_start_are_started_when_they_are_asked_again(begun, doll):
    decoders = begun(60, 60)
    broken = decoders._quick._pool
    broken.stop()
    broken.join()
    original, _ = decode(decoders, (doll, "doll.png"))
    assert original.format == "PNG"


def test_run_lengths_of_many_pixels_are_not_begun_among_the_quick_ones(begun):
    with_rows = bmp(1000, 900)
    assert images.LARGE // 20 < 1000 * 900
    original, _ = decode(begun(60, 0.0001), (with_rows, "rows.bmp"))
    assert original.startswith("rows.bmp: takes longer than 0.0001 s to decode")
