"""Debian's Chromium, for the tests of pages.

python tests/chromium.py install   Debian's package, if it is missing; as root
"""

import os
import shutil
import subprocess
import sys


def program() -> str | None:
    """Where it is; None if it is not installed."""
    return shutil.which("chromium")


def install() -> None:
    """Install Debian's package, if the program is missing."""
    if program():
        return
    apt = ["apt-get", "--quiet", "--quiet", "-o", "DPkg::Lock::Timeout=600"]  # others may install at the same time
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], check=True, env=environment)
    subprocess.run([*apt, "install", "--yes", "--no-install-recommends", "chromium"], check=True, env=environment)


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit(f"usage: {sys.argv[0]} install")
    install()
