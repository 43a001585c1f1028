"""The SDK floor: spans and metrics become anonymous events, a ledger keeps them, an uploader sends them."""
