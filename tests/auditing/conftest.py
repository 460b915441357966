"""A small data set with everything wrong that an audit looks for."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from simpsons.demo.dolls import DOLLS
from simpsons.demo.drawings import draw


@pytest.fixture(scope="session")
def spoilt(tmp_path_factory):
    """A folder `data` with three classes of ten dolls each and planted faults, and a folder
    `test` of three pictures, of which one is a copy of `data/0/1.png`."""
    root = tmp_path_factory.mktemp("spoilt")
    rng = np.random.default_rng(0)

    def save(picture, name, **options):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, **options)

    dolls = [[draw(DOLLS[number], rng, 96) for _ in range(10)] for number in range(3)]
    for number, pictures in enumerate(dolls):
        for count, picture in enumerate(pictures):
            save(picture, f"data/{number}/{count}.png")
    save(dolls[0][0].resize((60, 60)), "data/0/copy.jpg", quality=70)
    save(ImageOps.mirror(dolls[1][0]), "data/2/two_labels.png")
    save(Image.new("RGB", (96, 96), (90, 120, 90)), "data/1/uniform.png")
    (root / "data/1/broken.jpg").write_bytes(b"no picture")
    save(dolls[0][1].resize((64, 64)), "test/0/1.jpg", quality=75)
    for number in (1, 2):
        save(draw(DOLLS[number], rng, 96), f"test/{number}/1.jpg")
    return root
