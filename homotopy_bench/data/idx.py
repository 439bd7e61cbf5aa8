"""Read the IDX format of MNIST's files (LeCun, Cortes and Burges 1998): a header with type and shape, then the values.

The header has four bytes (0, 0, type, number of dimensions) and one big-endian 32-bit integer for each dimension.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from homotopy_bench.data.published import refuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UBYTE = 8
"""The format's code for unsigned bytes."""


def read_idx(path: Path, shape: tuple[int, ...], dataset: str) -> NDArray[np.uint8]:
    """Read a gzip-compressed IDX file of unsigned bytes.

    Args:
        path: The file.
        shape: The shape it must have.
        dataset: Name of the data set it belongs to, for the error.

    Returns:
        The values.

    Raises:
        InputError: If the file cannot be read, is damaged (gzip's own checksum included), or holds something else.
    """
    import numpy as np

    header_size, values = 4 + 4 * len(shape), prod(shape)
    try:
        with gzip.open(path) as file:
            # One byte more than there should be: its absence makes gzip compare its checksum, its presence is an
            # error, and a file that unpacks to gigabytes is not unpacked.
            content = file.read(header_size + values + 1)
    except EOFError:
        refuse(path, "is cut short", dataset)
    except (gzip.BadGzipFile, zlib.error) as error:
        refuse(path, f"is damaged or not compressed with gzip ({error})", dataset)
    except OSError as error:
        refuse(path, f"cannot be read ({error.strerror})", dataset)

    if content[:3] != bytes([0, 0, UBYTE]) or len(content) < 4 or len(content) < 4 + 4 * content[3]:
        refuse(path, "is no IDX file of unsigned bytes", dataset)
    found = struct.unpack_from(f">{content[3]}I", content, 4)
    if found != shape:
        refuse(path, f"has the shape {found}, not {shape}", dataset)
    if len(content) != header_size + values:
        more = "more" if len(content) > header_size + values else "fewer"
        refuse(path, f"holds {more} than the {values} values of its shape {shape}", dataset)
    return np.frombuffer(content, np.uint8, offset=header_size).reshape(shape)
