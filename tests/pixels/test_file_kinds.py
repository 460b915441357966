import io

import numpy as np
import pytest
from PIL import Image

from simpsons.pixels import file_kinds, images

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def encoded(kind, **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(autouse=True)
def nothing_asked_for(monkeypatch):
    monkeypatch.delenv(file_kinds.VARIABLE, raising=False)


@pytest.mark.parametrize("kind", file_kinds.OPENED)
def test_what_people_have_is_opened(kind):
    assert images.decode(encoded(kind)).shape == PIXELS.shape


@pytest.mark.parametrize("kind", ["PPM", "ICO"])
def test_what_few_have_is_opened_if_asked_for(kind, monkeypatch):
    data = encoded(kind, **({"sizes": [(30, 20)]} if kind == "ICO" else {}))
    with pytest.raises(images.ImageError) as caught:
        images.decode(data)
    assert str(caught.value) == (
        f"the bytes given: files of the kind {kind} are opened only if asked for; convert it to "
        f"PNG, or set SIMPSONS_FORMATS={kind}"
    )
    for names in (kind, f"EPS, {kind.lower()} ,TGA"):
        monkeypatch.setenv(file_kinds.VARIABLE, names)
        assert np.array_equal(images.decode(data), PIXELS)


def test_only_what_is_on_the_list_can_be_asked_for(monkeypatch):
    monkeypatch.setenv(file_kinds.VARIABLE, "EPS,PSD,PPM,,nonsense")
    assert file_kinds.allowed() == (*file_kinds.OPENED, "PPM")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"),
        (b"%PDF-1.7\n", "PDF"),
        (b"8BPS\0\1", "PSD"),
        (b"icns\0\0\0\x10", "ICNS"),
        (b"DDS |\0\0\0", "DDS"),
        (b"\0\0\0\x20ftypheic", "HEIC"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"SIMPLE  =   T", "FITS"),
        (b"#define im_width 9\n", "XBM"),
        (b"/* XPM */\n", "XPM"),
        (b"\x01\xda\x01\x01", "SGI"),
        (b"\x0a\x05\x01\x08", "PCX"),
        (b"\0\0\0\0\x12\xaf", "FLI"),
        (b"<svg xmlns=", "SVG"),
    ],
)
def test_other_kinds_are_named_and_not_opened(start, kind, monkeypatch):
    monkeypatch.setenv(file_kinds.VARIABLE, ",".join([kind, "PPM"]))
    with pytest.raises(images.ImageError) as caught:
        images.load(start + bytes(100))
    assert str(caught.value) == (
        f"the bytes given: files of the kind {kind} are not read, or this one is damaged; convert "
        "it to PNG"
    )


def test_a_zip_file_has_a_command_that_reads_it():
    with pytest.raises(images.ImageError, match=r"is a zip file.* `simpsons bulk`"):
        images.load(b"PK\x03\x04" + bytes(100))


@pytest.mark.parametrize("text", [b"P1x", b"Paris", b"a diary", b"\0"])
def test_text_is_of_no_kind(text):
    assert file_kinds.kind(text) is None


def test_every_kind_that_can_be_asked_for_is_one_of_pillow():
    Image.init()
    assert set(file_kinds.OPENED) | set(file_kinds.ON_DEMAND) <= set(Image.OPEN)
