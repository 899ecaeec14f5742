"""Where can a network be trained? Probes, ground truth and predictors on grids of (σ_w², σ_b², depth)."""
