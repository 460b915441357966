import io
import os
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL
import pytest
import simplejpeg
from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from simpsons import Classifier, Detector
from simpsons.demo.drawings import DOLLS, draw
from simpsons.pixels import images
from simpsons.pixels.decoding import Decoder
from simpsons.pixels.images import ImageError, decode, fit, load
from simpsons.predictor import Predictor

PICTURE = draw(DOLLS[0], np.random.default_rng(0), 96)
PIXELS = np.asarray(PICTURE)
GREY = PIXELS[:, :, :1]
WHITE = [255, 255, 255]
ORIENTATION = 0x0112


def encoded(image, kind="PNG", **options):
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width, height, depth=8, colour=2):
    """A PNG that says its size and has next to no data."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


def with_orientation(kind, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(PICTURE, kind, exif=exif)


def difference(one, other):
    """The mean difference of two pictures, in grey levels."""
    return np.abs(one.astype(float) - other.astype(float)).mean()


# One picture, given in many ways


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(PICTURE))
    return path


@pytest.mark.parametrize("give", [Path, str, Path.read_bytes, Image.open, PIXELS.copy])
def test_every_kind_of_source_gives_the_same_pixels(file, give):
    source = give() if give == PIXELS.copy else give(file)
    pixels = decode(source)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, PIXELS)
    assert np.array_equal(load(source), fit(PIXELS))


@pytest.mark.parametrize("opened", [io.BytesIO, lambda data: io.BufferedReader(io.BytesIO(data))])
def test_a_file_object_is_read_and_left_open(opened):
    source = opened(encoded(PICTURE))
    assert np.array_equal(decode(source), PIXELS)
    assert not source.closed
    assert np.array_equal(decode(source), PIXELS)


def test_an_open_file_is_named_in_errors(tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("no picture")
    with path.open("rb") as source, pytest.raises(ImageError, match=r"notes\.jpg: not a picture"):
        decode(source)


@pytest.mark.skipif(os.name != "posix", reason="needs /dev/fd")
def test_a_pipe_is_a_file_too():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(encoded(PICTURE.resize((20, 20))))
    with os.fdopen(reading, "rb"):
        pixels = decode(f"/dev/fd/{reading}")
    assert np.array_equal(pixels, np.asarray(PICTURE.resize((20, 20))))


@pytest.mark.skipif(os.name != "posix", reason="needs /dev/fd")
def test_a_jpeg_in_a_pipe_is_loaded_as_from_a_file():
    data = encoded(PICTURE, "JPEG")
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(data)
    with os.fdopen(reading, "rb"):
        pixels = load(f"/dev/fd/{reading}")
    assert np.array_equal(pixels, load(data))


@pytest.mark.parametrize("name", ["Ünïcödé ☂.png", "写真.png", "a space, a comma.PNG", "no_ending"])
def test_any_file_name_will_do(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(encoded(PICTURE))
    assert np.array_equal(decode(path), PIXELS)


# Arrays


@pytest.mark.parametrize(
    "array",
    [PIXELS.astype(np.uint16) * 257]
    + [(PIXELS.astype(np.uint16) * 257).astype(">u2")]
    + [(PIXELS / 255).astype(kind) for kind in (np.float16, np.float32, np.float64)],
    ids=["uint16", "big-endian uint16", "float16", "float32", "float64"],
)
def test_numbers_of_every_type_give_the_same_pixels(array):
    assert np.array_equal(decode(array), PIXELS)


@pytest.mark.parametrize(
    "array",
    [GREY[:, :, 0], GREY, np.repeat(GREY, 3, axis=2)],
    ids=["[H, W]", "[H, W, 1]", "[H, W, 3]"],
)
def test_grey_arrays_of_every_shape_give_the_same_pixels(array):
    pixels = decode(array)
    assert pixels.shape == PIXELS.shape
    assert (pixels == GREY).all()


def test_the_fourth_channel_is_transparency_on_white():
    alpha = np.zeros_like(GREY)
    alpha[:48] = 255
    pixels = decode(np.concatenate([PIXELS, alpha], axis=2))
    assert np.array_equal(pixels[:48], PIXELS[:48])
    assert (pixels[48:] == 255).all()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5, np.uint8), r"has the shape \[5\]; give \[H, W\]"),
        (np.zeros((4, 4, 2), np.uint8), r"has the shape \[4, 4, 2\]"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"has the shape \[1, 4, 4, 3\]"),
        (np.zeros((0, 4, 3), np.uint8), r"has the shape \[0, 4, 3\]"),
        (np.full((4, 4), 1.5), r"has float64 values from 1\.5 to 1\.5; give uint8"),
        (np.full((4, 4), -0.1), r"has float64 values from -0\.1 to -0\.1"),
        (np.full((4, 4), np.nan), "has float64 values from nan to nan"),
        (np.full((4, 4), 200), "has int64 values from 200 to 200"),
        (np.full((4, 4), -1, np.int32), "has int32 values from -1 to -1"),
        (np.zeros((4, 4), bool), "has bool values"),
        (np.full((4, 4), "white"), "has <U5 values; give uint8"),
        (np.full((4, 4), None), "has object values; give uint8"),
        (np.broadcast_to(np.uint8(0), (10_000, 10_000)), "has more than 80,000,000 pixels"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array, message):
    with pytest.raises(ImageError, match=f"^the array: {message}"):
        decode(array)


@pytest.mark.parametrize("source", [None, 5, ["picture.jpg"]])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(ImageError, match=f"^{type(source).__name__} is not a picture: give a path"):
        decode(source)


# What files hold


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(kind, orientation):
    data = with_orientation(kind, orientation)
    with Image.open(io.BytesIO(data)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    pixels = decode(data)
    assert pixels.shape == (PIXELS.shape if orientation < 5 else PIXELS.transpose(1, 0, 2).shape)
    assert np.array_equal(pixels, upright)


def test_orientation_of_a_pil_image_is_applied():
    with Image.open(io.BytesIO(with_orientation("PNG", 6))) as image:
        assert np.array_equal(decode(image), np.rot90(PIXELS, -1))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
@pytest.mark.parametrize(
    "exif",
    [b"", b"nonsense", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff"],
    ids=["empty", "nonsense", "pointing nowhere", "cut"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_malformed_exif_is_passed_over(kind, exif):
    data = encoded(PICTURE, kind, exif=b"Exif\0\0" + exif)
    assert np.array_equal(decode(data), decode(encoded(PICTURE, kind)))


def test_an_orientation_that_does_not_exist_is_passed_over():
    assert np.array_equal(decode(with_orientation("PNG", 77)), PIXELS)


def test_cmyk_jpeg_keeps_its_colours():
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 0, 0), (255, 255, 255)]
    patches = np.repeat(np.repeat(np.uint8([colours]), 16, axis=0), 16, axis=1)
    data = encoded(Image.fromarray(patches).convert("CMYK"), "JPEG", quality=95)
    middles = decode(data)[8, 8::16]
    assert np.abs(middles.astype(int) - colours).max() <= 8


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(kind):
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16)
    pixels = decode(encoded(Image.fromarray(ramp * 257), kind))
    assert np.array_equal(pixels[:, :, 0], ramp)


def test_big_endian_16_bit_tiff():
    ramp = np.arange(256, dtype=">u2").reshape(16, 16) * 257
    data = encoded(Image.frombytes("I;16B", (16, 16), ramp.astype(">u2").tobytes()), "TIFF")
    assert np.array_equal(decode(data)[:, :, 0], ramp // 257)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_a_pil_image_of_any_mode(mode):
    image = Image.new("L" if mode in ("1", "L", "LA", "P", "I", "F") else "RGB", (6, 4))
    image.paste("white", (0, 0, 3, 4))
    if mode in ("I", "F"):
        image = image.point(lambda value: value * (257 if mode == "I" else 1 / 255), mode)
    pixels = decode(image.convert(mode))
    assert pixels.shape == (4, 6, 3)
    assert pixels.dtype == np.uint8
    assert (pixels[:, :3] == 255).all()
    assert (pixels[:, 3:] == 0).all()


def test_a_palette_with_transparency_is_put_on_white():
    image = Image.new("P", (4, 2))
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putpixel((1, 0), 1)
    pixels = decode(encoded(image, transparency=0))
    assert pixels[0, 1].tolist() == [0, 0, 200]
    assert pixels[0, 0].tolist() == pixels[1, 3].tolist() == WHITE


def test_a_transparent_value_of_16_bit_grey_is_put_on_white():
    image = Image.fromarray(np.array([[0, 25700, 1]], np.uint16))
    assert decode(encoded(image, transparency=0))[0, :, 0].tolist() == [255, 100, 0]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_put_on_white(mode):
    image = Image.new("RGBA", (3, 1), (100, 100, 100, 255))
    image.putpixel((1, 0), (100, 100, 100, 0))
    image.putpixel((2, 0), (0, 0, 0, 128))
    pixels = decode(encoded(image.convert(mode)))[0]
    assert pixels[0].tolist() == [100, 100, 100]
    assert pixels[1].tolist() == WHITE
    assert pixels[2].tolist() == [127, 127, 127]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 3
    assert (decode(data) == [255, 0, 0]).all()


# What can't be read


def test_a_missing_file():
    with pytest.raises(ImageError, match=r"^nowhere\.jpg: no such file; check the path$"):
        decode("nowhere.jpg")


def test_a_folder(tmp_path):
    with pytest.raises(ImageError) as caught:
        decode(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a folder, not a picture; give a file in it"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; fetch it again"),
        (b"Dear diary,\n", "not a picture in a format known here; convert it to JPEG or PNG"),
        (encoded(PICTURE, "JPEG")[:-900], "the picture is truncated; fetch it again"),
        (encoded(PICTURE, "JPEG")[:200], "the picture is truncated; fetch it again"),
    ],
    ids=["empty", "text", "truncated", "truncated in the header"],
)
def test_a_damaged_file(tmp_path, content, message):
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        decode(path)
    assert str(caught.value) == f"{path}: {message}"
    with pytest.raises(ImageError) as caught:
        decode(content)
    assert str(caught.value) == f"the bytes given: {message}"


def test_files_that_are_read_ahead_give_the_same_pixels(tmp_path):
    paths = [tmp_path / "0.jpg", str(tmp_path / "1.png")]
    for path, kind in zip(paths, ["JPEG", "PNG"], strict=True):
        Path(path).write_bytes(encoded(PICTURE, kind))
    ahead = images.read_ahead(paths)
    expected = [load(path) for path in paths]
    for path in paths:
        Path(path).unlink()
    assert np.array_equal([load(source) for source in ahead], expected)
    bad = io.BytesIO(b"no picture")
    others = [PIXELS, PICTURE, encoded(PICTURE), bad]
    assert all(given is read for given, read in zip(others, images.read_ahead(others), strict=True))


def test_what_can_not_be_read_ahead_is_read_when_it_is_decoded(tmp_path, monkeypatch):
    large, pipe = tmp_path / "large.png", tmp_path / "pipe"
    large.write_bytes(encoded(PICTURE))
    monkeypatch.setattr(images, "_READ_AHEAD", large.stat().st_size - 1)
    left = [large, tmp_path, tmp_path / "missing.jpg", "a\0b.jpg", f"{'long' * 2000}.jpg"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        left.append(pipe)
    assert images.read_ahead(left) == left


@pytest.mark.parametrize("content", [b"", b"no picture", encoded(PICTURE, "JPEG")[:500]])
def test_errors_of_a_file_that_is_read_ahead_name_it(tmp_path, content):
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    [ahead] = images.read_ahead([path])
    assert ahead is not path
    with pytest.raises(ImageError) as expected:
        load(path)
    with pytest.raises(ImageError) as raised:
        load(ahead)
    assert str(raised.value) == str(expected.value)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_a_file_cut_anywhere_is_refused(tmp_path, kind):
    whole = encoded(PICTURE, kind)
    assert decode(whole).shape == PIXELS.shape
    path = tmp_path / "cut"
    for end in np.linspace(1, len(whole) * 0.9, 25).astype(int):
        path.write_bytes(whole[:end])
        with pytest.raises(ImageError, match=r"cut: (the picture is|not a picture)"):
            decode(path)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_file_damaged_anywhere_is_refused_or_read_and_raises_nothing_else():
    generator = np.random.default_rng(0)
    errors = []
    for kind in ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"):
        whole = np.frombuffer(encoded(PICTURE.resize((24, 20)), kind), np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            places = generator.integers(0, min(len(whole), 200), 4)
            damaged[places] = generator.integers(0, 256, 4)
            try:
                decode(damaged.tobytes())
            except ImageError as error:
                errors.append(str(error))
    assert 50 < len(errors) < 240
    assert all(error.startswith("the bytes given: ") for error in errors)


@pytest.fixture
def no_decoding(monkeypatch):
    def fail(_image):
        raise AssertionError("the pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)


def test_a_file_object_is_read_from_its_start():
    for kind in ("JPEG", "PNG"):
        written = io.BytesIO(encoded(PICTURE, kind))
        expected = decode(written.getvalue())
        written.seek(0, io.SEEK_END)
        assert np.array_equal(decode(written), expected)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "I;16", "F"])
def test_conversion_by_bands_changes_no_pixel(monkeypatch, mode):
    picture = PICTURE.convert("L" if mode in ("I;16", "F") else "RGBA").convert(mode)
    if mode == "F":
        picture = picture.point(lambda value: value / 255)
    whole = decode(picture)
    monkeypatch.setattr(images, "_BAND", 3 * PICTURE.width)
    assert np.array_equal(decode(picture), whole)


@pytest.mark.parametrize("way", [load, lambda source: images.decode_reduced(source, 20).pixels])
def test_large_pictures_are_decoded_one_at_a_time(monkeypatch, way):
    at_once, most, lock = 0, 0, threading.Lock()
    real = images._decoded

    def watched(*arguments):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        try:
            return real(*arguments)
        finally:
            with lock:
                at_once -= 1

    monkeypatch.setattr(images, "_decoded", watched)
    monkeypatch.setattr(images, "LARGE", PICTURE.width * PICTURE.height - 1)
    content = encoded(PICTURE, "PNG")
    with ThreadPoolExecutor(4) as pool:
        pixels = list(pool.map(way, [content] * 8))
    assert most == 1
    assert all(np.array_equal(each, pixels[0]) for each in pixels)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [30_000, 9_500, 9_000])
@pytest.mark.usefixtures("no_decoding")
def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path, side):
    path = tmp_path / "huge.png"
    path.write_bytes(png_header(side, side))
    with pytest.raises(ImageError) as caught:
        decode(path)
    assert str(caught.value) == f"{path}: has more than 80,000,000 pixels; make it smaller"


def test_the_largest_picture_is_decoded(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", PICTURE.width * PICTURE.height)
    assert np.array_equal(decode(encoded(PICTURE)), PIXELS)
    monkeypatch.setattr(images, "MAX_PIXELS", PICTURE.width * PICTURE.height - 1)
    with pytest.raises(ImageError, match="has more than"):
        decode(encoded(PICTURE))


def deny(*_arguments, **_options):
    raise PermissionError(13, "Permission denied")


def test_a_file_without_permission(monkeypatch, file):
    monkeypatch.setattr(os, "open", deny)  # as root, who runs tests at times, may read all
    with pytest.raises(ImageError) as caught:
        decode(file)
    assert str(caught.value) == f"{file}: no permission to read it; change its permissions"


def test_a_file_in_a_folder_without_permission(monkeypatch, file):
    monkeypatch.setattr(os, "open", deny)
    monkeypatch.setattr(Path, "stat", deny)
    with pytest.raises(ImageError, match=r"no permission to read it; change its permissions$"):
        decode(file)


def test_a_failing_disk(monkeypatch, file):
    def fail(*_arguments, **_options):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(ImageError, match=r"can't be read \(Input/output error\); check the path"):
        decode(file)


@pytest.mark.parametrize("path", ["a\0b.jpg", f"{'long' * 2000}.jpg"], ids=["null", "long"])
def test_a_path_that_can_not_exist(path):
    with pytest.raises(ImageError, match=r"can't be read \(.+\); check the path"):
        decode(path)


def test_a_pil_image_without_pixels():
    with pytest.raises(ImageError, match=r"^the PIL image: has no pixels"):
        decode(Image.new("RGB", (0, 5)))


# Files that a decoder fails at, and others go on

WAYS = {
    "decode": decode,
    "load": load,
    "load_file": images.load_file,
    "decode_reduced": lambda source: images.decode_reduced(source, 20),
}


def every_way_says(source, message):
    for way in WAYS.values():
        with pytest.raises(ImageError, match=message):
            way(source)


def png_chunks(data):
    """The chunks of a PNG file, each with its length and checksum."""
    at = 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at:end]
        at = end


def tiff(values, photometric=1, *, numbers=1, bits=None, extra=(), order="<", planes=1):
    """An uncompressed TIFF file. values: `[H, W]` or `[H, W, channels]`."""
    height, width, channels = values.shape if values.ndim == 3 else (*values.shape, 1)
    planar = np.moveaxis(values, 2, 0) if planes == 2 else values
    content = planar.astype(values.dtype.newbyteorder(order)).tobytes()
    if bits == 12:
        text = "".join(f"{value:012b}" for value in values.ravel())
        content = int(text, 2).to_bytes(len(text) // 8, "big")
    plane = len(content) // (channels if planes == 2 else 1)
    count = channels if planes == 2 else 1
    tags = {
        256: [width],
        257: [height],
        258: [bits or 8 * values.itemsize] * channels,
        259: [1],
        262: [photometric],
        273: [8 + number * plane for number in range(count)],
        277: [channels],
        278: [height],
        279: [plane] * count,
        284: [planes],
        **({338: list(extra)} if extra else {}),
        339: [numbers] * channels,
    }
    at = 8 + len(content)
    entries, beyond = b"", b""
    for tag, numbers_ in tags.items():
        packed = struct.pack(f"{order}{len(numbers_)}I", *numbers_)
        if len(packed) > 4:
            place = struct.pack(f"{order}I", at + 2 + 12 * len(tags) + 4 + len(beyond))
            beyond += packed
            packed = place
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers_)) + packed
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, at)
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + beyond
    return start + content + directory


def jpeg_441(side=96):
    """A JPEG file as a lossless rotation of a 4:1:1 file makes it: luma is sampled 1x4."""
    image = Image.new("RGB", (side, side), "white")
    image.paste("red", (0, 0, side, side // 2))
    pixels = np.asarray(image)
    data = simplejpeg.encode_jpeg(pixels, colorsubsampling="411")
    assert data.count(b"\x01\x41\x00") == 1
    return data.replace(b"\x01\x41\x00", b"\x01\x14\x00")


@pytest.mark.parametrize("way", WAYS)
def test_a_jpeg_of_unusual_subsampling_is_read_as_pillow_reads_it(tmp_path, way):
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg_441())
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(decode(path), expected)
    assert np.array_equal(load(path), fit(expected))
    WAYS[way](path)
    assert images.size_of(path) == (96, 96)


def test_what_the_fast_decoder_raises_is_left_to_pillow(monkeypatch):
    data = encoded(PICTURE, "JPEG")
    expected = load(data)

    def fail(*_arguments, **_options):
        raise MemoryError

    monkeypatch.setattr(simplejpeg, "decode_jpeg", fail)
    assert np.array_equal(load(data), expected)


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 13, reason="Pillow before 13 refuses it")
def test_a_grey_tiff_with_associated_alpha_is_put_on_white():
    grey, alpha = np.array([[0, 50, 100, 200]]), np.array([[0, 100, 255, 200]])
    data = tiff(np.stack([grey, alpha], 2).astype(np.uint8), extra=[1])
    expected = grey + 255 - alpha
    assert np.abs(decode(data)[:, :, 0] - expected).max() <= 1
    assert decode(Image.open(io.BytesIO(data))).shape == (1, 4, 3)
    for way in WAYS.values():
        way(data)


def test_a_palette_png_without_a_palette_is_damaged():
    data = encoded(PICTURE.convert("P"))
    without = data[:8] + b"".join(chunk for chunk in png_chunks(data) if chunk[4:8] != b"PLTE")
    every_way_says(without, "the bytes given: the picture is damaged.*; fetch it again")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "the memory does not suffice to decode it; free some, or make it smaller"),
        (KeyError("4:4:1"), r"the picture is damaged \('4:4:1'\); fetch it again"),
        (AssertionError(), r"the picture is damaged \(AssertionError\); fetch it again"),
        (OSError(5, "Input/output error"), r"can't be read \(Input/output error\); check the path"),
        (Image.DecompressionBombError(), "has more than 80,000,000 pixels; make it smaller"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("step", ["open", "load", "convert", "resize", "reduce"])
def test_whatever_a_step_raises_is_the_error_of_that_picture(
    tmp_path, monkeypatch, error, message, step
):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(PICTURE.convert("L")))
    opened = Image.open(io.BytesIO(path.read_bytes()))

    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr(*((Image, step) if step == "open" else (Image.Image, step)), fail)
    steps = {
        "open": {"decode", "load", "load_file", "decode_reduced"},
        "reduce": {"decode_reduced"},
    }
    steps["resize"] = {"load", "load_file"}
    if step == "load":
        monkeypatch.setattr(ImageFile.ImageFile, step, fail)
    for name in steps.get(step, WAYS):
        with pytest.raises(ImageError, match=f"^{path}: {message}"):
            WAYS[name](path)
        if step != "open" and name != "load_file":
            with pytest.raises(ImageError, match=f"^the PIL image: {message}"):
                WAYS[name](opened)
    lasting = not isinstance(error, MemoryError | OSError)
    with pytest.raises(ImageError) as caught:
        images.decode_reduced(path, 20) if step == "reduce" else load(path)
    assert isinstance(caught.value, images.UnreadableError) != lasting


def test_a_file_object_that_can_not_be_read(tmp_path):
    closed = io.BytesIO(encoded(PICTURE))
    closed.close()
    every_way_says(closed, "^the file object: the file object is closed; give it open")
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(PICTURE))
    with path.open(encoding="latin-1") as text:
        every_way_says(text, "is opened as text; open it with the mode 'rb'")

    class Broken:
        def read(self, *_):
            raise ValueError("no connection")

        seekable = seek = read

    every_way_says(Broken(), r"^the file object: the picture is damaged \(no connection\)")


def test_pictures_go_on_after_one_that_a_decoder_fails_at(tmp_path):
    """In threads, as the command line and the data set read them."""
    bad = encoded(PICTURE.convert("P"))
    bad = bad[:8] + b"".join(chunk for chunk in png_chunks(bad) if chunk[4:8] != b"PLTE")
    paths = []
    for number, data in enumerate([encoded(PICTURE), bad, jpeg_441(), encoded(PICTURE)]):
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(data)
    with Decoder(0) as decoder:
        results = decoder.load(paths)
    assert [isinstance(result, ImageError) for result in results] == [False, True, False, False]


@pytest.mark.parametrize("thing", [decode, Classifier.predict, Detector.detect, Predictor.predict])
def test_arrays_are_rgb_and_what_turns_bgr_is_said(thing):
    assert "OpenCV" in thing.__doc__
    assert "`picture[..., ::-1]`" in thing.__doc__


def test_a_turned_array_gives_the_pixels_of_the_picture():
    picture = PIXELS[..., ::-1].copy()
    assert np.array_equal(decode(picture[..., ::-1]), PIXELS)
    assert np.array_equal(load(picture[..., ::-1]), load(PIXELS))


# What checksums say


def test_a_png_with_any_bit_changed_is_damaged():
    data = encoded(Image.fromarray(PIXELS[:40, :40]), pnginfo=png_text())
    for at in range(8, len(data), 7):
        changed = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        for way in (decode, load):
            with pytest.raises(ImageError, match=r"the picture is (damaged|truncated)"):
                way(changed)


def png_text():
    text = PngImagePlugin.PngInfo()
    text.add(b"prVt", b"after the pixels", after_idat=True)
    return text


def test_a_png_says_which_checksum_is_wrong():
    data = encoded(PICTURE)
    changed = data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
    every_way_says(changed, r"damaged \(the checksum of its chunk IDAT is wrong\); fetch it again")
    every_way_says(data[:-12], "the picture is truncated; fetch it again")
    assert images.size_of(changed) == PICTURE.size
    assert np.array_equal(decode(data + b"what follows the end"), PIXELS)


# TIFF files of more than 8 bits

RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize(
    ("order", "photometric", "depth", "white"),
    [(order, zero, np.uint8, 255) for order in "<>" for zero in (0, 1)]
    + [(order, zero, np.float32, 1) for order in "<>" for zero in (0, 1)]
    + [("<", 0, np.uint16, 65535), ("<", 1, np.uint16, 65535), (">", 1, np.uint16, 65535)]
    + [("<", 1, 12, 4095)],
)
def test_a_grey_tiff_is_as_light_as_it_says(order, photometric, depth, white):
    light = RAMP / 255 if photometric else 1 - RAMP / 255
    bits = 12 if depth == 12 else None
    dtype = np.uint16 if bits else depth
    values = (light * white) if dtype == np.float32 else np.rint(light * white)
    numbers = 3 if dtype == np.float32 else 1
    data = tiff(values.astype(dtype), photometric, numbers=numbers, bits=bits, order=order)
    assert np.abs(decode(data)[:, :, 0].astype(int) - RAMP).max() <= (1 if bits else 0)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(decode(image), decode(data))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_compressed_16_bit_tiff_whose_zero_is_white(compression):
    image = Image.fromarray(65535 - RAMP * 257)
    data = encoded(image, "TIFF", compression=compression, tiffinfo={262: 0})
    with Image.open(io.BytesIO(data)) as image:
        assert image.tag_v2[262] == 0
    assert np.array_equal(decode(data)[:, :, 0], RAMP)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiff(RAMP.astype(np.uint32) * 16843009), "has whole numbers of 32 bits"),
        (tiff(RAMP.astype(np.uint32)), "has whole numbers of 32 bits"),
        (tiff(RAMP.astype(np.int32), numbers=2), "has signed numbers"),
        (tiff(RAMP.astype(np.int16), numbers=2), "has signed numbers"),
        (tiff(RAMP.astype(np.int8), numbers=2), "has signed numbers"),
        (tiff(np.dstack([RAMP * 257] * 3), 2, planes=2), "stores each channel by itself"),
    ],
    ids=["uint32", "small uint32", "int32", "int16", "int8", "16-bit planes"],
)
def test_a_tiff_whose_white_is_not_known_is_refused(data, message):
    every_way_says(data, f"^the bytes given: {message}.*; convert it to an 8-bit PNG$")


def test_an_int32_array_is_not_taken_for_16_bits():
    with pytest.raises(ImageError, match="has int32 values from 0 to 255; give uint8"):
        decode(RAMP.astype(np.int32))


@pytest.mark.skipif(os.name != "posix", reason="Pillow does not show libtiff there")
def test_libtiff_prints_nothing(capfd):
    data = bytearray(encoded(PICTURE, "TIFF", compression="tiff_lzw"))
    data[20:-400:3] = bytes(len(range(20, len(data) - 400, 3)))
    every_way_says(bytes(data), "the picture is damaged")
    noisy = encoded(PICTURE, "TIFF", compression="jpeg", tiffinfo={65000: "a tag of one's own"})
    decode(noisy)
    assert capfd.readouterr().err == ""


# Fit


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (480, 17), (63, 65), (5, 1000)])
@pytest.mark.parametrize("size", [64, 32])
def test_fit_gives_the_size_asked_for(shape, size):
    fitted = fit(np.full((*shape, 3), 200, np.uint8), size)
    assert fitted.shape == (size, size, 3)
    assert fitted.dtype == np.uint8
    assert (fitted == 200).all()


def test_the_default_size_is_that_of_the_networks():
    assert images.SIZE == 64
    assert fit(PIXELS).shape == load(PICTURE).shape == (64, 64, 3)


def test_a_picture_that_fits_is_left_as_it_is():
    fitting = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(fit(fitting), fitting)


@pytest.mark.parametrize("cell", [1, 3])
def test_a_fine_checkerboard_becomes_grey(cell):
    y, x = np.mgrid[:512, :512] // cell
    board = np.repeat(((x + y) % 2 * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    assert np.abs(fit(board).astype(float) - 127.5).max() < 3
    aliased = Image.fromarray(board).resize((64, 64), Image.Resampling.NEAREST)
    assert np.asarray(aliased).std() > 80 or cell == 1


@pytest.mark.parametrize("doll", DOLLS[:4], ids=lambda doll: doll.slug)
def test_a_small_and_a_large_original_look_the_same(doll):
    large = draw(doll, np.random.default_rng(7), 480)
    small = large.resize((large.width // 5, large.height // 5), Image.Resampling.BOX)
    assert max(small.size) == 96
    aliasing = [image.resize((64, 64), Image.Resampling.NEAREST) for image in (large, small)]
    nearest = difference(*(np.asarray(image) for image in aliasing))
    assert difference(load(large), load(small)) < 3 < nearest


# Large JPEG files, decoded at less than their size


def large(width, height, **options):
    return encoded(draw(DOLLS[1], np.random.default_rng(3), 480).resize((width, height)), **options)


def exact(data):
    """The exact bicubic filter at full size."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", [(384, 384), (431, 470), (451, 437), (800, 1000), (1023, 777)])
