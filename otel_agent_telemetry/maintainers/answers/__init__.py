"""What is asked of a book: the questions, their answers, and the page that shows them."""

__all__: list[str] = []  # each module is imported where it is needed
