"""The files that boxes come in, each read into rows, one box a row.

Rows are as the file has them: no picture has been looked for and no corner checked.
"""

import csv
import io
import json
import math
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simpsons import urls
from simpsons.dataset.folders import DataError
from simpsons.pixels.picture_names import parts_of

ANNOTATION = "annotation.txt"
"""The box file of the Kaggle archive."""

COLUMNS = ("path", "x1", "y1", "x2", "y2", "name")
"""The columns of our CSV; a seventh, `ignored`, may follow."""

IGNORED = "ignored"

Corners = tuple[float, float, float, float]

_CLASSES = ("classes.txt", "obj.names", "data.yaml", "data.yml")
_CLASSES_ABOVE = 2  # folders above the labels in which a class list is looked for
_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")


@dataclass(frozen=True)
class BadRow:
    """A row that says no box.

    file: the box file, or the file of its folder. where: the row in it, `row 12` (its line),
    `annotation 3`, `object 1`; empty where the whole file is meant. path: the picture, relative to
    the folder of pictures; empty where the row names none that is there.
    """

    file: str
    where: str
    reason: str
    path: str = ""

    def __str__(self) -> str:
        where = f", {self.where}" if self.where else ""
        return f"{self.file}{where}: {self.reason}"

    def to_json(self) -> dict[str, str]:
        """`{"file", "where", "reason", "path"}`."""
        return {"file": self.file, "where": self.where, "reason": self.reason, "path": self.path}


@dataclass(frozen=True)
class Row:
    """One box as a file has it.

    path: the picture as the file calls it; without suffix where `any_suffix`. corners: x1, y1, x2,
    y2 in pixels, or in parts of the picture's sides where `relative`; None for a row that lists a
    picture and no box. size: width and height that the file says the picture has.
    """

    file: str
    where: str
    path: str
    corners: Corners | None = None
    name: str = ""
    ignored: bool = False
    relative: bool = False
    any_suffix: bool = False
    size: tuple[int, int] | None = None


Rows = Iterator[Row | BadRow]


def rows(path: Path) -> tuple[str, Rows]:
    """The format of a box file or a folder of them, and its rows.

    Raises DataError if it is missing or of no known format, and while it is read for what can't be
    read at all.
    """
    if path.is_dir():
        return _of_folder(path)
    if said := urls.refusal(path, "file"):
        raise DataError(said)
    if not path.exists():
        raise DataError(f"{path}: no such file; give a box file, or a folder of them")
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return "Pascal VOC", _voc(path.parent, [path])
    if suffix in (".yaml", ".yml"):
        return _of_folder(path.parent)
    text = _text(path)
    if suffix == ".json" or text.lstrip().startswith("{"):
        return "COCO", _coco(path, text)
    return _of_text(path, text)


def _of_folder(folder: Path) -> tuple[str, Rows]:
    annotation = folder / ANNOTATION
    if annotation.is_file():
        return _of_text(annotation, _text(annotation))
    files = list(_files_below(folder, (".xml", ".txt")))
    xml = [file for file in files if file.suffix.lower() == ".xml"]
    labels = [f for f in files if f.suffix.lower() == ".txt" and f.name not in _CLASSES]
    classes = _class_list(folder) if labels else None
    if xml and classes:
        raise DataError(
            f"{folder}: has Pascal VOC boxes (.xml) and YOLO boxes (.txt); give a folder with one "
            "of them"
        )
    if xml:
        return "Pascal VOC", _voc(folder, xml)
    if classes:
        return "YOLO", _yolo(folder, labels, classes)
    if labels:
        raise DataError(
            f"{folder}: has .txt files and no list of their classes; put classes.txt (one name a "
            "line) or data.yaml beside them"
        )
    raise DataError(
        f"{folder}: has no boxes; give a CSV or COCO JSON file, or a folder with {ANNOTATION}, "
        "Pascal VOC .xml files, or YOLO .txt files"
    )


