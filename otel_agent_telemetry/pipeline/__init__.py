"""The SDK floor: spans and metrics become anonymous events, a ledger keeps them, an uploader sends them."""

__all__: list[str] = []  # nothing is imported with the package: each module is imported where it is needed
