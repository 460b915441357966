"""Decoding in processes, under a deadline."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from simpsons import images
from simpsons.plain_resize import ANTIALIAS
from simpsons.serve.decoders import InProcesses
from simpsons.serve.uploads import Upload


@pytest.fixture(scope="module")
def large():
    """A PNG of many pixels that takes some tenths of a second."""
    file = io.BytesIO()
    Image.new("L", (8800, 8800), 90).save(file, "PNG", compress_level=1)
    return file.getvalue()


def decode(decoders, *uploads):
    async def both():
        return await asyncio.gather(
            *(decoders.original(Upload(*one), ANTIALIAS) for one in uploads),
            *(decoders.reduced(Upload(*one), 200) for one in uploads),
        )

    return asyncio.run(both())


def test_slow_pictures_are_decoded_apart_and_those_that_take_too_long_given_up(doll, large):
    patient, hasty = InProcesses(1, quick=0.001, slow=60), InProcesses(1, quick=10, slow=0.001)
    try:
        original, reduced = decode(patient, (large, "large.png"))
        expected = images.load_file(Upload(large, "large.png"))
        assert original[1:] == expected[1:]
        assert np.array_equal(original.pixels, expected.pixels)
        assert (reduced.pixels.shape, *reduced[1:]) == ((200, 200, 3), 8800, 8800)

        original, reduced = decode(hasty, (doll, "doll.png"))
        assert np.array_equal(original.pixels, images.load(io.BytesIO(doll)))
        broken, _ = decode(hasty, (b"no picture", "broken.png"))
        assert broken.startswith("broken.png: ")
    finally:
        patient.close()
        hasty.close()

    decoders = InProcesses(1, quick=0.001, slow=0.002)
    try:
        for said in decode(decoders, (large, "large.png")):
            assert said == (
                "large.png: takes longer than 0.002 s to decode; save it anew, smaller, as JPEG or "
                "PNG"
            )
    finally:
        decoders.close()
