"""What becomes of a picture that is saved again by somebody else: one distortion at a time."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Distortion = Callable[[Image.Image, np.random.Generator], Image.Image]

_QUALITY = 90
"""JPEG quality of the saved copy where the distortion is another than JPEG."""

_HARD = 0.3
"""Share of the draws that take the hardest value of a range, so that the ends count."""

_LINES = (
    "I told you not to touch it.",
    "Where is everybody going?",
    "It was like this when I came in.",
    "Somebody has to pay for all that.",
    "Not again! We have just cleaned.",
    "Thank you. Come back tomorrow.",
)


def saved(picture: Image.Image, quality: int = _QUALITY) -> Image.Image:
    """The picture as a JPEG file shows it."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return image.convert("RGB")


def _between(rng: np.random.Generator, hard: float, easy: float) -> float:
    return hard if rng.random() < _HARD else hard + (easy - hard) * rng.random()


def jpeg(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """JPEG quality 30 to 95."""
    return saved(picture, round(_between(rng, 30, 95)))


def rescaled(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """0.25 to 1 of the size, with one of four filters."""
    scale = _between(rng, 0.25, 1)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    filters = ("BOX", "BILINEAR", "BICUBIC", "LANCZOS")
    return saved(picture.resize(size, Image.Resampling[str(rng.choice(filters))]))


def cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Up to 10 % of width and height cut off, each on its own, at any position."""
    edges = []
    for length in picture.size:
        cut = round(length * _between(rng, 0.10, 0))
        before = int(rng.choice([0, cut, int(rng.integers(cut + 1))]))
        edges.append((before, before + length - cut))
    (left, right), (top, bottom) = edges
    return saved(picture.crop((left, top, right, bottom)))


def mirrored(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Left and right exchanged."""
    return saved(ImageOps.mirror(picture))


def brighter(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """All values times 0.7 to 1.3, clipped at white."""
    strength = _between(rng, 0.3, 0)
    return saved(ImageEnhance.Brightness(picture).enhance(1 + strength * rng.choice((-1, 1))))


def subtitled(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """One or two lines of white text, outlined or on a dark bar, in the lower quarter."""
    picture = picture.copy()
    pen = ImageDraw.Draw(picture)
    lines = [str(line) for line in rng.choice(_LINES, int(rng.integers(1, 3)), replace=False)]
    text = "\n".join(lines)
    room_x, room_y = 0.94 * picture.width, 0.23 * picture.height
    size = 60.0
    while True:
        font = ImageFont.load_default(size)
        outline = max(1, round(size / 12))
        left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font, stroke_width=outline)
        if (right - left <= room_x and bottom - top <= room_y) or size < 4:
            break
        size *= 0.93
    y = picture.height * 0.985 - (bottom - top)
    if rng.random() < 0.5:
        pen.rectangle(
            (0, max(y - 1, 0.755 * picture.height), picture.width, picture.height), (9,) * 3
        )
    where = ((picture.width - (right - left)) / 2 - left, y - top)
    pen.multiline_text(
        where, text, "white", font, align="center", stroke_width=outline, stroke_fill="black"
    )
    return saved(picture)


DISTORTIONS: dict[str, Distortion] = {
    "JPEG quality 30 to 95": jpeg,
    "scale 0.25 to 1": rescaled,
    "crop up to 10 %": cropped,
    "mirror": mirrored,
    "brightness ±30 %": brighter,
    "subtitles": subtitled,
}


Colour = tuple[int, int, int]

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_GRAIN = 8.0
"""Standard deviation of a noisy border, in grey levels."""


def _within(
    picture: Image.Image,
    width: float,
    height: float,
    colour: Colour,
    rng: np.random.Generator,
    grain: float = 0,
) -> Image.Image:
    """The picture in the middle of a plain one of so many pixels."""
    size = max(picture.width, round(width)), max(picture.height, round(height))
    plain = np.full((size[1], size[0], 3), colour, np.float64)
    if grain:
        plain += rng.normal(0, grain, plain.shape)
    result = Image.fromarray(np.rint(plain).clip(0, 255).astype(np.uint8))
    result.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return saved(result)


def _any_colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def letterboxed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Black bars above and below, together a quarter of the height: 16:9 in 4:3."""
    return _within(picture, 0, picture.height * 4 / 3, _BLACK, rng)


def pillarboxed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Black bars at both sides, together a quarter of the width: 4:3 in 16:9."""
    return _within(picture, picture.width * 4 / 3, 0, _BLACK, rng)


def windowboxed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Black bars all around, together 15 to 35 % of width and height."""
    across, down = 1 - rng.uniform(0.15, 0.35, 2)
    return _within(picture, picture.width / across, picture.height / down, _BLACK, rng)


def upright(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """In the middle of a black 9:16 frame, as wide as the picture."""
    return _within(picture, 0, picture.width * 16 / 9, _BLACK, rng)


def on_white(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A white border of 5 to 20 % of the width and height at each side."""
    return _bordered(picture, _WHITE, rng)


def on_a_colour(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The same in any colour."""
    return _bordered(picture, _any_colour(rng), rng)


def on_grain(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The same in any colour with noise of 8 grey levels."""
    return _bordered(picture, _any_colour(rng), rng, _GRAIN)


def _bordered(
    picture: Image.Image, colour: Colour, rng: np.random.Generator, grain: float = 0
) -> Image.Image:
    across, down = 1 + 2 * rng.uniform(0.05, 0.2, 2)
    return _within(picture, picture.width * across, picture.height * down, colour, rng, grain)


BARS: dict[str, Distortion] = {
    "letterbox, a quarter of the height": letterboxed,
    "pillarbox, a quarter of the width": pillarboxed,
    "windowbox": windowboxed,
    "9:16": upright,
    "white border": on_white,
    "border of any colour": on_a_colour,
    "noisy border": on_grain,
}
"""Plain bars and margins around a picture; `images.fit` takes them off again."""
