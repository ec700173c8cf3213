"""Who meets whom and when, where people have rounds of their own or an announced plan is to be kept."""
