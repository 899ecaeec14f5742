"""The command `infoflow`."""

import argparse
import contextlib
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infoflow.errors import InfoflowError

EXIT = {"trainable": 0, "not trainable": 1, "uncertain": 2}
ERROR = 3
_EPILOG = """\
infoflow check runs the code that it is given, with your rights: check only what you would run.

examples:
  infoflow check torchvision:resnet18
  infoflow check mypackage.models:build --data cifar10 --optimizer sgd:0.1,momentum=0.9 --html report.html
  infoflow check ./model.py:Net --data batch.npz --optimizer adamw:1e-3,steps=5000 --json -

exit code: 0 trainable, 1 not trainable, 2 uncertain, 3 error
"""
_OF_PLANS = """\
All that follows is handed to Snakemake: targets, --configfile, --profile, --cores, --directory, --set-resources, ...
Nothing is run. Times are those of a core like the one that the prices were measured on, without what others take of it;
on a cluster, without the time in the queue.

examples:
  infoflow plan
  infoflow plan --configfile config/mnist.yaml --cores 16 -- all_figures
  infoflow plan --profile profiles/mysite --configfile config/paper.yaml -- all_figures
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status; see `EXIT`."""
    parser = argparse.ArgumentParser(prog="infoflow", description="Can this deep network be trained?")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="ask of a network, before training it, whether it can be trained",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("model", help="package.module:factory, file.py:factory or torchvision:name")
    check.add_argument(
        "--data", help="digits, mnist, fashion_mnist, cifar10, photographs, or a file .npz (default: photographs)"
    )
    check.add_argument("--input", help="shape of one sample, like 3x32x32 or 784")
    check.add_argument("--optimizer", help="like sgd:0.1,momentum=0.9,steps=1000 (default: SGD at a stable rate)")
    check.add_argument("--seeds", type=int, default=3, help="draws of the weights (default: 3)")
    check.add_argument("--samples", type=int, default=192, help="samples of the data (default: 192, at most 384)")
    check.add_argument("--blocks", help="names of modules behind which to cut, with commas between (default: found)")
    for kind in ("html", "json", "netcdf"):
        check.add_argument(
            f"--{kind}",
            metavar="FILE",
            help=f"write the report as {kind}" + ("; - is the screen" if kind == "json" else ""),
        )
    check.add_argument("--quiet", action="store_true", help="say nothing while it runs")
    plan = commands.add_parser(
        "plan",
        help="say what a run of the workflow would take: jobs, time, memory, disk",
        epilog=_OF_PLANS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=True,
        prefix_chars="-",
    )
    plan.add_argument("snakemake", nargs=argparse.REMAINDER, metavar="...", help="what snakemake would be told")
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        # argparse would take options at the beginning of the rest for its own
        if given[:1] == ["plan"] and not {"-h", "--help"} & {*given}:
            return _plan(given[1:])
        return _check(parser.parse_args(given))
    except InfoflowError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
    except SystemExit as stop:
        return ERROR if stop.code not in (0, None) else 0
    return ERROR


def _plan(arguments: Sequence[str]) -> int:
    from infoflow.jobs import estimate

    root = Path(__file__).resolve().parents[3]
    if not (root / "Snakefile").is_file():
        raise InfoflowError("infoflow plan: there is no workflow around this package; run it in a clone")
    if not any(a.partition("=")[0] in ("--cores", "-c", "-j", "--jobs", "--profile") for a in arguments):
        arguments = [
            "--cores",
            str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1),
            *arguments,
        ]
    print("\n".join(estimate.plan(arguments, str(root / "Snakefile"))))
    return 0


def _check(options: argparse.Namespace) -> int:
    log = logging.getLogger("infoflow.check")
    log.handlers = [logging.StreamHandler(sys.stderr)]
    log.setLevel(logging.WARNING if options.quiet else logging.INFO)
    for path in (options.html, options.json, options.netcdf):
        if path and path != "-" and not Path(path).absolute().parent.is_dir():
            raise InfoflowError(f"{path}: there is no such folder")
    shape = _shape(options.input)
    log.info("running the code of %s", options.model)
    factory, smallest = _factory(options.model)
    from infoflow.modules.check import check
    from infoflow.modules.data import load_batch

    data = options.data or "photographs"
    batch, labels = load_batch(data, shape or (smallest if data in ("photographs",) else None), options.samples)
    if options.data is None:
        labels = None  # which of two photographs it is, is no task
    log.info("%d samples of %s, %s", len(batch), data, " × ".join(map(str, batch.shape[1:])))
    blocks = options.blocks.split(",") if options.blocks else "auto"
    try:
        report = check(
            *(factory, batch, labels),
            blocks=blocks,
            seeds=options.seeds,
            optimizer=options.optimizer,
        )
    except InfoflowError:
        raise
    except Exception as error:
        raise InfoflowError(f"{options.model}: {type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
    for kind, write in (("html", report.to_html), ("netcdf", report.to_netcdf)):
        if path := getattr(options, kind):
            write(path)
    if options.json == "-":
        print(report.to_json())
    else:
        if options.json:
            report.to_json(options.json)
        print(report)
    return EXIT[report.verdict.answer]


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        shape = tuple(int(n) for n in text.lower().replace("×", "x").split("x"))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise InfoflowError(f"--input {text}: write it like 3x32x32 or 784")
    return shape


def _factory(name: str) -> tuple[Callable, tuple[int, ...] | None]:
    """The factory of a name, and the shape of the images that it takes if that is known."""
    place, colon, attribute = name.rpartition(":")
    if not colon or not place or not attribute:
        raise InfoflowError(f"{name}: write it like package.module:factory, file.py:factory or torchvision:resnet18")
    if place == "torchvision":
        return _torchvision(attribute)
    try:
        if place.endswith(".py"):
            module = _load_file(Path(place).expanduser())
        else:
            with _importable_here():
                module = importlib.import_module(place)
    except ImportError as error:
        raise InfoflowError(f"{name}: {place} cannot be imported: {error}") from error
    except InfoflowError:
        raise
    except Exception as error:
        raise InfoflowError(f"{name}: {place} cannot be imported: {type(error).__name__}: {error}") from error
    found = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InfoflowError(f"{name}: {place} has no {attribute}")
        found = getattr(found, part)
    if not callable(found):
        raise InfoflowError(f"{name}: it is a {type(found).__name__}; name a module, or a function that makes one")
    return found, None


def _torchvision(name: str) -> tuple[Callable, tuple[int, ...]]:
    from torchvision import models

    if name not in models.list_models(module=models):
        import difflib

        close = difflib.get_close_matches(name, models.list_models(module=models), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InfoflowError(f"torchvision:{name}: torchvision has no such classifier{hint}")
    weights = models.get_model_weights(name)
    size = max((w.meta["min_size"][0] for w in weights), default=32)
    sides = {"vit": 224, "swin": 64, "maxvit": 224, "inception": 96}
    side = next((s for k, s in sides.items() if name.startswith(k)), 64)
    if name.startswith(("vit", "maxvit")):
        size = side
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    return lambda: models.get_model(name, weights=None, **options), (3, max(size, side), max(size, side))


def _load_file(path: Path):
    import importlib.util

    if not path.is_file():
        raise InfoflowError(f"{path}: there is no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    with _importable_here():
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _importable_here():
    """Modules of the directory that the command is given in can be imported, as `python -m` does it."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")


if __name__ == "__main__":
    sys.exit(main())
