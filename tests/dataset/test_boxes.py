"""Every box file that people have is read; what says no box is told, never dropped."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from simpsons.dataset import boxes
from simpsons.dataset.boxes import Box
from simpsons.dataset.folders import DataError

BART = Box("bart/1.jpg", 5, 6, 25.5, 36, "bart_simpson")
LISA = Box("bart/1.jpg", 30, 2, 40, 12, "lisa_simpson")
STRANGER = Box("lisa/1.png", 1, 1, 9, 9, "unknown")
HEADER = "path,x1,y1,x2,y2,name"
GOOD = "bart/1.jpg,5,6,25.5,36,bart_simpson"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two of 60 x 40 pixels, one of which is stored on its side, in folders and at the top."""
    folder = tmp_path_factory.mktemp("data") / "pictures"
    for name in ("bart", "lisa"):
        (folder / name).mkdir(parents=True)
    Image.new("RGB", (60, 40)).save(folder / "bart/1.jpg")
    Image.new("RGB", (60, 40)).save(folder / "lisa/1.png")
    turned = Image.new("RGB", (40, 60))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "bart/turned.jpg", exif=exif)
    Image.new("RGB", (60, 40)).save(folder / "top.jpg")
    (folder / "bart/broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def written(tmp_path):
    def write(*lines, name="boxes.csv", encoding="utf-8", newline="\n"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(newline.join(lines) + newline, encoding=encoding, newline="")
        return path

    return write


def reasons(found):
    return [(row.where, row.reason) for row in found.bad]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_our_csv(written, pictures, encoding, newline):
    rows = (HEADER, GOOD, "", "bart/1.jpg,30,2,40,12,Lisa Simpson", "lisa/1.png,1,1,9,9,unknown")
    found = boxes.read(written(*rows, encoding=encoding, newline=newline), pictures)
    assert found.format == "CSV"
    assert found.pictures == {"bart/1.jpg": (BART, LISA), "lisa/1.png": (STRANGER,)}
    assert found.bad == ()
    assert found.names == ("bart_simpson", "lisa_simpson", "unknown")
    assert found.summary == "3 boxes in 2 pictures"


def test_columns_in_any_order_more_of_them_and_quoted_names(written):
    path = written(
        "name,x1,y1,x2,y2,path,by",
        '"Smith, John",1,2,3,4,"a ""b"", c.jpg",me',
    )
    [(picture, [box])] = boxes.read(path).pictures.items()
    assert (picture, box.name) == ('a "b", c.jpg', "Smith, John")


def test_a_spreadsheet_may_part_values_in_its_own_way(written):
    assert boxes.read(written(*(row.replace(",", ";") for row in (HEADER, GOOD)))).pictures
    tabs = written(*(row.replace(",", "\t") for row in (HEADER, GOOD)), encoding="utf-16")
    assert boxes.read(tabs).pictures == {"bart/1.jpg": (BART,)}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("bart/1.jpg,13,17,12,27,a", "from (13, 17) to (12, 27) is no box"),
        ("bart/1.jpg,13,17,14,17,a", "from (13, 17) to (14, 17) is no box"),
        ("bart/1.jpg,1,2,x,4,a", "1, 2, x, 4 are not four numbers"),
        ("bart/1.jpg,1,2,nan,4,a", "1, 2, nan, 4 are not four numbers"),
        ("bart/1.jpg,1,2,inf,4,a", "1, 2, inf, 4 are not four numbers"),
        ("bart/1.jpg,1,2,,4,a", "1, 2, '', 4 are not four numbers"),
        ("bart/1.jpg,1,2,3,4", "has 5 values, not 6"),
        ("bart/1.jpg,1,2,3,4,", "has no name; write unknown for a stranger"),
        (
            "bart/1.jpg,50,2,70,12,a",
            "from (50, 2) to (70, 12) reaches outside the picture of 60 x 40 pixels",
        ),
        (
            "bart/1.jpg,-5,2,7,12,a",
            "from (-5, 2) to (7, 12) reaches outside the picture of 60 x 40 pixels",
        ),
        ("bart/1.jpg,60.5,2,61,12,a", "from (60.5, 2) to (61, 12) lies outside the picture"),
        (",1,2,3,4,a", "names no picture"),
        (GOOD, "repeats row 2"),
        (
            GOOD.replace("bart_simpson", "Moe Szyslak"),
            "is the box of row 2, which calls it bart_simpson, not moe_szyslak",
        ),
    ],
)
def test_a_bad_row_is_told_and_the_rest_go_on(written, pictures, row, reason):
    path = written(HEADER, GOOD, row, "lisa/1.png,1,1,9,9,unknown")
    found = boxes.read(path, pictures)
    assert found.pictures == {"bart/1.jpg": (BART,), "lisa/1.png": (STRANGER,)}
    assert reasons(found) == [("row 3", reason)]
    assert str(found.bad[0]) == f"{path}, row 3: {reason}"


