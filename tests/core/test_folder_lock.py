"""A folder has one writer, whatever working directory it is named from."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from homotopy_bench.core.folder_lock import LOCK, FolderLock


def test_one_relative_name_is_another_folder_in_another_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lock folders of one name; releases of filelock before 4 fail here with a path that is not absolute."""
    held = {}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        held[tmp_path / name / "run" / LOCK] = FolderLock(Path("run"), "hydra.run.dir")
    for path, lock in held.items():
        with path.open("ab") as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.release()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
