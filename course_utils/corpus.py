"""SST-2: its files, whether they can be had, and its rows. Needs no torch, so it is quick."""

from __future__ import annotations

from pathlib import Path

from course_utils.fetching import FetchError, fetch, is_offline

MIRRORS = (
    "https://github.com/clairett/pytorch-sentiment-classification/raw/master/data/SST2/",
    "https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/master/data/SST2/",
)
SHA256 = {
    "train": "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
    "dev": "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
    "test": "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
}
ROWS = {"train": 6920, "dev": 872, "test": 1821}

# Why the network could not give the files: it is asked once in a process, not once a chapter cell.
_failure: list[str] = []


def sst2_files() -> dict[str, Path]:
    """Paths of train.tsv, dev.tsv and test.tsv, downloaded where needed.

    Raises FetchError when they cannot be had, at once when this process has already asked the
    network in vain (staying offline is not asking); the other errors are those of `fetch`.
    """
    files = {}
    for part, sha256 in SHA256.items():
        urls = [f"{mirror}{part}.tsv" for mirror in MIRRORS]
        try:
            files[part] = fetch(urls, sha256, name=f"sst2/{part}.tsv", offline=bool(_failure))
        except FetchError as error:
            if is_offline():
                raise
            _failure.append(f"{error}. A process asks once: restart the kernel and try again")
            raise FetchError(_failure[0]) from error
    return files


def sst2_status() -> str:
    """`"real"` when the files of SST-2 can be had, else `"stand-in"`; errors as in `sst2_files`."""
    try:
        sst2_files()
    except FetchError:
        return "stand-in"
    return "real"


def read_rows(file: Path) -> list[tuple[str, int]]:
    """(text, label) of each line `text<TAB>label` of a file."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        pairs = (line.rstrip("\n").rsplit("\t", maxsplit=1) for line in lines)
        return [(text, int(label)) for text, label in pairs]
