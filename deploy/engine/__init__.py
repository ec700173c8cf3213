"""A container engine for machines that have none: installed, started, and stopped again."""
