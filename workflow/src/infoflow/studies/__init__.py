"""Studies: each folder is one, with its plan, its jobs, its cube and its figures."""