def test_a_picture_with_a_bad_row_is_incomplete(written, pictures):
    found = boxes.read(written(HEADER, GOOD, "bart/1.jpg,9,9,1,1,a", GOOD), pictures)
    assert found.incomplete == {"bart/1.jpg"}
    assert found.complete == {}
    repeated = boxes.read(written(HEADER, GOOD, GOOD), pictures)
    assert repeated.complete == {"bart/1.jpg": (BART,)}


def test_a_box_that_rounding_put_outside_is_cut(written, pictures):
    found = boxes.read(written(HEADER, "bart/1.jpg,-0.4,-1,61.5,40.2,a"), pictures)
    assert found.pictures["bart/1.jpg"][0].corners == (0, 0, 60, 40)
    assert found.bad == ()


def test_corners_are_of_the_picture_as_people_see_it(written, pictures):
    found = boxes.read(written(HEADER, "bart/turned.jpg,1,1,59,39,a"), pictures)
    assert found.bad == ()


def test_pictures_that_are_not_there_or_broken_are_told(written, pictures):
    rows = (HEADER, GOOD, "moe/1.jpg,1,1,9,9,moe_szyslak", "bart/broken.jpg,1,1,9,9,a")
    found = boxes.read(written(*rows), pictures)
    assert found.complete == {"bart/1.jpg": (BART,)}
    assert found.bad[0].reason == f"moe/1.jpg is not a picture of {pictures}"
    assert "not a picture in a format known here" in found.bad[1].reason


@pytest.mark.parametrize(
    "listed",
    ["bart/1.jpg", "./characters/bart/1.jpg", r"C:\me\pictures\bart\1.jpg", "../other/bart/1.jpg"],
)
def test_listed_paths_may_begin_further_up(written, pictures, listed):
    found = boxes.read(written(HEADER, GOOD.replace("bart/1.jpg", listed)), pictures)
    assert found.pictures == {"bart/1.jpg": (BART,)}


def test_listed_paths_may_begin_further_down(written, pictures):
    found = boxes.read(written(HEADER, GOOD), pictures.parent)
    assert list(found.pictures) == ["pictures/bart/1.jpg"]
    bare = boxes.read(written(HEADER, "1.png,1,1,9,9,unknown"), pictures)
    assert list(bare.pictures) == ["lisa/1.png"]


def test_a_picture_of_the_same_name_in_another_folder_is_not_taken(written, pictures):
    with pytest.raises(DataError, match=r"lisa/1\.jpg is not a picture of"):
        boxes.read(written(HEADER, "lisa/1.jpg,1,1,9,9,a"), pictures / "bart")
    own = boxes.read(written(HEADER, GOOD), pictures / "bart")
    assert list(own.pictures) == ["1.jpg"]


def test_a_name_of_several_pictures_is_told(written, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "films" / name).mkdir(parents=True)
        Image.new("RGB", (60, 40)).save(tmp_path / "films" / name / "1.jpg")
    path = written(HEADER, GOOD.replace("bart/", ""), GOOD.replace("bart/", "a/"))
    found = boxes.read(path, tmp_path / "films")
    assert list(found.pictures) == ["a/1.jpg"]
    assert found.bad[0].reason == "1.jpg may be a/1.jpg or b/1.jpg; name its folder too"


