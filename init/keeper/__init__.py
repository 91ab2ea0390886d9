"""Who stays behind for the network and its leases."""
