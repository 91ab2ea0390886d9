"""The network set up, written down and set up again; packets' contents are wire's."""
