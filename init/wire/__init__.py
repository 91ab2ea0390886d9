"""Protocols: packets and the states of a conversation; no sockets."""
