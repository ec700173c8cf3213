"""What the launcher needs of this machine: packages, ports and processes."""
