"""Kernel modules and their firmware: what is there, what belongs together."""
