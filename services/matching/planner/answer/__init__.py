"""What comes of it: the plan with its tables, why somebody meets nobody, and what has changed."""
