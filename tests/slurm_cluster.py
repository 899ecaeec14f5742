"""A real SLURM on this machine, for tests: slurmctld, a slurmd per emulated node, fake GPUs, munge. As root.

    python tests/slurm_cluster.py install   Debian's packages, if they are missing
    python tests/slurm_cluster.py start     and leave it running; stop: end it

Everything lies in one directory, but for the links in /etc/slurm: the processes within a job forget where else the
configuration is.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ETC = Path("/etc/slurm")
PACKAGES = ("slurm-wlm", "slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
DIRECTORY = Path("/tmp/infoflow-slurm")

# Limits of memory are kept by sampling once a second, which needs no cgroups; of time, every half minute. A job that is
# queued again waits until its credential expires.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket,cred_expire=20
CredType=cred/munge
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.%n.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
GresTypes=gpu,shard
MinJobAge=3600
SlurmctldTimeout=30
SlurmdTimeout=15
KillWait=5
InactiveLimit=0
PropagateResourceLimits=NONE
RebootProgram=/bin/true
{nodes}
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
PartitionName=accelerated Nodes=ALL Default=NO MaxTime=INFINITE DefaultTime=10 State=UP
"""


@dataclass
class Cluster:
    """A SLURM of several nodes, all of them this machine; each of them claims so much for itself."""

    directory: Path = DIRECTORY
    nodes: int = 3
    cpus: int = 2
    memory_mb: int = 16_000
    gpus: int = 2
    port: int = 17_000
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = [f"node{k}" for k in range(1, self.nodes + 1)]

    def start(self) -> None:
        """Start all daemons that do not run; returns when every node is up."""
        if os.geteuid() != 0:
            sys.exit("error: a SLURM for tests is started by root; run this in a container")
        if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
            sys.exit(f"error: {', '.join(missing)} not found; run {sys.argv[0]} install")
        self._configure()
        self._start("munged", "munged", "--force", *self._munge())
        self.start_controller()
        for name in self.names:
            self.start_node(name)
        self.wait_for(lambda: len(self._up()) == self.nodes, "nodes that are up")

    def stop(self) -> None:
        """End all jobs and daemons, and take the links away."""
        if self._alive("slurmctld"):
            with contextlib.suppress(subprocess.CalledProcessError):
                self.cancel_all()
        for daemon in [*(f"slurmd.{name}" for name in self.names), "slurmctld", "munged"]:
            self.end(daemon)
        self._kill_strays()
        for link in self._links():
            if link.is_symlink() and link.readlink() == self.directory / link.name:
                link.unlink()
        shutil.rmtree(self.directory, ignore_errors=True)

    def cancel_all(self) -> None:
        """End all jobs; returns when the queue is empty."""
        self.run("scancel", "--user=root")
        self.wait_for(lambda: not self.jobs("pending,running,completing"), "jobs that end")

    def start_controller(self) -> None:
        self._start("slurmctld", "slurmctld")
        self.wait_for(lambda: "UP" in self.run("scontrol", "ping", check=False), "a controller that answers")

    def start_node(self, name: str) -> None:
        self._start(f"slurmd.{name}", "slurmd", "-N", name)

    def end(self, daemon: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End a daemon: munged, slurmctld, slurmd.<node>."""
        if self._alive(daemon):
            os.kill(self._pid(daemon), how)
            self.wait_for(lambda: not self._alive(daemon), f"{daemon} that ends")
        (self.directory / f"{daemon}.pid").unlink(missing_ok=True)

    def run(self, *command: str, check: bool = True) -> str:
        """Output of a SLURM command."""
        return subprocess.run(command, capture_output=True, text=True, check=check).stdout

    def jobs(self, states: str = "running", show: str = "%i") -> list[str]:
        """Jobs in some states, one line each: see `squeue --format`."""
        return self.run("squeue", "--noheader", "--array", f"--states={states}", f"--format={show}").split("\n")[:-1]

    def wait_for(self, condition, what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"no {what} after {seconds} s; see {self.directory}/*.log")
            time.sleep(0.1)

    def _up(self) -> set[str]:
        states = "--states=idle,mixed,allocated,completing"
        return set(self.run("sinfo", "--noheader", "--Node", states, "--format=%N", check=False).split())

    def _kill_strays(self) -> None:
        """End what is left of jobs whose node was told to be down."""
        nodes = {f"SLURMD_NODENAME={name}".encode() for name in self.names}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if nodes & set((process / "environ").read_bytes().split(b"\0")):
                    os.kill(int(process.name), signal.SIGKILL)

    def _configure(self) -> None:
        for name in ("state", *(f"spool/{name}" for name in self.names)):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        key = self.directory / "munge.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_bytes(os.urandom(1024))
        # munged wants nobody else to write where its socket is
        self.directory.chmod(0o755)
        devices = []
        for number in range(self.gpus):
            devices.append(device := self.directory / f"gpu{number}")
            if not device.exists():
                os.mknod(device, 0o020666, os.makedev(1, 3))  # one more /dev/null
        host = socket.gethostname().split(".")[0]
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={self.port + k} CPUs={self.cpus} "
            f"RealMemory={self.memory_mb} Gres=gpu:{self.gpus},shard:{4 * self.gpus} State=UNKNOWN"
            for k, name in enumerate(self.names, 1)
        ]
        about = {"host": host, "port": self.port, "directory": self.directory, "nodes": "\n".join(nodes)}
        every = f"NodeName={','.join(self.names)}"
        (self.directory / "slurm.conf").write_text(CONFIGURATION.format(**about))
        (self.directory / "gres.conf").write_text(
            "".join(f"{every} Name=gpu File={device}\n" for device in devices)
            + f"{every} Name=shard Count={4 * self.gpus}\n"
        )
        (self.directory / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nConstrainRAMSpace=no\n")
        ETC.mkdir(exist_ok=True)
        for link in self._links():
            target = self.directory / link.name
            if link.is_symlink() and not link.exists():
                link.unlink()  # of a test that was killed
            if (not link.is_symlink() and link.exists()) or (link.is_symlink() and link.readlink() != target):
                sys.exit(f"error: {link} exists: this machine has a SLURM of its own")
            if not link.is_symlink():
                link.symlink_to(target)

    def _links(self) -> list[Path]:
        return [ETC / name for name in ("slurm.conf", "gres.conf", "cgroup.conf")]

    def _munge(self) -> list[str]:
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        paths = {option: self.directory / f"munge.{suffix}" for option, suffix in files.items()}
        paths["pid-file"] = self.directory / "munged.pid"
        return [f"--{option}={path}" for option, path in paths.items()]

    def _start(self, daemon: str, *command: str) -> None:
        if not self._alive(daemon):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def _pid(self, daemon: str) -> int:
        return int((self.directory / f"{daemon}.pid").read_text())

    def _alive(self, daemon: str) -> bool:
        try:
            status = Path(f"/proc/{self._pid(daemon)}/stat").read_text()
        except (OSError, ValueError):
            return False
        return status.rpartition(")")[2].split()[0] != "Z"  # a container may have nobody to bury the dead


def install() -> None:
    """Install Debian's packages, if a program is missing. Daemons are not started."""
    if all(shutil.which(program) for program in PROGRAMS):
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    policy = Path("/usr/sbin/policy-rc.d")  # what packages ask before they start their daemons
    if ours := not policy.exists():
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        apt = ["apt-get", "--quiet", "--quiet"]
        subprocess.run([*apt, "update"], check=True, env=environment)
        subprocess.run([*apt, "install", "--yes", "--no-install-recommends", *PACKAGES], check=True, env=environment)
    finally:
        if ours:
            policy.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=["install", "start", "stop"])
    command = parser.parse_args().command
    {"install": install, "start": Cluster().start, "stop": Cluster().stop}[command]()
