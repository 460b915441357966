"""The 18 characters, in the dataset's own order (alphabetical).

Source: Alexandre Attia, "The Simpsons Characters Data", Kaggle
`alexattia/the-simpsons-characters-dataset`.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple


class Character(NamedTuple):
    """One class of the dataset: its number (0 to 17), folder name and display name."""

    number: int
    slug: str
    name: str


CHARACTERS: tuple[Character, ...] = tuple(
    Character(number, slug, name)
    for number, (slug, name) in enumerate(
        [
            ("abraham_grampa_simpson", "Grampa Simpson"),
            ("apu_nahasapeemapetilon", "Apu Nahasapeemapetilon"),
            ("bart_simpson", "Bart Simpson"),
            ("charles_montgomery_burns", "Mr. Burns"),
            ("chief_wiggum", "Chief Wiggum"),
            ("comic_book_guy", "Comic Book Guy"),
            ("edna_krabappel", "Edna Krabappel"),
            ("homer_simpson", "Homer Simpson"),
            ("kent_brockman", "Kent Brockman"),
            ("krusty_the_clown", "Krusty the Clown"),
            ("lisa_simpson", "Lisa Simpson"),
            ("marge_simpson", "Marge Simpson"),
            ("milhouse_van_houten", "Milhouse Van Houten"),
            ("moe_szyslak", "Moe Szyslak"),
            ("ned_flanders", "Ned Flanders"),
            ("nelson_muntz", "Nelson Muntz"),
            ("principal_skinner", "Principal Skinner"),
            ("sideshow_bob", "Sideshow Bob"),
        ]
    )
)

SLUGS: tuple[str, ...] = tuple(character.slug for character in CHARACTERS)

DOLLS: tuple[str, ...] = (
    "ada_thimble", "barnaby_quill", "clover_finch", "dorian_pebble", "esme_lantern", "fitz_marrow",
    "greta_plumb", "hugo_saltmarsh", "iris_copperkettle", "jonah_tallow", "kalla_larkspur",
    "lorne_button", "mabel_fogg", "nico_tandem", "odette_bramble", "percy_dovetail",
    "rosalind_thrush", "silas_umber",
)  # fmt: skip
"""The paper dolls that `simpsons.demo` draws."""

_NAMES = {character.slug: character.name for character in CHARACTERS} | {
    slug: slug.replace("_", " ").title() for slug in DOLLS
}


def display_name(slug: str) -> str:
    """The name to show for a class: `moe_szyslak` gives `Moe Szyslak`.

    A class that is none of the 18 and none of the paper dolls gets its own name with underscores as
    spaces.
    """
    return _NAMES.get(slug, slug.replace("_", " "))


def composed(text: str) -> str:
    """Letters with accents in one spelling (NFC); macOS writes file names in another (NFD)."""
    return unicodedata.normalize("NFC", text)


def find_name(wanted: str, names: Iterable[str]) -> str | None:
    """Which of these names is meant: the very one, else the only one that is spelt alike.

    Alike are `Bart Simpson`, `bart_simpson` and `BART-SIMPSON`, a character's display name and
    folder name (`Mr. Burns`, `charles_montgomery_burns`), and composed and decomposed accents. None
    if no name is, or several are.
    """
    names = tuple(names)
    if wanted in names:
        return wanted
    for spelling in (composed, _spelling):
        alike = [name for name in names if spelling(name) == spelling(wanted)]
        if alike:
            return alike[0] if len(alike) == 1 else None
    return None


def is_known(name: str) -> bool:
    """Whether a name is one of the 18, however it is spelt."""
    return find_name(name, SLUGS) is not None


def _spelling(name: str) -> str:
    """What names that are spelt alike have in common."""
    plain = _plain(name)
    return _PLAIN_NAMES.get(plain, plain)


def _plain(name: str) -> str:
    name = composed(name).casefold()
    return re.sub(r"[\W_]+", " ", name).strip() or name


_PLAIN_NAMES = {_plain(character.slug): _plain(character.name) for character in CHARACTERS}
