"""Webhooks: events from the log to addresses of integrators, by the Standard Webhooks specification."""
