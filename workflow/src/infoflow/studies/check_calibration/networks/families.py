"""Families of small networks over grids that straddle the boundary of trainability."""

from infoflow.studies.check_calibration.networks.case import Case

FAMILIES: tuple[Case, ...] = ()
"""All of them; (name, arm) is unique."""
