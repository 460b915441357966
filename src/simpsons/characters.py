"""The 18 characters, in the dataset's own order (alphabetical).

Source: Alexandre Attia, "The Simpsons Characters Data", Kaggle
`alexattia/the-simpsons-characters-dataset`.
"""

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

_NAMES = {character.slug: character.name for character in CHARACTERS}


def display_name(slug: str) -> str:
    """The name to show for a class: `moe_szyslak` gives `Moe Szyslak`.

    A class that is none of the 18 gets its own name with underscores as spaces.
    """
    return _NAMES.get(slug, slug.replace("_", " "))
