"""The cast: eighteen original paper dolls.

A doll is told by its skin, hair, hat, face, accessories and clothes.
"""

from dataclasses import dataclass

import numpy as np

from simpsons.demo.paper import hsv


@dataclass(frozen=True)
class Doll:
    """One character: a slug (its folder's name), a name to show, and how it looks.

    Colours are `#rrggbb`. `weight` is the outline's thickness in head radii. The other traits
    name an entry of the tables in `body` and `head`; an empty string stands for none.
    """

    slug: str
    name: str
    skin: str
    outline: str
    weight: float
    face: str
    eyes: str
    nose: str
    hair: str
    hair_colour: str
    top: str
    pattern: str
    accent: str
    bottom: str
    bottom_colour: str
    build: str = "medium"
    hat: str = ""
    hat_colour: str = "#000000"
    beard: str = ""
    extras: tuple[str, ...] = ()
    extra_colour: str = "#000000"


# fmt: off
DOLLS: tuple[Doll, ...] = (
    Doll("ada_thimble", "Ada Thimble", skin="#c9b3e6", outline="#3d2352", weight=0.05,
         face="round", eyes="dot", nose="button", hair="bun", hair_colour="#6b2a5e",
         top="#2a9d8f", pattern="buttons", accent="#f4d58d", bottom="skirt",
         bottom_colour="#234e70", extras=("round_glasses", "blush"), extra_colour="#e0a02e"),
    Doll("barnaby_quill", "Barnaby Quill", skin="#d98c6a", outline="#4a2418", weight=0.07,
         face="square", eyes="dot", nose="wedge", hair="side_part", hair_colour="#f3ead7",
         top="#27406b", pattern="pinstripes", accent="#93a8d6", bottom="trousers",
         bottom_colour="#1d2c4a", build="broad", beard="moustache", extras=("quill",),
         extra_colour="#3fb6a8"),
    Doll("clover_finch", "Clover Finch", skin="#a8dcc0", outline="#1f4a3c", weight=0.05,
         face="round", eyes="round", nose="button", hair="braids", hair_colour="#e2703a",
         top="#fff1d6", pattern="overalls", accent="#4a78b0", bottom="trousers",
         bottom_colour="#4a78b0", build="slim", extras=("freckles", "ribbons"),
         extra_colour="#d7263d"),
    Doll("dorian_pebble", "Dorian Pebble", skin="#9fb1c4", outline="#22303f", weight=0.08,
         face="egg", eyes="sleepy", nose="bulb", hair="ring", hair_colour="#3f4a78",
         top="#8c2f39", pattern="plain", accent="#6c222b", bottom="trousers",
         bottom_colour="#3c3f46", build="broad", beard="full", extras=("scarf",),
         extra_colour="#e0a526"),
    Doll("esme_lantern", "Esme Lantern", skin="#f4b9b0", outline="#2a1620", weight=0.045,
         face="heart", eyes="almond", nose="dots", hair="long", hair_colour="#23242e",
         top="#d7263d", pattern="dots", accent="#fff4ea", bottom="skirt", bottom_colour="#d7263d",
         build="slim", extras=("blush", "beads"), extra_colour="#ffd166"),
    Doll("fitz_marrow", "Fitz Marrow", skin="#5fb3a8", outline="#153c3a", weight=0.065,
         face="long", eyes="round", nose="long", hair="cloud", hair_colour="#6a3fa0",
         top="#ef8a33", pattern="waves", accent="#7a3b9e", bottom="trousers",
         bottom_colour="#5a4632", build="slim", extras=("freckles",)),
    Doll("greta_plumb", "Greta Plumb", skin="#e79ab8", outline="#4a1f3a", weight=0.055,
         face="round", eyes="dot", nose="button", hair="bob", hair_colour="#1f7a8c",
         top="#f7f3ec", pattern="stripes", accent="#2f5fb3", bottom="skirt",
         bottom_colour="#2b2d42", hat="beret", hat_colour="#c8323c"),
    Doll("hugo_saltmarsh", "Hugo Saltmarsh", skin="#c58f63", outline="#2e1a12", weight=0.08,
         face="square", eyes="dot", nose="bulb", hair="crop", hair_colour="#d9652b",
         top="#f7f3ec", pattern="stripes", accent="#27406b", bottom="trousers",
         bottom_colour="#6b5a48", build="broad", hat="beanie", hat_colour="#c8402f",
         beard="full"),
    Doll("iris_copperkettle", "Iris Copperkettle", skin="#a85f3c", outline="#32160c", weight=0.05,
         face="heart", eyes="almond", nose="button", hair="cloud", hair_colour="#e4e6ee",
         top="#3f8f4f", pattern="dots", accent="#f3e29b", bottom="skirt", bottom_colour="#2c6237",
         extras=("earrings", "blush"), extra_colour="#f2c14e"),
    Doll("jonah_tallow", "Jonah Tallow", skin="#b5d3ee", outline="#2a4468", weight=0.04,
         face="egg", eyes="round", nose="long", hair="wisp", hair_colour="#d64b2a", top="#5c4b8a",
         pattern="moon", accent="#f6d860", bottom="trousers", bottom_colour="#39304f",
         build="slim", extras=("turtleneck",), extra_colour="#5c4b8a"),
    Doll("kalla_larkspur", "Kalla Larkspur", skin="#a883d8", outline="#2f1a4f", weight=0.055,
         face="heart", eyes="almond", nose="dots", hair="bob", hair_colour="#1f7a8c",
         top="#cfe07a", pattern="diamonds", accent="#6a3d9a", bottom="skirt",
         bottom_colour="#cfe07a", build="slim", extras=("flower",), extra_colour="#ffe3ec"),
    Doll("lorne_button", "Lorne Button", skin="#dcb9a8", outline="#46301f", weight=0.06,
         face="round", eyes="dot", nose="bulb", hair="bowl", hair_colour="#7a4a2b", top="#6f8f3a",
         pattern="buttons", accent="#f1e4c3", bottom="trousers", bottom_colour="#4b3f72",
         extras=("freckles",)),
    Doll("mabel_fogg", "Mabel Fogg", skin="#c5cbd3", outline="#30343f", weight=0.05, face="long",
         eyes="sleepy", nose="wedge", hair="wavy", hair_colour="#f8f8f4", top="#3b3355",
         pattern="diamonds", accent="#b8a1e0", bottom="skirt", bottom_colour="#5d5378",
         hat="sun_hat", hat_colour="#7b4aa3", extras=("beads",), extra_colour="#f2a65a"),
    Doll("nico_tandem", "Nico Tandem", skin="#8a5a3c", outline="#23130b", weight=0.065,
         face="egg", eyes="round", nose="button", hair="crop", hair_colour="#2b1a14",
         top="#f06b8a", pattern="sash", accent="#fff4ea", bottom="trousers",
         bottom_colour="#2f3640", hat="helmet", hat_colour="#2bb3c0"),
    Doll("odette_bramble", "Odette Bramble", skin="#98b47e", outline="#2b2f14", weight=0.06,
         face="square", eyes="almond", nose="bulb", hair="braids", hair_colour="#44235c",
         top="#b0205a", pattern="checks", accent="#f08fb3", bottom="skirt",
         bottom_colour="#5b1a3a", extras=("square_glasses", "ribbons"), extra_colour="#f5e9d8"),
    Doll("percy_dovetail", "Percy Dovetail", skin="#eda98a", outline="#3a1d14", weight=0.06,
         face="long", eyes="dot", nose="long", hair="crop", hair_colour="#8a4323", top="#f4f1ea",
         pattern="waistcoat", accent="#c9553d", bottom="trousers", bottom_colour="#3a3a46",
         build="slim", hat="top_hat", hat_colour="#5a2a55", beard="moustache",
         extras=("bow_tie",), extra_colour="#2a8c82"),
    Doll("rosalind_thrush", "Rosalind Thrush", skin="#4fa3c7", outline="#12344a", weight=0.075,
         face="heart", eyes="round", nose="wedge", hair="crest", hair_colour="#ff6f91",
         top="#34323f", pattern="waves", accent="#b5e655", bottom="trousers",
         bottom_colour="#4a4657", extras=("earrings",), extra_colour="#b5e655"),
    Doll("silas_umber", "Silas Umber", skin="#a8727e", outline="#3a1a26", weight=0.07,
         face="square", eyes="dot", nose="bulb", hair="bowl", hair_colour="#ede6d6",
         top="#6f8f3a", pattern="buttons", accent="#f1e4c3", bottom="trousers",
         bottom_colour="#6b3f2a", build="broad", beard="short", extras=("square_glasses",),
         extra_colour="#2f6fb3"),
)
# fmt: on


