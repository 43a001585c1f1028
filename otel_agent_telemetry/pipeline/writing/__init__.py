"""From facts to bytes: anonymised by the contract, written in a dialect."""

__all__: list[str] = []  # each module is imported where it is needed
