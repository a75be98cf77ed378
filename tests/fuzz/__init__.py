"""Generated programs, schedules, streams and values: whatever comes, the program is as without us and spans are valid.

In the suite each test has a small budget, about 1,500 examples together; ``make fuzz MINUTES=5`` runs them for so long,
with new examples each time.
What was trouble once, or is easily missed, is kept as an ``@example``.
"""