def _of_text(path: Path, text: str) -> tuple[str, Rows]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        table = [(reader.line_num, [value.strip() for value in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise DataError(
            f"{path}: is not valid CSV (line {reader.line_num}: {error}); fix it"
        ) from None
    header = [value.lower() for value in table[0][1]] if table else []
    if not {"x1", "y1", "x2", "y2"} & set(header):
        return ANNOTATION, _annotation(path, table)
    if missing := [name for name in COLUMNS if name not in header]:
        raise DataError(
            f"{path}: has no column {missing[0]}; its first row must be {','.join(COLUMNS)}"
        )
    return "CSV", _csv(path, header, table[1:])


def _csv(path: Path, header: Sequence[str], table: Iterable[tuple[int, list[str]]]) -> Rows:
    for line, values in table:
        where = f"row {line}"
        if len(values) != len(header):
            yield BadRow(str(path), where, f"has {len(values)} values, not {len(header)}")
            continue
        row = dict(zip(header, values, strict=True))
        ignored = row.get(IGNORED, "").lower()
        if ignored not in (*_YES, *_NO):
            yield BadRow(str(path), where, f"{IGNORED} is {ignored!r}, not 0 or 1", row["path"])
            continue
        yield _row(
            str(path),
            where,
            row["path"],
            [row[column] for column in COLUMNS[1:5]],
            row["name"],
            ignored=ignored in _YES,
        )


def _annotation(path: Path, table: Iterable[tuple[int, list[str]]]) -> Rows:
    """Rows `./characters/<character>/<file>,x1,y1,x2,y2,<character>`, without a header."""
    for line, values in table:
        where = f"row {line}"
        if len(values) != 6:
            yield BadRow(str(path), where, f"has {len(values)} values, not 6")
            continue
        file, *corners, name = values
        parts = parts_of(file)
        if len(parts) < 2:
            yield BadRow(str(path), where, f"{file!r} is no <character>/<file>")
            continue
        yield _row(str(path), where, "/".join(parts[-2:]), corners, name, may_be_empty=False)


def _coco(path: Path, text: str) -> Rows:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not valid JSON ({error}); write it again") from None
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise DataError(
            f"{path}: is not a COCO file; it needs an object with images, annotations and "
            "categories"
        )
    names = {
        category["id"]: str(category["name"])
        for category in _objects(content, "categories")
        if {"id", "name"} <= category.keys() and _is_id(category["id"])
    }
    known: dict[object, Row] = {}
    for number, image in enumerate(_objects(content, "images"), 1):
        where, name, key = f"image {number}", image.get("file_name"), image.get("id")
        if not isinstance(name, str) or not name:
            yield BadRow(str(path), where, "has no file_name")
        elif not _is_id(key):
            yield BadRow(str(path), where, "has no id", name)
        elif key in known:
            yield BadRow(str(path), where, f"has the id {key} of another image", name)
        else:
            size = _size(image.get("width"), image.get("height"))
            known[key] = Row(str(path), where, name, size=size)
            yield known[key]
    for number, annotation in enumerate(_objects(content, "annotations"), 1):
        yield _coco_box(str(path), f"annotation {number}", annotation, known, names)


def _coco_box(
    file: str,
    where: str,
    annotation: dict[str, Any],
    images: Mapping[object, Row],
    names: Mapping[object, str],
) -> Row | BadRow:
    image, category = annotation.get("image_id"), annotation.get("category_id")
    picture = images.get(image) if _is_id(image) else None
    if picture is None:
        return BadRow(file, where, f"is of image {image!r}, which the file does not list")
    if not _is_id(category) or category not in names:
        reason = f"is of category {category!r}, which the file does not list"
        return BadRow(file, where, reason, picture.path)
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        return BadRow(file, where, "has no bbox of four numbers", picture.path)
    try:
        x, y, width, height = (_number(value) for value in box)
    except ValueError:
        return BadRow(file, where, f"{_listed(box)} are not four numbers", picture.path)
    return Row(
        file,
        where,
        picture.path,
        (x, y, x + width, y + height),
        names[category],
        ignored=annotation.get("iscrowd") in (1, True),
        size=picture.size,
    )


def _voc(folder: Path, files: Iterable[Path]) -> Rows:
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()
        except OSError as error:
            yield BadRow(str(file), "", f"can't be read ({error.strerror})")
            continue
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            yield BadRow(str(file), "", f"is not valid XML ({error})")
            continue
        name = (root.findtext("filename") or "").strip()
        if root.tag != "annotation" or not name:
            yield BadRow(str(file), "", "is no Pascal VOC annotation with a filename")
            continue
        above = _swapped(file.parent.relative_to(folder), "Annotations", "JPEGImages")
        picture = (above / parts_of(name)[-1]).as_posix() if parts_of(name) else name
        size = _size(root.findtext("size/width"), root.findtext("size/height"))
        yield Row(str(file), "", picture, size=size)
        for number, found in enumerate(root.iterfind("object"), 1):
            yield _voc_box(str(file), f"object {number}", picture, found, size)


def _voc_box(
    file: str,
    where: str,
    picture: str,
    found: ElementTree.Element,
    size: tuple[int, int] | None,
) -> Row | BadRow:
    box = found.find("bndbox")
    if box is None:
        return BadRow(file, where, "has no bndbox", picture)
    corners = [(box.findtext(key) or "").strip() for key in ("xmin", "ymin", "xmax", "ymax")]
    return _row(
        file,
        where,
        picture,
        corners,
        (found.findtext("name") or "").strip(),
        ignored=(found.findtext("difficult") or "").strip() == "1",
        size=size,
        may_be_empty=False,
    )


def _yolo(folder: Path, files: Iterable[Path], classes: Mapping[int, str]) -> Rows:
    for file in files:
        above = _swapped(file.parent.relative_to(folder), "labels", "images")
        picture = (above / file.stem).as_posix()
        try:
            text = _text(file)
        except OSError as error:
            yield BadRow(str(file), "", f"can't be read ({error.strerror})")
            continue
        except DataError as error:
            yield BadRow(str(file), "", str(error).removeprefix(f"{file}: "))
            continue
        yield Row(str(file), "", picture, any_suffix=True)
        for line, values in enumerate(map(str.split, text.splitlines()), 1):
            if values:
                yield _yolo_box(str(file), f"row {line}", picture, values, classes)


def _yolo_box(
    file: str, where: str, picture: str, values: Sequence[str], classes: Mapping[int, str]
) -> Row | BadRow:
    if len(values) != 5:
        return BadRow(file, where, f"has {len(values)} values, not 5", picture)
    if not values[0].isdecimal() or int(values[0]) not in classes:
        reason = f"is of class {values[0]}, and there are {len(classes)} classes, from 0"
        return BadRow(file, where, reason, picture)
    try:
        x, y, width, height = map(_number, values[1:])
    except ValueError:
        return BadRow(file, where, f"{_listed(values[1:])} are not four numbers", picture)
    if max(x, y, width, height) > 1:
        reason = f"{_listed(values[1:])} are not fractions of the picture, 0 to 1"
        return BadRow(file, where, reason, picture)
    corners = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    name = classes[int(values[0])]
    return Row(file, where, picture, corners, name, relative=True, any_suffix=True)


def _class_list(folder: Path) -> dict[int, str] | None:
    """The class names of a folder of YOLO boxes by number; None if no file lists them."""
    above = (folder, *folder.absolute().parents[:_CLASSES_ABOVE])
    for file in (level / name for level in above for name in _CLASSES):
        if not file.is_file():
            continue
        names = (
            _names_in_yaml(file) if file.suffix in (".yaml", ".yml") else _text(file).split("\n")
        )
        listed = names.items() if isinstance(names, dict) else enumerate(names)
        classes = {number: str(name).strip() for number, name in listed if str(name).strip()}
        if not classes:
            raise DataError(f"{file}: lists no class; write one name a line, or `names:` in YAML")
        return classes
    return None


def _names_in_yaml(file: Path) -> dict[int, object] | list[object]:
    import yaml

    try:
        content = yaml.safe_load(_text(file))
        names = content["names"]
        if isinstance(names, dict):
            return {int(number): name for number, name in names.items()}
        return list(names)
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise DataError(f"{file}: has no list `names` of the classes; add it") from None


def _row(
    file: str,
    where: str,
    path: str,
    corners: Sequence[str],
    name: str,
    *,
    ignored: bool = False,
    size: tuple[int, int] | None = None,
    may_be_empty: bool = True,
) -> Row | BadRow:
    """A row whose corners are text; all of them and the name empty: a picture without a box."""
    if may_be_empty and not any(corners) and not name:
        return Row(file, where, path, size=size)
    try:
        x1, y1, x2, y2 = map(_number, corners)
    except ValueError:
        return BadRow(file, where, f"{_listed(corners)} are not four numbers", path)
    return Row(file, where, path, (x1, y1, x2, y2), name, ignored=ignored, size=size)


def _number(value: object) -> float:
    """A finite number. Raises ValueError."""
    if not isinstance(value, int | float | str):
        raise ValueError
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if not math.isfinite(number):
        raise ValueError
    return number


def _size(width: object, height: object) -> tuple[int, int] | None:
    """A picture's size, or None where a file does not say it."""
    try:
        size = int(_number(width)), int(_number(height))
    except ValueError:
        return None
    return size if min(size) > 0 else None


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) or "''" for value in values)


def _is_id(value: object) -> bool:
    return isinstance(value, int | str)


def _objects(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list; what is none becomes an empty one, which is a bad row."""
    listed = content.get(key)
    if not isinstance(listed, list):
        return []
    return [entry if isinstance(entry, dict) else {} for entry in listed]


def _swapped(folder: Path, labels: str, pictures: str) -> Path:
    """The folder of pictures that goes with a folder of labels, as the format names the two."""
    return Path(*(pictures if part == labels else part for part in folder.parts))


def _files_below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            if not file.startswith(".") and file.lower().endswith(suffixes):
                yield Path(parent, file)


def _text(path: Path) -> str:
    """A file's text. Raises DataError if it is neither UTF-8 nor UTF-16 with its mark."""
    content = path.read_bytes()
    is_utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not text in UTF-8 or UTF-16 ({error.reason}); save it as UTF-8"
        ) from None