def test_nested_folders_that_repeat_one_another_count_once(written, tmp_path):
    for where in ("set/bart", "set/set/bart"):
        (tmp_path / "all" / where).mkdir(parents=True)
        Image.new("RGB", (60, 40)).save(tmp_path / "all" / where / "1.jpg")
    assert list(boxes.read(written(HEADER, GOOD), tmp_path / "all").pictures) == ["set/bart/1.jpg"]


def test_annotation_txt(written, pictures):
    row = "./characters/bart/1.jpg,5,6,25.5,36,bart_simpson"
    path = written(row, "./characters/bart/1.jpg,1,2,3,4", "b.jpg,1,2,3,4,a", name="annotation.txt")
    for given in (path, path.parent):
        found = boxes.read(given, pictures.parent)
        assert found.format == "annotation.txt"
        assert found.pictures["pictures/bart/1.jpg"] == (BART._replace(path="pictures/bart/1.jpg"),)
        assert reasons(found) == [
            ("row 2", "has 5 values, not 6"),
            ("row 3", "'b.jpg' is no <character>/<file>"),
        ]
    assert list(boxes.read(path).pictures) == ["bart/1.jpg"]


def coco(**changes):
    size = {"width": 60, "height": 40}
    content = {
        "images": [
            {"id": 1, "file_name": "bart/1.jpg", **size},
            {"id": 2, "file_name": "lisa/1.png", **size},
        ],
        "annotations": [
            {"image_id": 1, "category_id": 7, "bbox": [5, 6, 20.5, 30]},
            {"image_id": 1, "category_id": 8, "bbox": [0, 0, 60, 9], "iscrowd": 1},
        ],
        "categories": [{"id": 7, "name": "Bart Simpson"}, {"id": 8, "name": "unknown"}],
    }
    return json.dumps(content | changes)


def test_coco(written, pictures):
    found = boxes.read(written(coco(), name="boxes.json"), pictures)
    assert found.format == "COCO"
    crowd = Box("bart/1.jpg", 0, 0, 60, 9, "unknown", ignored=True)
    assert found.complete == {"bart/1.jpg": (BART, crowd), "lisa/1.png": ()}
    assert found.names == ("bart_simpson",)
    assert found.bad == ()


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"image_id": 9}, "is of image 9, which the file does not list"),
        ({"image_id": [1]}, "is of image [1], which the file does not list"),
        ({"category_id": 9}, "is of category 9, which the file does not list"),
        ({"bbox": None}, "has no bbox of four numbers"),
        ({"bbox": [1, 2, 3]}, "has no bbox of four numbers"),
        ({"bbox": [1, 2, None, 4]}, "1, 2, None, 4 are not four numbers"),
        ({"bbox": [1, 2, float("nan"), 4]}, "1, 2, nan, 4 are not four numbers"),
        ({"bbox": [1, 2, 10**400, 4]}, f"1, 2, {10**400}, 4 are not four numbers"),
        ({"bbox": [1, 2, -3, 4]}, "from (1, 2) to (-2, 6) is no box"),
    ],
)
def test_a_bad_annotation_of_coco(written, pictures, annotation, reason):
    bad = {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]} | annotation
    found = boxes.read(written(coco(annotations=[bad]), name="boxes.json"), pictures)
    assert reasons(found) == [("annotation 1", reason)]


def test_bad_images_of_coco(written, pictures):
    images = [
        {"id": 1, "file_name": "bart/1.jpg", "width": 640, "height": 480},
        {"id": 1, "file_name": "lisa/1.png"},
        {"id": 2},
        {"file_name": "top.jpg"},
        "none",
    ]
    found = boxes.read(written(coco(images=images, annotations=[]), name="b.json"), pictures)
    assert reasons(found) == [
        ("image 1", "is for a picture of 640 x 480 pixels, and bart/1.jpg has 60 x 40"),
        ("image 2", "has the id 1 of another image"),
        ("image 3", "has no file_name"),
        ("image 4", "has no id"),
        ("image 5", "has no file_name"),
    ]


