"""Sending an integrator once more what is in the log, to it alone: as jobs that outlive a crash."""
