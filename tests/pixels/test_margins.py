import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.distortions import BARS, saved
from simpsons.demo.drawings import DOLLS, draw
from simpsons.pixels import images, margins


def frame(number=0, size=(160, 120)):
    """What a film shows: something of its own at every edge."""
    generator = np.random.default_rng(number)
    colours = generator.integers(60, 200, (6, 8, 3), dtype=np.uint8)
    ground = Image.fromarray(colours).resize(size, Image.Resampling.NEAREST)
    doll = draw(DOLLS[number % len(DOLLS)], generator, size[1] * 2 // 3)
    ground.paste(doll, (size[0] // 4, size[1] // 4))
    return ground


def within(picture, size, colour="black", at=None):
    """A picture on a plain one, in the middle unless told where."""
    result = Image.new("RGB", size, colour)
    middle = (size[0] - picture.width) // 2, (size[1] - picture.height) // 2
    result.paste(picture, at or middle)
    return result


def found(picture):
    return margins.content(picture.convert("RGB"))


def whole(picture):
    return (0, 0, *picture.size)


@pytest.mark.parametrize("colour", ["black", "white", "#2e8b57", "#808080", "#0a0030"])
@pytest.mark.parametrize(
    ("size", "at", "inside"),
    [
        ((160, 200), None, (0, 40, 160, 160)),
        ((240, 120), None, (40, 0, 200, 120)),
        ((240, 200), None, (40, 40, 200, 160)),
        ((160, 250), (0, 30), (0, 30, 160, 150)),
        ((240, 200), (12, 70), (12, 70, 172, 190)),
        ((250, 120), (85, 0), (85, 0, 245, 120)),
    ],
    ids=["letterbox", "pillarbox", "window", "higher up", "anywhere", "aside"],
)
def test_plain_bars_are_found_to_the_pixel(colour, size, at, inside):
    assert found(within(frame(), size, colour, at)) == inside


@pytest.mark.parametrize("quality", [95, 75])
@pytest.mark.parametrize("name", BARS)
def test_bars_are_found_in_jpeg_files(name, quality):
    picture = frame(3)
    framed = saved(BARS[name](picture, np.random.default_rng(1)), quality)
    left, top = ((long - short) // 2 for long, short in zip(framed.size, picture.size, strict=True))
    box = left, top, left + picture.width, top + picture.height
    off = np.subtract(found(framed), box) * [1, 1, -1, -1]
    assert off.min() >= -1
    assert off.max() <= 2


@pytest.mark.parametrize("size", [(480, 270), (1080, 1920), (2600, 1500)])
def test_bars_of_a_large_picture_are_found_to_a_128th(size):
    picture = frame(2).resize((size[0] * 3 // 4, size[1] * 3 // 4))
    box = (size[0] // 8, size[1] // 8, size[0] // 8 + picture.width, size[1] // 8 + picture.height)
    inside = found(within(picture, size, "white", box[:2]))
    off = np.subtract(inside, box) * [1, 1, -1, -1]
    assert np.abs(off).max() <= max(size) / 128


def test_black_bars_around_a_dark_picture():
    night = frame(1).point(lambda value: value // 4)
    pen = ImageDraw.Draw(night)
    pen.rectangle((0, 0, 159, 60), "#101018")
    pen.rectangle((60, 0, 159, 10), "#505060")
    assert found(within(night, (160, 200))) == (0, 40, 160, 160)


# What has no bars


@pytest.mark.parametrize("doll", range(0, len(DOLLS), 3))
@pytest.mark.parametrize("ground", ["white", "black", "#87ceeb"])
def test_a_drawing_on_plain_ground_keeps_it(doll, ground):
    picture = draw(DOLLS[doll], np.random.default_rng(doll), 200)
    page = within(picture.crop((40, 20, 160, 200)).resize((60, 90)), (61, 91), ground)
    paper = Image.new("RGB", (200, 200), ground)
    shape = Image.new("L", page.size, 0)
    ImageDraw.Draw(shape).ellipse((2, 2, 58, 88), 255)
    paper.paste(page, (70, 55), shape)
    assert found(paper) == whole(paper)


@pytest.mark.parametrize("number", range(12))
def test_drawings_are_left_whole(number):
    picture = draw(DOLLS[number], np.random.default_rng(number), 192)
    assert found(picture) == whole(picture)


def test_a_round_picture_on_black_is_left_whole():
    picture = Image.new("RGB", (160, 120))
    ImageDraw.Draw(picture).ellipse((10, 10, 150, 110), "#c08040")
    assert found(picture) == whole(picture)


@pytest.mark.parametrize(
    "side", [(0, 0, 160, 40), (0, 80, 160, 120), (0, 0, 50, 120), (110, 0, 160, 120)]
)
def test_a_plain_sky_or_floor_or_wall_is_no_pair_of_bars(side):
    picture = frame(4)
    picture.paste("#87ceeb", side)
    assert found(picture) == whole(picture)


def test_sides_of_different_colours_are_no_bars():
    picture = within(frame(), (160, 200), "#87ceeb")
    picture.paste("#2e8b57", (0, 160, 160, 200))
    assert found(picture) == whole(picture)


def test_a_gradient_is_no_bar():
    ramp = np.linspace(0, 200, 120).astype(np.uint8)
    sky = Image.fromarray(np.repeat(np.repeat(ramp[:, None], 160, 1)[:, :, None], 3, axis=2))
    sky.paste(frame().crop((0, 0, 160, 40)), (0, 40))
    assert found(sky) == whole(sky)


def test_bars_with_writing_are_left():
    picture = within(frame(), (160, 200))
    ImageDraw.Draw(picture).rectangle((30, 175, 130, 199), "white")
    assert found(picture) == whole(picture)


def test_thin_lines_at_the_edges_are_left():
    picture = within(frame(), (164, 122))
    assert found(picture) == whole(picture)


def test_a_plain_rectangle_is_drawn_and_no_picture():
    picture = within(Image.new("RGB", (60, 80), "#c08040"), (160, 120), "white")
    assert found(picture) == whole(picture)


def test_what_is_plain_around_a_part():
    picture = within(frame(), (160, 200), "#101418")
    inside = margins.Rectangle(0, 40, 160, 160)
    assert margins.is_plain_around(picture, inside)
    assert not margins.is_plain_around(picture, margins.Rectangle(0, 60, 160, 160))
    assert (inside.width, inside.height) == (160, 120)


def test_next_to_nothing_in_plain_ground_is_left():
    picture = within(frame(size=(20, 15)), (200, 200), "white")
    assert found(picture) == whole(picture)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (64, 64), (1000, 17)])
@pytest.mark.parametrize("colour", ["black", "white", "teal"])
def test_a_plain_picture_is_left_whole(size, colour):
    picture = Image.new("RGB", size, colour)
    assert found(picture) == whole(picture)


# What networks see


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def difference(one, other):
    return np.abs(one.astype(float) - other.astype(float)).mean()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
def test_every_way_in_leaves_bars_out(kind):
    picture = within(frame(), (160, 250))
    plain = images.fit(np.asarray(frame()))
    assert np.array_equal(images.fit(np.asarray(picture)), plain)
    assert np.array_equal(images.load(picture), plain)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    original = images.load_file(encoded(picture, kind, **options))
    assert difference(original.pixels, plain) < (3 if kind == "JPEG" else 0.01)
    assert (original.width, original.height) == (160, 250)
    assert original.content == pytest.approx((0, 65 / 250, 1, 185 / 250), abs=0.01)


def test_boxes_and_sizes_stay_those_of_the_whole_picture():
    data = encoded(within(frame(), (160, 250)), "PNG")
    assert images.decode(data).shape == (250, 160, 3)
    assert images.size_of(data) == (160, 250)
    assert images.decode_reduced(data, 1000).pixels.shape == (250, 160, 3)


@pytest.mark.parametrize("exif", [{}, {"exif": Image.Exif()}], ids=["simplejpeg", "Pillow"])
def test_a_large_jpeg_in_bars_is_as_sharp_as_without(exif):
    """It is decoded at less than its size, but its content keeps enough pixels."""
    picture = frame(5, (720, 405))
    options = {"quality": 95, **exif}
    alone = images.load(encoded(picture, "JPEG", **options))
    original = images.load_file(encoded(within(picture, (720, 1560)), "JPEG", **options))
    assert difference(original.pixels, alone) < 4
    assert original.content == pytest.approx((0, 0.37, 1, 0.63), abs=0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_content_of_a_turned_picture_is_where_people_see_it(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(within(frame(), (200, 250), at=(10, 30)), kind, exif=exif)
    shown = images.decode(data)
    original = images.load_file(data)
    assert original.content == pytest.approx(images.content(shown), abs=0.012)
    assert difference(original.pixels, images.fit(shown)) < 4
    left, top, right, bottom = original.content
    assert sorted([left, top, 1 - right, 1 - bottom]) == pytest.approx(
        [0.05, 0.12, 0.15, 0.4], abs=0.02
    )


def test_a_fitted_picture_is_not_fitted_again():
    pixels = images.fit(np.asarray(frame()))
    assert images.fit(pixels) is pixels


@pytest.mark.parametrize("size", [(20, 30_000), (30_000, 20), (16, 2000)])
def test_a_long_strip_has_no_bars(size):
    strip = Image.new("RGB", size, "black")
    strip.paste("white", (4, 4, size[0] - 4, size[1] - 4))
    assert found(strip) == whole(strip)
    assert images.load(strip).shape == (64, 64, 3)
