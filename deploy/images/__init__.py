"""Building the container images: the services', and stand-ins for base images where no registry is reached."""
