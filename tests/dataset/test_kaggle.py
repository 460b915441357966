"""Fetching the data set, with a stand-in for Kaggle's client, and finding it again."""

import json
import os
from pathlib import Path

import kagglehub
import pytest
from PIL import Image

from simpsons.dataset import kaggle
from simpsons.dataset.cache import cache_folder
from simpsons.dataset.folders import DataError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """A cache without a data set, and what the client is told undone at the end."""
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", "elsewhere")
    monkeypatch.setenv("KAGGLEHUB_OFFLINE", "1")


def unpack(version: int, whole: bool = True) -> Path:
    """What the client leaves of a download, or of one whose unpacking was killed."""
    home = Path(os.environ["SIMPSONS_CACHE"]) / "kaggle" / "datasets" / kaggle.HANDLE
    folder = home / "versions" / str(version)
    folder.mkdir(parents=True)
    if whole:
        (home / f"{version}.complete").touch()
    return folder


# ---- download ------------------------------------------------------------------------------


def test_download_asks_the_client_for_the_data_set_and_our_cache(monkeypatch):
    asked = []

    def client(handle, **options):
        asked.append((handle, options, os.environ["KAGGLEHUB_CACHE"]))
        return str(unpack(2))

    monkeypatch.setattr(kagglehub, "dataset_download", client)
    folder = kaggle.download()
    assert asked == [(kaggle.HANDLE, {}, str(cache_folder() / "kaggle"))]
    assert folder.is_dir()
    assert kaggle.installed() == kaggle.resolve(None) == folder


class KaggleApiHTTPError(Exception):
    """As the client's own, which is no OSError."""


@pytest.mark.parametrize("error", [ConnectionError, KaggleApiHTTPError, TimeoutError, OSError])
def test_without_network_the_message_says_how_to_fetch_it_by_hand(monkeypatch, error):
    def client(handle):
        raise error("Max retries exceeded")

    monkeypatch.setattr(kagglehub, "dataset_download", client)
    with pytest.raises(DataError) as caught:
        kaggle.download()
    message = str(caught.value)
    assert f"can't download {kaggle.HANDLE} from Kaggle ({error.__name__})" in message
    assert f"open {kaggle.PAGE}, press Download" in message
    assert "set SIMPSONS_DATA to it" in message
    assert "Run this again to go on" in message
    assert "\n" not in message
    assert kaggle.installed() is None


def test_an_interrupt_is_not_taken_for_a_failed_download(monkeypatch):
    def client(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(kagglehub, "dataset_download", client)
    with pytest.raises(KeyboardInterrupt):
        kaggle.download()


def test_the_client_itself_takes_what_is_there_for_a_whole_download(monkeypatch):
    """Its own layout and marker are what `installed` goes by."""
    folder = unpack(3)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(cache_folder() / "kaggle"))
    assert kagglehub.dataset_download(f"{kaggle.HANDLE}/versions/3") == str(folder)


# ---- found again ---------------------------------------------------------------------------


def test_nothing_is_installed():
    assert kaggle.installed() is None
    with pytest.raises(DataError, match=r"^no data: .*SIMPSONS_DATA, or run `simpsons data down"):
        kaggle.resolve(None)


def test_the_environment_goes_before_the_download(tmp_path, monkeypatch):
    unpack(1)
    monkeypatch.setenv("SIMPSONS_DATA", str(tmp_path / "mine"))
    assert kaggle.installed() == kaggle.resolve(None) == tmp_path / "mine"


def test_an_empty_environment_variable_counts_as_none(monkeypatch):
    folder = unpack(1)
    monkeypatch.setenv("SIMPSONS_DATA", "")
    assert kaggle.installed() == folder


def test_the_folder_given_goes_before_all(tmp_path, monkeypatch):
    unpack(1)
    monkeypatch.setenv("SIMPSONS_DATA", str(tmp_path / "mine"))
    assert kaggle.resolve("given") == kaggle.resolve(Path("given")) == Path("given")


def test_the_newest_of_several_versions_is_taken():
    for version, time in ((9, 1_000), (10, 3_000), (8, 2_000)):
        os.utime(unpack(version), (time, time))
    assert kaggle.installed().name == "10"


def test_a_download_that_was_killed_while_unpacking_is_not_taken():
    half = unpack(1, whole=False)
    (half / "simpsons_dataset").mkdir()
    assert kaggle.installed() is None
    whole = unpack(2)
    os.utime(whole, (1_000, 1_000))
    assert kaggle.installed() == whole


# ---- on Kaggle and Colab -------------------------------------------------------------------


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """A client that mounts the data set elsewhere and talks, as on Kaggle and Colab."""
    folder = tmp_path / "input" / "the-simpsons-characters-dataset"
    for name in ("homer_simpson", "bart_simpson"):
        (folder / "simpsons_dataset" / name).mkdir(parents=True)
        picture = folder / "simpsons_dataset" / name / "1.png"
        Image.new("RGB", (9, 9), (len(name), 0, 0)).save(picture)

    def client(handle):
        print("Using Colab cache for faster access to the dataset.", flush=True)
        return str(folder)

    monkeypatch.setattr(kagglehub, "dataset_download", client)
    monkeypatch.delenv("SIMPSONS_DATA", raising=False)
    return folder


def test_a_data_set_that_is_mounted_elsewhere_is_found_again(mounted, cli):
    said = cli("data", "download", "--json")
    assert json.loads(said.stdout) == {"folder": str(mounted)}
    assert "Using Colab cache" in said.stderr
    assert kaggle.installed() == mounted
    counted = cli("data", "stats", "--json")
    assert counted.exit_code == 0, counted.stderr
    assert json.loads(counted.stdout)["pictures"] == 2


def test_a_mount_that_is_gone_is_not_taken(mounted):
    kaggle.download()
    whole = unpack(1)
    assert kaggle.installed() == mounted
    mounted.rename(mounted.with_name("gone"))
    assert kaggle.installed() == whole


def test_a_download_into_the_cache_goes_before_an_older_mount(mounted, monkeypatch):
    kaggle.download()
    monkeypatch.setattr(kagglehub, "dataset_download", lambda _: str(unpack(2)))
    assert kaggle.installed() == mounted
    assert kaggle.download() == kaggle.installed()
    assert kaggle.installed().name == "2"