def any_stranger(rng: np.random.Generator) -> Doll:
    """A doll of none of the cast: traits of any of them, in colours of its own, `unknown`."""

    def some(trait: str) -> str:
        return str(getattr(DOLLS[rng.integers(len(DOLLS))], trait))

    def colour(saturation: tuple[float, float], value: tuple[float, float]) -> str:
        red, green, blue = hsv(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
        return f"#{red:02x}{green:02x}{blue:02x}"

    def cloth() -> str:
        return colour((0.05, 0.8), (0.25, 0.95))

    skin = colour((0.1, 0.6), (0.55, 0.98))
    return Doll(
        slug="unknown",
        name="Stranger",
        skin=skin,
        outline=colour((0.2, 0.7), (0.12, 0.3)),
        weight=rng.uniform(0.04, 0.08),
        face=some("face"),
        eyes=some("eyes"),
        nose=some("nose"),
        hair=some("hair"),
        hair_colour=colour((0.05, 0.8), (0.1, 0.95)),
        top=cloth(),
        pattern=some("pattern"),
        accent=cloth(),
        bottom=some("bottom"),
        bottom_colour=cloth(),
        build=some("build"),
        hat=some("hat"),
        hat_colour=cloth(),
        beard=some("beard"),
        extras=DOLLS[rng.integers(len(DOLLS))].extras,
        extra_colour=cloth(),
    )
