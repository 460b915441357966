"""The time line as a picture: a row a character, with its surest face and when it is seen."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from simpsons.characters import display_name
from simpsons.films.intervals import seconds_of
from simpsons.films.reading import Timeline

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colours that colour-blind people tell apart (Okabe and Ito, 2008)."""

INK, GREY, PALE, PAPER = "#24292f", "#6e7781", "#e4e8ec", "#ffffff"

WIDTH, ROW, MARGIN, HEAD, FOOT = 1600, 76, 24, 76, 52
THUMBNAIL, NAMES = 60, 300  # side of a thumbnail, width of the names' column

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def draw(timeline: Timeline) -> Image.Image:
    """An RGB picture, 1600 pixels wide; characters that are seen longest are at the top."""
    seen = seconds_of(timeline.intervals)
    labels = list(seen)
    image = Image.new("RGB", (WIDTH, HEAD + ROW * max(1, len(labels)) + FOOT), PAPER)
    pen = ImageDraw.Draw(image)
    left = MARGIN + THUMBNAIL + 14 + NAMES
    scale = (WIDTH - MARGIN - left) / max(timeline.duration, 1e-9)
    _title(pen, timeline, len(labels))
    _axis(pen, timeline, left, scale, image.height - FOOT)
    for row, label in enumerate(labels):
        top = HEAD + ROW * row
        _name(image, pen, timeline, label, (top, seen[label]))
        for interval in timeline.intervals:
            if interval.label == label:
                x = left + interval.start * scale, left + interval.end * scale
                box = (x[0], top + 14, max(x[0] + 2, x[1] - 1), top + ROW - 14)
                pen.rounded_rectangle(box, 4, COLOURS[row % len(COLOURS)])
    if not labels:
        where = (WIDTH / 2, HEAD + ROW / 2)
        pen.text(where, "nobody was recognised", GREY, _font(24), anchor="mm")
    return image


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _title(pen: ImageDraw.ImageDraw, timeline: Timeline, characters: int) -> None:
    title = _fitting(Path(timeline.film).name, 28, WIDTH - 2 * MARGIN)
    pen.text((MARGIN, 14), title, INK, _font(28))
    plural = "" if characters == 1 else "s"
    facts = f"{_clock(timeline.duration)}, {characters} character{plural}"
    if timeline.problem:
        facts += ", not read to its end"
    pen.text((MARGIN, 48), facts, GREY, _font(18))


def _axis(
    pen: ImageDraw.ImageDraw, timeline: Timeline, left: int, scale: float, bottom: int
) -> None:
    for cut in timeline.cuts:
        pen.line((left + cut * scale, HEAD, left + cut * scale, bottom), PALE)
    pen.line((left, bottom, WIDTH - MARGIN, bottom), GREY, 2)
    step = next((step for step in _STEPS if step * scale >= 90), _STEPS[-1])
    for second in range(0, int(timeline.duration) + 1, step):
        x = left + second * scale
        pen.line((x, bottom, x, bottom + 8), GREY, 2)
        pen.text((x, bottom + 12), _clock(second), GREY, _font(18), anchor="ma")


def _name(
    image: Image.Image,
    pen: ImageDraw.ImageDraw,
    timeline: Timeline,
    label: str,
    place: tuple[int, float],
) -> None:
    """The thumbnail and name of a row; place: its top in pixels, and seconds on screen."""
    top, seconds = place
    if label in timeline.thumbnails:
        picture = Image.fromarray(timeline.thumbnails[label])
        picture = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
        image.paste(picture, (MARGIN, top + (ROW - THUMBNAIL) // 2))
    x = MARGIN + THUMBNAIL + 14
    pen.text((x, top + 12), _fitting(display_name(label), 22, NAMES - 14), INK, _font(22))
    pen.text((x, top + 42), f"{seconds:.1f} s", GREY, _font(18))


def _fitting(text: str, size: int, width: float) -> str:
    """The text, or its beginning with an ellipsis if it is wider than `width` pixels."""
    font = _font(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
