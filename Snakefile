# Entry point: the workflow itself is in workflow/Snakefile, where the workflow catalogue and module users look for it.
include: "workflow/Snakefile"


workflow.default_target = "all_figures"
