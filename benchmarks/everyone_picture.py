"""The README's first picture: dolls that `faces` finds and a network of their own names.

The network learns the dolls from the boxes of drawn scenes, from new weights, as
`simpsons train SCENES --boxes SCENES/faces.csv --model xception` does. Writes docs/everyone.png.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from simpsons import Classifier, Detector
from simpsons.demo.dolls import DOLLS
from simpsons.demo.groups import any_stranger, draw_scene, write_scenes
from simpsons.drawing import draw_faces
from simpsons.files import whole
from simpsons.progress import bar
from simpsons.training import run
from simpsons.training.display import Display
from simpsons.training.recipe import DEFAULT

PICTURE = Path("docs/everyone.png")
SCENES, EPOCHS, SEED, SCENE, KNOWN, SIZE = 700, 12, 1, 14, 4, 960


def main() -> None:
    """Draw, train, find, name and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=Path, metavar="RUN", help="a network that knows the dolls")
    parser.add_argument("--scene", type=int, default=SCENE, metavar="N", help="another picture")
    parser.add_argument("--out", type=Path, default=PICTURE, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = arguments.names or learn(Path(folder))
        rng = np.random.default_rng(arguments.scene)
        known = [DOLLS[index] for index in rng.choice(len(DOLLS), KNOWN, replace=False)]
        picture, _ = draw_scene([*known, any_stranger(rng)], rng, SIZE)
        found = Detector(names=Classifier(names)).detect(picture, top=1)
        with whole(arguments.out) as temporary:
            Image.fromarray(draw_faces(np.asarray(picture), found.faces)).save(temporary, "PNG")
    print(", ".join(face.verdict for face in found.faces))


def learn(folder: Path) -> Path:
    """A run that knows the dolls by their faces."""
    scenes, out = folder / "scenes", folder / "run"
    write_scenes(scenes, SCENES, seed=SEED, track=bar)
    recipe = DEFAULT["xception"].for_few(SCENES)
    recipe = replace(recipe, epochs=EPOCHS)
    with Display(EPOCHS) as display:
        run.start(out, scenes, "xception", recipe, boxes=scenes / "faces.csv", observer=display)
    return out


if __name__ == "__main__":
    main()
