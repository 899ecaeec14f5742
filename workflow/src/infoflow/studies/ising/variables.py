"""What the jobs and the cubes of the Ising models agree on."""

PROBES = ("conditional_entropy", "mutual_information", "entropy")
"""What is examined on strips around the critical coupling, and in the limit of infinite width."""