def test_a_large_jpeg_looks_as_it_does_at_full_size(size):
    data = large(*size, kind="JPEG", quality=90)
    assert difference(load(data), exact(data)) < 1.6
    assert difference(load(data), fit(decode(data))) < 1.6


@pytest.mark.parametrize("short", [288, 430, 576, 640])
def test_a_large_jpeg_is_as_near_to_its_small_copy_as_an_exact_filter_is(short):
    by_load, by_exact = [], []
    for doll in DOLLS[:6]:
        original = draw(doll, np.random.default_rng(3), short)
        copy = original.resize((96, 96), Image.Resampling.BOX)
        data = encoded(original, "JPEG", quality=92)
        by_load.append(difference(load(data), load(copy)))
        by_exact.append(difference(exact(data), load(copy)))
    assert np.mean(by_load) < np.mean(by_exact) + 0.15


@pytest.mark.parametrize("size", [385, 387, 389, 391, 393, 395, 397, 399])
def test_a_large_jpeg_is_not_shifted(size):
    """Its sides divide by neither 2, 4 nor 8, so the last pixels are but partly of the picture."""
    ramp = np.linspace(0, 255, size).astype(np.uint8)
    across = Image.fromarray(np.repeat(np.tile(ramp, (size, 1))[:, :, None], 3, axis=2))
    for picture in (across, across.transpose(Image.Transpose.TRANSPOSE)):
        data = encoded(picture, "JPEG", quality=95)
        assert difference(load(data), exact(data)) < 0.25


