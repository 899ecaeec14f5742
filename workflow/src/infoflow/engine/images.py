"""A data set on the device that computes."""

from dataclasses import dataclass

import torch

from infoflow.errors import InfoflowError


@dataclass(frozen=True)
class PreparedImages:
    """A data set on the device: images [M, *shape] with pixels in [0, 1], labels [M], None if there are none."""

    train_images: torch.Tensor
    test_images: torch.Tensor
    train_labels: torch.Tensor | None
    test_labels: torch.Tensor | None
    evaluation_order: torch.Tensor
    """Test samples in the order in which they enter the evaluation set."""
    class_names: tuple[str, ...] | None = None
    """Of the classes 0, 1, ..., if they have names."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return tuple(self.train_images.shape[1:])

    @property
    def classes(self) -> int:
        """How many there are; 2 where there are no labels."""
        if self.train_labels is None:
            return 2
        return max(len(self.class_names or ()), int(self.train_labels.max()) + 1)

    def evaluation_images(self, samples: int) -> torch.Tensor:
        """The first images of the fixed evaluation order: a smaller set is part of a larger one."""
        if samples > len(self.test_images):
            raise InfoflowError(f"evaluation_samples is {samples}, but the test set has {len(self.test_images)} images")
        return self.test_images[self.evaluation_order[:samples]]
