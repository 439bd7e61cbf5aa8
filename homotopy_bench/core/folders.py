"""Say why a folder cannot be where it should, before anything is made."""

from __future__ import annotations

import stat
from pathlib import Path

FOLDER = "accepted: a folder that can be made and written"
"""What a folder to write has to be."""


def obstacle(folder: Path) -> str | None:
    """Return why a name can be that of no folder, neither one that is there nor one that is made; None where it can.

    Example:
        >>> obstacle(Path("nowhere/at/all")) is None, obstacle(Path("x" * 300))
        (True, 'File name too long')
    """
    for part in (folder, *folder.parents):
        try:
            mode = part.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if part.is_symlink():
                return f"the link {part} leads nowhere"
        except OSError as error:
            return error.strerror
        except ValueError as error:  # a name that holds a null
            return str(error)
        else:
            return None if stat.S_ISDIR(mode) else f"{part} is no folder"
    return None
