"""Fetching the data set, with a stand-in for Kaggle's client, and finding it again."""

import os
from pathlib import Path

import kagglehub
import pytest

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