def test_other_formats_are_decoded_at_their_size():
    data = large(430, 390)
    assert np.array_equal(load(data), fit(decode(data)))


def test_a_jpeg_of_the_size_networks_learnt_from_is_decoded_in_full():
    data = encoded(PICTURE, "JPEG", quality=90)
    assert np.array_equal(load(data), fit(decode(data)))


@pytest.mark.parametrize(
    ("orientation", "turned", "size"),
    [
        (3, lambda pixels: pixels[::-1, ::-1], (430, 390)),
        (5, lambda pixels: pixels.transpose(1, 0, 2), (390, 430)),
        (6, lambda pixels: np.rot90(pixels, -1), (390, 430)),
        (7, lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2), (390, 430)),
        (8, lambda pixels: np.rot90(pixels), (390, 430)),
    ],
    ids=["3", "5", "6", "7", "8"],
)
def test_a_large_turned_jpeg_is_turned_and_its_size_known(orientation, turned, size):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = large(430, 390, kind="JPEG", quality=95, exif=exif)
    plain = large(430, 390, kind="JPEG", quality=95)
    assert difference(load(data), turned(load(plain))) < 1
    original = images.load_file(data)
    assert np.array_equal(original.pixels, load(data))
    assert (original.width, original.height, original.format) == (*size, "JPEG")


