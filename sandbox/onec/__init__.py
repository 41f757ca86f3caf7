"""A simulated 1C:Enterprise infobase that publishes the web service `TicketBridge`: strict, stateful, seeded, in memory.

It is its own implementation of ``docs/reference/onec-soap.md`` and shares no code with the broker: else it proves nothing.
"""
