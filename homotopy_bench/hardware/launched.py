"""Find out whether a launcher has started this process as a rank of a group: torchrun, or srun of Slurm."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from homotopy_bench.core.errors import InputError

SLURM_PORTS = 20_000, 20_000
"""First port and number of ports among which a Slurm job's number chooses, where nobody sets MASTER_PORT."""


TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
SRUN = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_JOB_ID", "SLURM_STEP_ID")
"""What the two launchers set in the environment of a process; where one is missing, nobody has."""


@dataclass(frozen=True)
class Launched:
    """Hold a rank's place in its group.

    Attributes:
        rank: Its number, from 0.
        world_size: Number of ranks.
        local_rank: Its number among those on its machine.
        address: Host and port where rank 0 is met.
    """

    rank: int
    world_size: int
    local_rank: int
    address: tuple[str, int]


def launched(environment: Mapping[str, str] = os.environ) -> Launched | None:
    """Return the place that a launcher has given this process; None if it stands alone.

    torchrun sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT. srun sets SLURM_PROCID, SLURM_NTASKS and
    SLURM_LOCALID; the first node of its step, SLURM_STEP_NODELIST, or MASTER_ADDR is where rank 0 is met.

    Raises:
        InputError: If one of their numbers is none.

    Example:
        >>> launched({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "7"})
        Launched(rank=1, world_size=2, local_rank=1, address=('a', 7))
        >>> step = {"SLURM_JOB_ID": "3", "SLURM_STEP_ID": "0", "SLURM_STEP_NODELIST": "gpu[07-08,11]"}
        >>> launched({"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_LOCALID": "0", **step})
        >>> launched({"SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0", **step})
        Launched(rank=1, world_size=2, local_rank=0, address=('gpu07', 20003))
    """
    if all(name in environment for name in TORCHRUN):
        names, address = TORCHRUN[:3], environment["MASTER_ADDR"]
        port = _number(environment, "MASTER_PORT")
    elif all(name in environment for name in SRUN):
        names = SRUN[:3]
        address = environment.get("MASTER_ADDR", _first_node(environment.get("SLURM_STEP_NODELIST", "localhost")))
        first, count = SLURM_PORTS
        chosen = "MASTER_PORT" in environment
        port = _number(environment, "MASTER_PORT") if chosen else first + _number(environment, "SLURM_JOB_ID") % count
    else:
        return None
    rank, world_size, local_rank = (_number(environment, name) for name in names)
    return Launched(rank, world_size, local_rank, (address, port)) if world_size > 1 else None


def _number(environment: Mapping[str, str], name: str) -> int:
    written = environment[name]
    if not written.isdecimal():
        raise InputError(name, written, "accepted: an integer, as torchrun and srun set it")
    return int(written)


def _first_node(nodes: str) -> str:
    """Return the first name of a list as Slurm writes it: ``gpu[07-08,11],cpu3`` begins with gpu07."""
    stem, bracket, rest = nodes.partition("[")
    if not bracket or "," in stem:
        return nodes.split(",")[0]
    return stem + rest.split("]")[0].split(",")[0].split("-")[0]
