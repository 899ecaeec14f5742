"""Say that an edit of a module changes no number, so that nothing is computed again for it.

    python -m infoflow.jobs.unchanged engine/training.py "loop written as a comprehension"

The edit is the difference between the file and the last commit. What is said is kept in workflow/unchanged.json, which
belongs into the commit, and recorded in every cube (`edits_without_effect`). It covers the statements of the module
itself: an edit that imports another module of the package changes what is run, and is not covered.
"""

import json
import subprocess
import sys
from collections.abc import Sequence

from infoflow.errors import InfoflowError
from infoflow.jobs import provenance


def record_edit(module: str, why: str) -> None:
    """Record the edit of a module, by its path within the package.

    Raises:
        InfoflowError: there is no such module, it is not in the last commit, or it was not edited.
    """
    path = provenance.PACKAGE / module
    if path.suffix != ".py" or not path.is_file():
        raise InfoflowError(f"{module}: no module of the package; give its path within it, like engine/training.py")
    try:
        committed = provenance.git("show", f"HEAD:./{module}").encode()
    except (OSError, subprocess.CalledProcessError) as error:
        raise InfoflowError(f"{module}: is not in the last commit of a git repository ({error})") from error
    before, after = (provenance.digest_source(source) for source in (committed, path.read_bytes()))
    edits = provenance.recorded_edits()
    edit = {"module": module, "before": before, "after": after, "why": why}
    if before == after:
        raise InfoflowError(f"{module}: does what it did in the last commit; there is nothing to say")
    if edit not in edits:
        edits.append(edit)
    provenance.UNCHANGED.write_text(json.dumps(edits, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0, or 1 with a line that says what is wrong."""
    if len(arguments) != 2:
        print("usage: python -m infoflow.jobs.unchanged <module> <why>", file=sys.stderr)
        return 1
    try:
        record_edit(*arguments)
    except InfoflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{provenance.UNCHANGED}: {arguments[0]} changes no number; commit it with the edit")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
