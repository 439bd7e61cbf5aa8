"""A Slurm of one node on the loopback interface, with everything it writes in one folder."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "sinfo")

LIMIT = 30.0
"""Seconds for a service to answer."""


def lacking() -> str | None:
    """What is missing here for a Slurm; None if nothing is."""
    missing = [program for program in PROGRAMS if _program(program) is None]
    if missing:
        return f"{', '.join(missing)} not found; Debian: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "its services change users, which only root may"
    return None


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Start a Slurm and stop it afterwards; gives the environment variables by which commands find it."""
    log = folder / "log"
    run = Path(f"/run/homotopy-slurm-{os.getpid()}")  # munged wants parents of its socket that nobody else can write
    with ExitStack() as stack:
        for path in (folder, log, folder / "state", folder / "spool", run):
            path.mkdir(parents=True, exist_ok=True)
        stack.callback(shutil.rmtree, run, ignore_errors=True)
        key = run / "munge.key"
        key.write_bytes(os.urandom(128))
        owner = pwd.getpwnam("munge")
        for path in (run, key):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        run.chmod(0o755)
        key.chmod(0o400)
        munge = run / "munge.socket"
        files = [f"--{name}-file={run / name}" for name in ("pid", "log", "seed")]
        command = [_found("munged"), "--foreground", f"--socket={munge}", f"--key-file={key}", *files]
        _start(stack, command, log / "munged", user="munge")
        _until(munge.exists, "munged", log / "munged")

        (folder / "slurm.conf").write_text(_configuration(folder, munge))
        found = {"SLURM_CONF": str(folder / "slurm.conf")}
        environment = {**os.environ, **found}
        for name, flags in (("slurmctld", ("-D", "-i")), ("slurmd", ("-D", "-N", "node"))):
            _start(stack, [_found(name), *flags], log / name, environment)

        def said(*command: str) -> str:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT)
            return done.stdout.strip()

        _until(lambda: said("sinfo", "--noheader", "--format=%T") == "idle", "slurmctld", log / "slurmctld")
        try:
            yield found
        finally:
            # The process that looks after a job outlives slurmd where the job has not ended before it.
            said("scancel", "--user=root")
            _until(lambda: said("squeue", "--noheader") == "", "slurmctld", log / "slurmctld")


def _configuration(folder: Path, munge: Path) -> str:
    controller, node = _free_port(), _free_port()
    host = socket.gethostname().partition(".")[0]
    return f"""
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={munge}
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=20
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 Port={node} CPUs={os.cpu_count()} RealMemory={_memory()}
PartitionName=main Nodes=node Default=YES MaxTime=60 State=UP OverSubscribe=NO
"""


def _memory() -> int:
    """Megabytes that Slurm may give away; memory is not counted, but a node must have what a job asks for."""
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20 * 0.9)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _found(name: str) -> str:
    path = _program(name)
    assert path is not None
    return path


def _start(
    stack: ExitStack, command: list[str], log: Path, environment: dict[str, str] | None = None, user: str | None = None
) -> None:
    """Start a service; the stack ends it, and it alone."""
    output = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, user=user)

    def stop() -> None:
        process.terminate()
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(stop)


def _until(happened: Callable[[], bool], service: str, log: Path) -> None:
    deadline = time.monotonic() + LIMIT
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{service} does not answer after {LIMIT:.0f} s:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)
