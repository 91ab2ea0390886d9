"""The boot as a generator of operations; nothing here reaches the system."""
