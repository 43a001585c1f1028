"""From bytes to the wire: the ledger keeps them, one process at a time sends them."""

__all__: list[str] = []  # each module is imported where it is needed
