"""What claims are decided by: functions of a cube, in modules by the kind of cube; `registry` has all of them.

Each returns an `Interval`; where it cannot be computed it raises `Untested`.
"""
