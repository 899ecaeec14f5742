"""Find down to which depth the networks of one (σ_w², σ_b²) can be trained."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.search_boundary import search_boundary

    search_boundary(job)


run(snakemake, main)
