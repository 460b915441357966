"""A damaged file says nothing on standard error."""

import subprocess
import sys

import pytest

PROGRAM = """
import io, struct
from PIL import Image
from simpsons.pixels.quiet import silence_pillow
{}
tags = [(256, 1), (257, 1), (258, 8), (277, 300), (273, 8), (259, 1)]
rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
start = struct.pack("<2sHIH", b"II", 42, 8, len(tags) + 1)
try:
    Image.open(io.BytesIO(start + rows + struct.pack("<HHII", 274, 4, 9, 10**6)))
except OSError:
    pass
"""


@pytest.mark.parametrize(("call", "is_silent"), [("silence_pillow()", True), ("", False)])
def test_what_pillow_says_besides_its_errors_is_dropped(call, is_silent):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(call)], capture_output=True, text=True, check=True
    )
    assert (done.stderr == "") == is_silent, done.stderr
    assert is_silent or ("More samples" in done.stderr and "Warning" in done.stderr)
