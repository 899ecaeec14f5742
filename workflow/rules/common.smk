# What the rules share: the plan of all that the config asks for.
import sys

from snakemake.common.configfile import load_configfile

# Snakemake hands its sys.path on to every script.
sys.path.insert(0, str(ROOT / "workflow/src"))

from infoflow.archive.source import archive_name
from infoflow.config.check import DEMONSTRATION, merge_config
from infoflow.config.repeated import refuse_repeated_keys
from infoflow.errors import InfoflowError
from infoflow.files.names import COUPLING, NETWORK, POINT, cube_file
from infoflow.jobs import estimate, paths, provenance, resources, slurm
from infoflow.jobs.amendments import amend_snakemake
from infoflow.jobs.captions import caption_rst, front_page, read_caption
from infoflow.plan import Plan
from infoflow.reconstruction.kinds import METHODS

if provenance.PACKAGE != (ROOT / "workflow/src/infoflow").resolve():
    raise WorkflowError(
        f"infoflow has already been imported from {provenance.PACKAGE}, and not from {ROOT / 'workflow/src'}: two "
        "versions of it cannot be modules of one workflow; use the same one"
    )


FILES = workflow.config_settings.configfiles or [ROOT / DEMONSTRATION]


# Snakemake hands on all files as one, in which a later file's word looks like an earlier one's.
def layers():
    given = workflow.config_settings
    if workflow.modifier.skip_configfile:  # a module gets its whole config
        return [config]
    return [*map(load_configfile, FILES), given.config]


provenance.recall()
try:
    paths.refuse_braces(ROOT)
    refuse_repeated_keys(FILES)
    PLAN = Plan(merge_config(layers()), ROOT)
except InfoflowError as error:
    raise WorkflowError(str(error)) from None
config.clear()
config.update(PLAN.config)  # in place: jobs see the defaults too
TRAINABILITY = PLAN.of["trainability"]

amend_snakemake()


wildcard_constraints:
    dataset="|".join(config["datasets"]),
    architecture="|".join(config["architectures"]),
    point=POINT,


# Reconstructions are large, and of no use once they are evaluated.
def kept(path):
    return path if config["run"]["keep_reconstructions"] else temp(path)
