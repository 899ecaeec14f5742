"""Put all experiments into one page for a browser."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.explorer.explorer import explorer

    explorer(job)


run(snakemake, main)
