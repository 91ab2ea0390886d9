"""The kernel command line's grammars: text in, values out."""
