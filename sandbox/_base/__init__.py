"""Plumbing every simulated peer shares: a loopback web server that can cut a connection on purpose."""
