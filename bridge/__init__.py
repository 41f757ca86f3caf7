"""The broker itself. It knows no vendor: those live in ``adapters``."""
