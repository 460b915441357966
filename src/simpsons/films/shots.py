"""Where one shot ends and the next begins, by PySceneDetect."""

import numpy as np
from av.video.reformatter import VideoReformatter
from scenedetect.common import FrameTimecode
from scenedetect.detectors import ContentDetector
from scenedetect.detectors.content_detector import FlashFilter

from simpsons.films.film import Frame
from simpsons.pixels import images

WIDTH, HEIGHT = 96, 54
"""Pixels in which two frames are compared."""

THRESHOLD = 20.0
"""Mean difference of hue, saturation and value, 0 to 255, that makes a cut.

Below the library's 27: a cut too many costs little here, since intervals of one character that
touch are joined, and a missed one mixes two characters.
"""

SHORTEST = 0.4
"""Seconds between two cuts at least, so that a flash makes one at most."""


class ShotDetector:
    """Finds cuts in frames that are given one at a time.

    starts: the second at which each shot begins, the first at the first frame. small: the last
    frame in the pixels in which it was compared, uint8 `[HEIGHT, WIDTH, 3]`, BGR.
    """

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.small: images.Pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        self._detector = ContentDetector(
            THRESHOLD, min_scene_len=SHORTEST, filter_mode=FlashFilter.Mode.SUPPRESS
        )
        self._scaler = VideoReformatter()

    def shot_of(self, frame: Frame) -> int:
        """The number of the shot, from 0, that the next frame belongs to."""
        small = self._scaler.reformat(
            frame.picture, WIDTH, HEIGHT, "bgr24", interpolation="FAST_BILINEAR", threads=1
        )
        before, self.small = self.small, images.decode(small.to_ndarray())
        if self.starts and np.array_equal(self.small, before):  # a drawing held for two
            return len(self.starts) - 1
        when = FrameTimecode(frame.time, fps=1000.0)
        is_cut = self._detector.process_frame(when, self.small)
        if is_cut or not self.starts:
            self.starts.append(frame.time)
        return len(self.starts) - 1
