"""Let Snakemake plan many jobs without working out the same for each of them.

Version 9.27 reads the script of every job, to see that it is there, inspects the signatures of a rule's functions anew
for every job, and so on: half of what planning a grid of ten thousand points takes. Nothing else is changed than how
often that is done: what is planned, and why, stays the same.

Standard library only: the workflow imports this when it is parsed.
"""

import atexit
import gc
import logging
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

logger = logging.getLogger(__name__)

_THRESHOLDS = 100_000, 10, 10
"""Of Python's garbage collector, which by default looks through all jobs again and again while they are made."""

_NAMED = "{params.script}"
"""In the path of the script of a rule that is written once for several scripts."""


def ask_once(modules: Mapping[str, ModuleType] | None = None) -> None:
    """Teach Snakemake to do once per rule what is the same for all its jobs.

    Args:
        modules: its modules by name; if they are not as expected, planning takes longer, and a line is logged.
    """
    modules = modules if modules is not None else sys.modules
    for teach in (_look_at_signatures_once, _take_numbers_for_numbers, _look_at_flags_directly, _look_for_scripts_once):
        try:
            teach(modules)
        except (KeyError, AttributeError) as error:
            logger.info("this version of Snakemake plans large grids slowly: it has no %s", error)


def collect_seldom() -> None:
    """Let Python look for garbage less often among jobs, none of which is any: not at the end of the process either."""
    gc.set_threshold(*_THRESHOLDS)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


def _look_at_signatures_once(modules: Mapping[str, ModuleType]) -> None:
    common, rules = modules["snakemake.common"], modules["snakemake.rules"]
    ask, _ = common.get_function_params, rules.get_function_params
    if hasattr(ask, "asks_once"):
        return
    known: dict[tuple[type, FunctionType], Any] = {}

    def get_function_params(func: Callable) -> Any:
        plain = func.__func__ if isinstance(func, MethodType) else func
        if type(plain) is not FunctionType or plain.__dict__:  # one that may say of itself what its parameters are
            return ask(func)
        key = type(func), plain
        if key not in known:
            known[key] = ask(func)
        return known[key]

    get_function_params.asks_once = True
    common.get_function_params = rules.get_function_params = get_function_params


def _take_numbers_for_numbers(modules: Mapping[str, ModuleType]) -> None:
    """Resources that are numbers are not called like functions of the wildcards."""
    rule, resource = modules["snakemake.rules"].Rule, modules["snakemake.resources"].Resource
    call, evaluate = rule.apply_input_function, resource.evaluate
    if hasattr(call, "asks_once"):
        return

    def apply_input_function(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(func, MethodType) and func.__func__ is evaluate and not func.__self__.is_evaluable():
            return func.__self__, False
        return call(self, func, *args, **kwargs)

    apply_input_function.asks_once = True
    rule.apply_input_function = apply_input_function


def _look_at_flags_directly(modules: Mapping[str, ModuleType]) -> None:
    """Whether a file is temporary, a directory, a pipe, …: asked a hundred times per job, of an abstract class."""
    io = modules["snakemake.io"]
    ask, file_type, text_type = io.is_flagged, io._IOFile, io.AnnotatedString
    if hasattr(ask, "asks_once"):
        return
    file_type.flags, text_type.flags  # noqa: B018

    def is_flagged(value: Any, flag: str) -> bool:
        text = value._file if type(value) is file_type else value
        if type(text) is str:
            return False
        if type(text) is text_type:
            return bool(text._flags.get(flag))
        return ask(value, flag)

    is_flagged.asks_once = True
    for name, module in list(modules.items()):
        if name.partition(".")[0] == "snakemake" and getattr(module, "is_flagged", None) is ask:
            module.is_flagged = is_flagged


def _look_for_scripts_once(modules: Mapping[str, ModuleType]) -> None:
    processor = modules["snakemake.dag"].ScriptProcessor
    look = processor.process_job
    if hasattr(look, "asks_once"):
        return

    def process_job(self: Any, job: Any) -> None:
        script = str(getattr(job.rule, self.script_type))
        if not getattr(job, f"is_{self.script_type}") or "{" in script.replace(_NAMED, ""):
            look(self, job)
            return
        # parameters are worked out for every job: whoever plans is told what is wrong with them
        key = script, str(job.rule.basedir), str(job.params.get("script"))
        if key not in self.__dict__.setdefault("looked_for", set()):
            look(self, job)
            self.looked_for.add(key)

    process_job.asks_once = True
    processor.process_job = process_job
