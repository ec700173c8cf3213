"""Who meets whom, rounds aside: a flow with prices that prove it, put into rounds that all have alike."""
