"""Keep the text of trees in the folder of a run or of a multirun, and find it there.

    RUN/included/KEY/           the files                 RUN/included/KEY.json    where they came from

Whatever is done with a run later uses this copy, after its hash was compared with the key that the record names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import DamagedFile, read_json, write_atomically
from homotopy_bench.core.included.tree import Origin, Tree, read_tree

COPIES = "included"
"""Folder of the copies."""

LEVELS = 3
"""Number of folders above a run's own in which its copies may lie: of a multirun, or of a fork's parent."""


def keep(trees: Iterable[Tree], folder: Path) -> None:
    """Copy trees into a folder, unless they lie there or in that of the multirun around it.

    Raises:
        InputError: If they cannot be written.
    """
    for tree in trees:
        if find(tree.key, folder) is None:
            try:
                _write(tree, folder / COPIES)
            except OSError as error:
                accepted = f"the included files cannot be kept there ({error.strerror}); accepted: another folder"
                raise InputError("hydra.run.dir", folder, accepted) from error


def _write(tree: Tree, copies: Path) -> None:
    copies.mkdir(parents=True, exist_ok=True)
    write_atomically(copies / f"{tree.key}.json", json.dumps(about(tree), indent=2).encode() + b"\n")
    made = Path(tempfile.mkdtemp(dir=copies, prefix=f".{tree.key}."))
    try:
        for path, content in tree.files.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_bytes(content)
        made.chmod(0o755)
        made.rename(copies / tree.key)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not (copies / tree.key).is_dir():  # another worker of a study may have been faster
            raise


def find(key: str, folder: Path) -> Path | None:
    """Return the folder of the copy of a tree that belongs to a run; None where there is none."""
    folder = folder.absolute()
    for place in [folder, *list(folder.parents)[:LEVELS]]:
        if (place / COPIES / key).is_dir():
            return place / COPIES / key
    return None


def read_copy(key: str, folder: Path) -> Tree | None:
    """Return the tree of a key from the copy that belongs to a run; None where there is none.

    Raises:
        InputError: If the copy has been changed.
    """
    place = find(key, folder)
    if place is None:
        return None
    shown = min(str(place), os.path.relpath(place), key=len)
    tree = read_tree(Path(shown), _origin(place))
    if tree.key != key:
        accepted = f"this copy was changed: its hash is {tree.key}; accepted: the files that the run was begun with"
        raise InputError("include", shown, accepted)
    return tree


def _origin(place: Path) -> Origin:
    try:
        said = read_json(place.with_name(f"{place.name}.json"))
        version = said.get("version")
        return Origin(str(said["name"]), None if version is None else str(version))
    except (OSError, DamagedFile, AttributeError, KeyError):  # it only words messages
        return Origin(place.name)


def about(tree: Tree) -> dict[str, Any]:
    """Return what a record says of a tree: kind, name, version, hashes, and the git commit of its folder."""
    files = {path: hashlib.sha256(content).hexdigest() for path, content in tree.files.items()}
    content: dict[str, Any] = {"kind": tree.origin.kind, "name": tree.origin.folder}
    if tree.origin.version is not None:
        content["version"] = tree.origin.version
    return {**content, "sha256": tree.sha256, "files": files, **_commit(tree)}


def kept_about(tree: Tree, folder: Path) -> Mapping[str, Any]:
    """Return what :func:`about` said of a tree when its copy was made."""
    place = find(tree.key, folder)
    if place is not None:
        try:
            said: dict[str, Any] = read_json(place.with_name(f"{place.name}.json"))
        except (OSError, DamagedFile):
            pass
        else:
            return said
    return about(tree)


def _commit(tree: Tree) -> dict[str, Any]:
    """Return the git commit of a tree's folder, and whether files there were changed since; empty without git."""
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(tree.folder)]
    try:
        commit, state = (
            subprocess.run([*command, *asked], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
            for asked in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", "."))
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "dirty": bool(state)}
