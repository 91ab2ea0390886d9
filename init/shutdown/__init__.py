"""The way back: what is released, in which order, and who stays until then."""
