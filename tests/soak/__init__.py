"""Long forms of what the other tests show in short: `make soak`. Each has a short form, which `make test` runs."""