def test_a_jpeg_that_is_too_large_is_refused_before_it_is_made_smaller(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 400 * 400)
    with pytest.raises(ImageError, match="more than 160,000 pixels"):
        load(large(430, 390, kind="JPEG"))


# Smaller by a whole factor


@pytest.mark.parametrize(("least", "factor"), [(1000, 1), (401, 1), (400, 2), (267, 2), (266, 3)])
def test_a_picture_is_reduced_while_its_longer_side_keeps_so_many_pixels(least, factor):
    image = draw(DOLLS[1], np.random.default_rng(1), 800).crop((0, 0, 800, 590))
    data = encoded(image)
    expected = np.asarray(image.reduce(factor)) if factor > 1 else decode(data)
    for source in (data, image, decode(data)):
        pixels, width, height = images.decode_reduced(source, least)
        assert np.array_equal(pixels, expected)
        assert (width, height) == (800, 590)


@pytest.mark.parametrize("size", [(800, 590), (803, 1201), (2500, 120)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": Image.Exif()}])
def test_a_reduced_jpeg_is_near_to_the_reduced_picture(size, options):
    image = draw(DOLLS[1], np.random.default_rng(1), 400).resize(size)
    data = encoded(image, "JPEG", quality=92, **options)
    pixels, width, height = images.decode_reduced(data, 200)
    assert (width, height) == size
    assert 200 <= max(pixels.shape) < 400
    wide, high = pixels.shape[1], pixels.shape[0]
    exact = np.asarray(image.resize((wide, high), Image.Resampling.BOX))
    assert difference(pixels, exact) < 3.5


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_reduced_picture_is_upright(orientation, kind):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = draw(DOLLS[1], np.random.default_rng(1), 400).crop((0, 0, 400, 240))
    data = encoded(image, kind, exif=exif)
    pixels, width, height = images.decode_reduced(data, 100)
    whole = decode(data)
    assert (height, width) == whole.shape[:2]
    assert pixels.shape == (-(-height // 4), -(-width // 4), 3)
    assert difference(pixels, np.asarray(Image.fromarray(whole).reduce(4))) < 2


def test_reducing_raises_as_decoding_does(tmp_path, monkeypatch):
    for source, message in ((b"bad", "not a picture"), (tmp_path / "missing.jpg", "no such file")):
        with pytest.raises(ImageError, match=message):
            images.decode_reduced(source, 100)
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    for kind in ("JPEG", "PNG"):
        with pytest.raises(ImageError, match="more than 100 pixels"):
            images.decode_reduced(encoded(PICTURE, kind), 10)


@pytest.mark.parametrize("size", [(300, 200), (64, 64), (20, 400), (3, 2), (1, 1)])
def test_a_crop_is_that_of_the_whole_picture(size):
    """Only what is near is resized, and nothing else has a part in it."""
    whole = draw(DOLLS[2], np.random.default_rng(2), 400).resize(size)
    pixels, rng = np.asarray(whole), np.random.default_rng(3)
    for _ in range(20):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        box = (x, y, x + rng.uniform(0, size[0] - x), y + rng.uniform(0, size[1] - y))
        square = images.square_around(*size, box)
        exact = whole.resize((64, 64), Image.Resampling.BICUBIC, square, images.REDUCING_GAP)
        crop = images.crop_around(pixels, box)
        assert np.abs(crop.astype(int) - np.asarray(exact)).max() <= 2
