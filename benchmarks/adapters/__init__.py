"""One module per contender, all with the same functions.

``install(provider, content)`` prepares the process; ``sync``, ``coroutine``, ``generator`` decorate a function;
``block(inputs, work)`` runs ``work`` inside a context manager; ``openai()`` instruments the SDK. A function that a
contender cannot offer is absent, and the case is reported as not measured.
"""
