"""Known files out of a tar archive, and nothing else."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from homotopy_bench.core.files import write_atomically
from homotopy_bench.data.download import Unavailable
from homotopy_bench.data.published import PublishedFile


def unpack(archive: Path, files: Sequence[PublishedFile], root: Path) -> None:
    """Write the named files of an archive under a folder, each complete or not at all.

    The archive decides about contents only: a member is read if its name is that of a wanted file, it is a regular
    file and has its size. Links, other names and names that lead elsewhere are never followed or written.

    Args:
        archive: A tar archive compressed with gzip; its members have the paths of the published files.
        files: What to write.
        root: The data folder.

    Raises:
        Unavailable: If the archive is damaged or lacks a file.
    """
    wanted = {file.path: file for file in files}
    try:
        # As a stream: its members are visited once, in the order in which they are stored.
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                file = wanted.get(member.name)
                if file is None or not member.isfile() or member.size != file.size:
                    continue
                content = members.extractfile(member)
                assert content is not None  # regular files have content
                file.at(root).parent.mkdir(parents=True, exist_ok=True)
                write_atomically(file.at(root), content.read())
                del wanted[member.name]
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise Unavailable(f"{archive.name} is damaged ({error})") from error
    if wanted:
        raise Unavailable(f"{archive.name} does not have {', '.join(wanted)}")
