"""What ``configure()`` does: whose providers are used, and which routes lead out of the process."""
