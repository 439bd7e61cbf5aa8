"""Name a study after its setting, so that the same command finds it again and another setting is another study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig

from homotopy_bench.config.schema import Config

NOT_COMPARED = ("paths", "logger", "hardware", "sweep", "hydra")
"""Groups in which trials of one study may differ: where they run, and their loggers."""


def default_name(space: str, searched: Sequence[str], examples: Sequence[Config]) -> str:
    """Return SPACE-METHOD-DATASET-HASH, without the method or the data set where that is searched.

    Args:
        space: Name of the search space.
        searched: The keys that are searched.
        examples: Configurations of trials in which every choice of the space occurs.
    """
    named = ({one.method.name for one in examples}, {one.dataset.name for one in examples})
    shared = [name for names in named if len(names) == 1 for name in names]
    return "-".join([space, *shared, _setting_hash(searched, examples)])


def _setting_hash(searched: Sequence[str], examples: Sequence[Config]) -> str:
    """Return 8 hexadecimal digits that name what trials are told beside the searched keys and their seed."""
    settings = {json.dumps(_fixed(searched, one), sort_keys=True) for one in examples}
    return hashlib.sha256("\n".join(sorted(settings)).encode()).hexdigest()[:8]


def pin(master: DictConfig, name: str) -> None:
    """Give the sweep and all its jobs the name and the folder of the study.

    Hydra composes every job anew, in which a searched key could change what is put together from it.
    """
    master.hydra.sweeper.study = name
    for key, value in (("hydra.sweeper.study", name), ("hydra.sweep.dir", str(master.hydra.sweep.dir))):
        master.hydra.overrides.hydra.append(f"{key}={QuotedString(value, Quote.single).with_quotes()}")


def _fixed(searched: Sequence[str], example: Config) -> dict[str, Any]:
    """Return what a trial is told beside the searched keys; of a searched group, all but its choice."""
    content = {key: value for key, value in example.to_dict().items() if key not in ("seed", *NOT_COMPARED)}
    for key in searched:
        *sections, last = key.lstrip("+").split(".")
        place: Any = content
        for section in sections:
            place = place.get(section, {})
        if isinstance(place.get(last), dict):
            place, last = place[last], "name"
        place.pop(last, None)
    return content