VOC = """<annotation><folder>somewhere</folder><filename>1.jpg</filename>
<size><width>60</width><height>40</height><depth>3</depth></size>
<object><name>bart_simpson</name><bndbox>
<xmin>5</xmin><ymin>6</ymin><xmax>25.5</xmax><ymax>36</ymax></bndbox></object>
<object><name>x</name><difficult>1</difficult><bndbox>
<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>
<object><name>bart_simpson</name></object></annotation>"""


def test_pascal_voc(written, pictures):
    file = written(VOC, name="voc/bart/1.xml", encoding="utf-16")
    written("<annotation><filename>1.png</filename></annotation>", name="voc/lisa/1.xml")
    broken = written("<annotation>", name="voc/lisa/2.xml")
    written("<html></html>", name="voc/lisa/3.xml")
    difficult = Box("bart/1.jpg", 1, 1, 9, 9, "x", ignored=True)
    found = boxes.read(file.parent.parent, pictures)
    assert found.format == "Pascal VOC"
    assert found.pictures == {"bart/1.jpg": (BART, difficult), "lisa/1.png": ()}
    assert reasons(found)[0] == ("object 3", "has no bndbox")
    assert str(found.bad[1]).startswith(f"{broken}: is not valid XML (no element found")
    assert found.bad[2].reason == "is no Pascal VOC annotation with a filename"
    one = boxes.read(file, pictures / "bart")
    assert list(one.pictures) == ["1.jpg"]


YOLO = ("0 0.2541666 0.525 0.3416666 0.75", "", "2 0.5 0.5 0.1 0.1", "0 1 2", "1 0.5 0.5 nan 0.1")


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ("classes.txt", "Bart Simpson\nmoe\n"),
        ("data.yaml", "train: x\nnames: ['Bart Simpson', moe]\n"),
        ("data.yaml", "names:\n  0: Bart Simpson\n  1: moe\n"),
    ],
)
def test_yolo(written, pictures, classes, text):
    listed = written(text, name=f"set/{classes}")
    written(*YOLO, "0 30 20 10 10", name="set/labels/bart/1.txt", newline="\r\n")
    written(name="set/labels/lisa/1.txt")
    written("0 0.5 0.5 0.1 0.1", name="set/labels/moe/1.txt")
    found = boxes.read(listed.parent / "labels", pictures)
    assert found.format == "YOLO"
    assert list(found.pictures) == ["bart/1.jpg", "lisa/1.png"]
    assert found.pictures["lisa/1.png"] == ()
    [box] = found.pictures["bart/1.jpg"]
    assert box.corners == pytest.approx(BART.corners, abs=1e-3)
    assert box.name == "bart_simpson"
    assert reasons(found) == [
        ("row 3", "is of class 2, and there are 2 classes, from 0"),
        ("row 4", "has 3 values, not 5"),
        ("row 5", "0.5, 0.5, nan, 0.1 are not four numbers"),
        ("row 6", "30, 20, 10, 10 are not fractions of the picture, 0 to 1"),
        ("", f"moe/1 is not a picture of {pictures}"),
        ("row 1", f"moe/1 is not a picture of {pictures}"),
    ]


def test_yolo_beside_its_pictures_and_as_its_yaml(written, tmp_path):
    for name in ("images", "labels"):
        (tmp_path / "set" / "train" / name).mkdir(parents=True)
    Image.new("RGB", (60, 40)).save(tmp_path / "set/train/images/1.jpg")
    yaml = written("names: [a]", name="set/data.yaml")
    written("0 0.5 0.5 0.5 0.5", name="set/train/labels/1.txt")
    found = boxes.read(yaml, tmp_path / "set")
    expected = Box("train/images/1.jpg", 15, 10, 45, 30, "a")
    assert found.pictures == {"train/images/1.jpg": (expected,)}
    with pytest.raises(DataError, match="give the folder of the pictures too"):
        boxes.read(yaml)


