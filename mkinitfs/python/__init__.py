"""The target's Python and the least of its library."""
