"""What runs in the background: plans and final pairs are made by jobs, each program's under a lease of one replica."""