def test_what_is_written_is_read_again(written, pictures, tmp_path):
    found = boxes.read(written(coco(), name="boxes.json"), pictures)
    for listed in (found.pictures, {"bart/1.jpg": [BART, LISA], "lisa/1.png": []}):
        boxes.write(tmp_path / "ours.csv", listed)
        again = boxes.read(tmp_path / "ours.csv", pictures)
        assert again.pictures == {path: tuple(found) for path, found in listed.items()}
        assert again.bad == ()
    assert (tmp_path / "ours.csv").read_text().splitlines() == [
        HEADER,
        "bart/1.jpg,5,6,25.5,36,bart_simpson",
        "bart/1.jpg,30,2,40,12,lisa_simpson",
        "lisa/1.png,,,,,",
    ]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "path,x1,y1,x2,name", "has no column y2; its first row must be path,x1,y1"),
        ("a.csv", 'a.jpg,"1,2,3,4,a', "is not valid CSV"),
        ("a.csv", "nonsense", r"has no boxes \(.*a.csv, row 1: has 1 values, not 6\)"),
        ("a.csv", "", "has no boxes; give a file with rows"),
        ("a.json", "[]", "is not a COCO file"),
        ("a.json", "{", "is not valid JSON"),
        ("a.xml", "<", "is not valid XML"),
        ("set/1.txt", "0 0 0 1 1", "has .txt files and no list of their classes"),
        ("set/1.jpg", "", "has no boxes; give a CSV or COCO JSON file"),
        ("set/data.yaml", "nc: 1", "has no boxes; give a CSV"),
    ],
)
def test_what_is_no_box_file_is_refused(written, name, text, says):
    path = written(text, name=name)
    with pytest.raises(DataError, match=says):
        boxes.read(path.parent if name.startswith("set/") else path)


def test_a_class_list_without_names_is_refused(written):
    written("0 0.5 0.5 0.1 0.1", name="set/1.txt")
    path = written("nc: 1", name="set/data.yaml")
    with pytest.raises(DataError, match="has no list `names` of the classes"):
        boxes.read(path)


def test_a_missing_file_and_what_is_no_text(tmp_path, pictures):
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        boxes.read(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_bytes(b"\x81\x00\xff")
    with pytest.raises(DataError, match="is not text in UTF-8 or UTF-16"):
        boxes.read(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text(f"{HEADER}\n{GOOD}\n")
    with pytest.raises(DataError, match="no such folder"):
        boxes.read(tmp_path / "b.csv", tmp_path / "none")


def test_the_real_boxes_lie_in_their_pictures(real_data):
    found = boxes.read(real_data, real_data)
    count = sum(map(len, found.pictures.values()))
    assert count > 5000
    assert len(found.bad) < 0.01 * count


def test_the_examples_of_the_documentation(tmp_path):
    text = (Path(__file__).parents[2] / "docs/boxes.md").read_text(encoding="utf-8")
    csv, annotation, coco, voc, yolo, classes = re.findall("```\\w*\n(.*?)```", text, re.DOTALL)[:6]
    (tmp_path / "family").mkdir()
    Image.new("RGB", (320, 240)).save(tmp_path / "family/0001.jpg")
    Image.new("RGB", (320, 240)).save(tmp_path / "family/0007.jpg")
    files = {
        "boxes.csv": csv.replace("street", "family"),
        "annotation.txt": annotation.replace("bart_simpson/pic_0000", "family/0001"),
        "boxes.json": coco,
        "voc/0001.xml": voc,
        "yolo/0001.txt": yolo,
        "yolo/data.yaml": classes,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    counts = {"boxes.csv": 3, "annotation.txt": 1, "boxes.json": 1, "voc": 1, "yolo": 1}
    for name, count in counts.items():
        found = boxes.read(tmp_path / name, tmp_path)
        assert found.bad == ()
        assert len(found.pictures["family/0001.jpg"]) == count
    homers = [boxes.read(tmp_path / name, tmp_path) for name in ("boxes.json", "voc", "yolo")]
    for found in homers:
        [box] = found.pictures["family/0001.jpg"]
        assert box.name == "homer_simpson"
        assert box.corners == pytest.approx((88.5, 20, 131, 78.2), abs=0.6)
