"""Tools for testing traced programs."""
