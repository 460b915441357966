"""What every refusal of a Keras file is, and the remedies that it names."""

from simpsons.errors import SimpsonsError

SAVE = "save the model in Keras with model.save('name.keras')"
AGAIN = f"{SAVE} again"

OTHER = (
    "only the notebook's two networks can be imported; train one of them on your pictures by "
    "`simpsons train FOLDER --model cnn` or `--model xception`"
)
"""For a network whose layers or sizes differ: no way of saving changes that."""

REBUILD = (
    "if its layers are those of the notebook's network, build that, copy what was learnt with "
    "new.set_weights(old.get_weights()), and save it with new.save('name.keras'); " + OTHER
)
"""For a network that may be one of the notebook's, written in a way that can't be read."""


class KerasImportError(SimpsonsError):
    """A file that can't be read as one of the networks: it, the reason and the remedy."""
