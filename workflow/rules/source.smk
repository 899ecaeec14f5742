# Where the files of this workflow are. Of a module from a git repository Snakemake hands over single files; a package is
# imported from a directory, so that all files of the commit are laid out in Snakemake's cache of sources.
import hashlib
import importlib
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile


def git_repository(source):
    """The repository of a source, as GitPython has it: the user's own, or Snakemake's clone."""
    if isinstance(source, LocalGitFile):
        import git

        return git.Repo(source.repo_path)
    if not isinstance(source, HostingProviderFile):
        raise WorkflowError(
            f"infoflow cannot be a module from {source}: of an address nothing but single files can be read; name a git "
            'source, as in `snakefile: github("owner/infoflow", path="workflow/Snakefile", tag="v0.1.0")`, or the path '
            "of a clone"
        )
    if not hasattr(source, "hosted_repo"):
        raise WorkflowError(
            f"infoflow as a module from {source} needs Snakemake 9.15 or later, which clones it; with an older one clone "
            'it yourself, and name the path: `snakefile: "infoflow/workflow/Snakefile"`'
        )
    source.fetch_if_required()
    return source.hosted_repo.repo


def git_commit(source):
    """The commit of a source. The jobs of a run find the one that it began with, even if its branch has moved on."""
    name = hashlib.sha256(str(source).encode()).hexdigest()
    note = Path(workflow.sourcecache.runtime_cache_path, "infoflow", name)
    if not note.exists():
        note.parent.mkdir(exist_ok=True)
        note.write_text(git_repository(source).commit(source.ref).hexsha)
    return note.read_text()


def lay_out(source):
    """The directory with all files of a source's commit; made once, whole or not at all."""
    commit = git_commit(source)
    place = Path(workflow.sourcecache.cache_path, "infoflow", commit)
    if place.exists():
        return place
    place.parent.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f"{commit}.", dir=place.parent))
    try:
        for blob in git_repository(source).commit(commit).tree.traverse(lambda item, _: item.type == "blob"):
            file = made / blob.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(blob.data_stream.read())
            os.utime(
                file, (0, 0)
            )  # what is new is told by digests; Snakemake would run again what is older than its script
        (made / ".commit").write_text(commit)  # for the record of software in the results
        os.rename(made, place)
    except OSError:
        if not place.exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return place


RULES = workflow.current_basedir
ROOT = (
    Path(RULES).parents[1]
    if isinstance(RULES, LocalSourceFile)
    else lay_out(RULES) / PurePosixPath(getattr(RULES, "path", "")).parent.parent
)
importlib.invalidate_caches()  # whoever laid the files out, Python may have looked for them before
