"""The database's history, one file a step, run while people buy.

A step that touches busy tables (seat, hold, customer_order, outbox) does so one table a transaction (an autocommit block),
and only in ways that take a moment: a column with a constant default, an index CONCURRENTLY, a constraint NOT VALID first.
Whoever locks two of them in one transaction ends in a ring with people who buy. `tests/faults/test_deploy.py` shows both.
"""
