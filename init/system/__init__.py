"""The ground: system calls, log, console, child processes, the mount table, paths."""
