"""Predictors of trainability: what each of them is, for tables and figures.

A predictor is one module of this package, named like it, with `score(untrained) -> Scores` (`measure`), and one entry
of `PREDICTORS`. Source: physics.md E.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """What a predictor is.

    Attributes:
        title: for tables and figures.
        formula: of the score, as text.
        raw: the quantity of the literature, as text.
        needs: `nothing`, `theory` (no network), `forward` (a pass), `gradient` (forward and back), `second gradient`.
        two_sided: whether it can see both sides of the edge of chaos; if not it is monotone in σ_w².
        cost: for R networks of L dense layers of N units and B images, in floating-point operations.
        source: where it comes from.
    """

    title: str
    formula: str
    raw: str
    needs: str
    two_sided: bool
    cost: str
    source: str


PREDICTORS: dict[str, About] = {
    "negative_depth": About(
        title="depth alone, the trivial baseline",
        formula="-L",
        raw="the same",
        needs="nothing",
        two_sided=False,
        cost="0",
        source="none",
    ),
    "mean_field": About(
        title="mean-field correlation length",
        formula="6 xi_c/L",
        raw="xi_c, in layers",
        needs="theory",
        two_sided=True,
        cost="0",
        source="arXiv:1611.01232",
    ),
    "gradient_ratio": About(
        title="gradient ratio",
        formula="-|ln(|g_1|^2/|g_last|^2)|, g of hidden-to-hidden weights",
        raw="ln(|g_1|^2/|g_last|^2)",
        needs="gradient",
        two_sided=True,
        cost="6 R B L N^2",
        source="arXiv:1611.01232",
    ),
    "gradient_norm": About(
        title="gradient norm",
        formula="-|ln sum_l |g_l||",
        raw="log10 sum_l |g_l|",
        needs="gradient",
        two_sided=False,
        cost="6 R B L N^2",
        source="arXiv:2101.08134",
    ),
    "snip": About(
        title="SNIP",
        formula="ln sum |W g|",
        raw="log10 sum |W g|",
        needs="gradient",
        two_sided=False,
        cost="6 R B L N^2",
        source="arXiv:1810.02340",
    ),
    "grasp": About(
        title="GraSP",
        formula="asinh(-sum (H g) W)",
        raw="-sum (H g) W",
        needs="second gradient",
        two_sided=False,
        cost="18 R B L N^2",
        source="arXiv:2002.07376",
    ),
    "fisher": About(
        title="Fisher",
        formula="ln sum_k <(a_k dl/da_k)^2>/2",
        raw="log10 sum_k <(a_k dl/da_k)^2>/2",
        needs="gradient",
        two_sided=False,
        cost="6 R B L N^2",
        source="arXiv:1801.05787",
    ),
    "synflow": About(
        title="SynFlow",
        formula="ln sum W dR/dW, R = 1^T prod |W_l| 1",
        raw="ln R",
        needs="gradient",
        two_sided=False,
        cost="6 R L N^2",
        source="arXiv:2006.05467",
    ),
    "jacobian_covariance": About(
        title="Jacobian covariance",
        formula="-sum[ln(v + k) + 1/(v + k)], v eigenvalues of corr(J), k = 1e-5",
        raw="the same",
        needs="gradient",
        two_sided=False,
        cost="4 R B L N^2",
        source="arXiv:2101.08134",
    ),
    "naswot": About(
        title="NASWOT",
        formula="ln det(c c^T + (1-c)(1-c)^T), c = 1[z > 0]",
        raw="the same",
        needs="forward",
        two_sided=False,
        cost="2 R B L N^2 + 2 R B^2 L N",
        source="arXiv:2006.04647",
    ),
    "ntk_condition": About(
        title="NTK condition number",
        formula="-ln kappa(Theta), of 16 images",
        raw="log10 kappa(Theta)",
        needs="gradient",
        two_sided=True,
        cost="4 R 16 L N^2 + 4 R 16^2 L N",
        source="arXiv:2102.11535",
    ),
    "lyapunov": About(
        title="Lyapunov exponent",
        formula="-L |lambda|",
        raw="lambda, per layer",
        needs="gradient",
        two_sided=True,
        cost="6 R B L N^2",
        source="arXiv:1606.05340",
    ),
    "forward_correlation": About(
        title="forward correlation",
        formula="ln |<c^L> - c*|",
        raw="<c^L>, mean correlation of pairs in the last hidden layer",
        needs="forward",
        two_sided=True,
        cost="2 R B L N^2",
        source="arXiv:1611.01232",
    ),
}
