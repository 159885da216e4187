"""Ironic's side of bootd: it tells the daemon, over its control socket, what Ironic wants of a node's network boot."""
