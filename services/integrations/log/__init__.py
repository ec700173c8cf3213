"""The log of all published events: append only, a collection for each month, positions without a second writer."""
