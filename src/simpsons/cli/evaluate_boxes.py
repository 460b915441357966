"""What `simpsons evaluate --boxes` prints."""

from simpsons.characters import display_name
from simpsons.cli.terminal import say
from simpsons.evaluation.detection import DetectionEvaluation, Share
from simpsons.evaluation.on_boxes import BoxesEvaluation

_BAD_ROWS = 10  # that are printed


def print_boxes(found: BoxesEvaluation) -> None:
    """The figures, the notes and the first bad rows."""
    _print(found.evaluation)
    for note in found.notes:
        say(f"\nNote: {note}")
    for row in found.bad_rows[:_BAD_ROWS]:
        say(f"  {row}")
    if len(found.bad_rows) > _BAD_ROWS:
        say(f"  and {len(found.bad_rows) - _BAD_ROWS:,} more; --json lists them all")


def _print(found: DetectionEvaluation) -> None:
    line = "{:<24} {:>7} {:>9}"
    say(line.format("average precision", "IoU 0.5", "0.5-0.95"))
    both = {"faces": found.ap, "names, the mean": found.mean_ap}
    for title, ap in both.items():
        say(line.format(title, _score(ap.at_50), _score(ap.mean)))
    say(f"\nof faces with a score of {found.limits} or more:")
    for title, share in {
        "precision": found.precision,
        "recall": found.recall,
        "precision of names": found.name_precision,
        "recall of names": found.name_recall,
        "known faces kept": found.known_kept,
        "strangers named": found.strangers_named,
    }.items():
        say(f"{title:<24} {_share(share)}")
    if not found.names:
        return
    line = "{:<24} {:>7} {:>9} {:>9} {:>9} {:>9}"
    say()
    columns = ("IoU 0.5", "0.5-0.95", "precision", "recall", "faces")
    say(line.format("character", *columns))
    for score in found.names:
        figures = (score.ap.at_50, score.ap.mean, score.precision.value, score.recall.value)
        say(line.format(display_name(score.name), *map(_score, figures), score.faces))


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "-"
    low, high = share.interval
    return (
        f"{share.value:.1%} (95 % interval {low:.1%} to {high:.1%}, {share.count:,} of "
        f"{share.of:,})"
    )
