"""The square around a face, cut out of its picture."""

from collections.abc import Sequence

from simpsons.pixels import images


def square(
    pixels: images.Pixels, box: Sequence[float], context: float = images.CONTEXT
) -> images.Pixels:
    """The square around a face that tells whose it is, in the picture's own pixels.

    pixels: uint8 `[H, W, 3]`. box: x1, y1, x2, y2 in pixels. context: its side in longer sides of
    the box, 1 or more. It lies where `images.crop_around` cuts, to the next whole pixel; with a
    smaller context less far above the face, so that all of the box is inside.
    """
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box
    more_x, more_y = ((context / images.CONTEXT - 1) / 2 * side for side in (x2 - x1, y2 - y1))
    side = max(x2 - x1, y2 - y1)
    down_again = max(0.0, images.HAIR * context - (context - 1) / 2) * side
    y1, y2 = y1 + down_again, y2 + down_again
    larger = x1 - more_x, y1 - more_y, x2 + more_x, y2 + more_y
    left, top, right, bottom = images.square_around(width, height, larger)
    x, y = round(left), round(top)
    across, down = max(1, round(right - left)), max(1, round(bottom - top))
    x, y = min(x, width - across), min(y, height - down)
    return pixels[y : y + down, x : x + across]
