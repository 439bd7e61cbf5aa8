"""Published files from the first of their mirrors that has them, checked, and whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from homotopy_bench.data.published import PublishedFile, give_up, missing
from homotopy_bench.data.transfer import TransferError, transfer


class Unavailable(Exception):
    """Say why published files could not be obtained."""


def bring(
    dataset: str,
    root: Path,
    files: Sequence[PublishedFile],
    get: Callable[[list[PublishedFile]], None],
    source: str = "the files",
) -> None:
    """Bring the files of a data set that are missing.

    Processes that need the same files at the same time wait for the first one, and find them there.

    Args:
        dataset: Name of the data set.
        root: The data folder; made if it is not there.
        files: All files of the data set.
        get: Brings those that it is given, and raises Unavailable if it cannot.
        source: What a user without a network can copy to the data folder.

    Raises:
        InputError: If a file is missing and cannot be brought; the error says what to do.
    """
    if not missing(root, files):
        return
    from filelock import FileLock

    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{dataset}.lock"):
            if absent := missing(root, files):
                get(absent)
    except Unavailable as error:
        give_up(root, dataset, missing(root, files), str(error), source)
    except OSError as error:
        if absent := missing(root, files):
            give_up(root, dataset, absent, f"cannot be written ({error.strerror or error})", source)


def download(file: PublishedFile, urls: Sequence[str], root: Path) -> None:
    """Download one file that is missing.

    What an interrupted download brought stays in ``NAME.part`` beside the file, and the next one continues there. A bar
    on the standard error shows the progress if that is a terminal.

    Args:
        file: What to download.
        urls: Its mirrors, tried in this order.
        root: The data folder.

    Raises:
        Unavailable: If no mirror has it.
    """
    file.at(root).parent.mkdir(parents=True, exist_ok=True)
    failures = []
    with _progress_bar(file) as progress:
        for url in urls:
            try:
                _retrieve(file, url, root, progress)
                return
            except TransferError as error:
                failures.append(f"{url}: {error}")
    raise Unavailable(f"could not be downloaded ({'; '.join(failures)})")


def _retrieve(file: PublishedFile, url: str, root: Path, progress: Callable[[int], None]) -> None:
    """Download from one mirror, from the beginning if continuing led to something else than the published file.

    Raises:
        TransferError: If this mirror does not have the published file.
    """
    import pooch  # type: ignore[import-untyped]  # it ships no types

    target = file.at(root)
    part = target.with_name(f"{target.name}.part")

    def receive(url: str, output: str, _: object) -> None:
        transfer(url, part, file.size, progress)
        part.replace(output)

    for _ in range(2 if part.exists() else 1):
        try:
            with _quiet():
                pooch.retrieve(url, f"md5:{file.md5}", fname=target.name, path=target.parent, downloader=receive)
            return
        except ValueError as error:  # pooch's word for another checksum; the content is deleted by then
            wrong = error
    raise TransferError("its content is not the published one") from wrong


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pooch from printing where it downloads to: its lines would tear the bar, and spoil one-line errors."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _progress_bar(file: PublishedFile) -> Iterator[Callable[[int], None]]:
    """Yield what a transfer tells its progress to."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(file.name, total=file.size)
        yield lambda at_hand: bar.update(task, completed=at_hand)
