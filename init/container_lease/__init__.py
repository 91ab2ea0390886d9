"""One writer for a container: the record beside it, the lock on the server, the process that holds it."""
