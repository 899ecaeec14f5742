"""What scores are called in figures."""

from infoflow.studies.trainability.scores import MEAN_FIELD, MEASURES, NEGATIVE_DEPTH

NAMES = {
    **{name: measure.label for name, measure in MEASURES.items()},
    NEGATIVE_DEPTH: "depth alone, $-L$",
    MEAN_FIELD: r"mean field $6\,\xi_c$/depth",
}


def name_score(score: str) -> str:
    """What a score of a cascade, or one that is free, is called in figures."""
    known = next((name for name in NAMES if score.endswith(name)), None)
    if known is None:  # of the literature
        return score.replace("_", " ")
    method = score.removesuffix(known).rstrip("_")
    return f"{NAMES[known]}, {method}" if method else NAMES[known]
