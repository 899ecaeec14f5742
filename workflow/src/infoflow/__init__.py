"""Where in (σ_w², σ_b², depth) can a deep network be trained? The science behind the workflow."""

__version__ = "0.1.0"
