"""The job that prepares a data set: files checked, split and evaluation order fixed."""

import logging

from infoflow.datasets.images import load_images
from infoflow.datasets.prepared import write_prepared
from infoflow.files.originals import find_data_root
from infoflow.jobs.job import Job

logger = logging.getLogger(__name__)


def prepare_dataset(job: Job) -> None:
    """Load a data set and write it. Parameters of the job: `options` of the config, `seed`."""
    images = load_images(job["options"], find_data_root(job.config["data_root"]), job["seed"])
    train, test = images.train_images, images.test_images
    shape = " x ".join(map(str, train.shape[1:]))
    logger.info("%d images of %s to train on, %d to test on", len(train), shape, len(test))
    write_prepared(job.output, images, job["seed"], job.about())
