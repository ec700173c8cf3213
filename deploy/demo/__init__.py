"""A whole event on a system of its own, from its files to the report, through the gateway's API only."""
