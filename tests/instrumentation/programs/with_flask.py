"""A Flask application."""

from __future__ import annotations

import with_web_story
from flask import Flask, Response

app = Flask(__name__)


@app.get("/shop/items/<int:number>")
def item(number: int) -> str:
    """Answer."""
    assert number
    return with_web_story.answer()


@app.get("/fails")
def fails() -> str:
    """Fail."""
    raise ConnectionError


@app.get("/stream")
def stream() -> Response:
    """Answer bit by bit."""
    return Response(with_web_story.stream())


@app.get("/endless")
def endless() -> Response:
    """Answer until nobody reads."""
    return Response(with_web_story.endless())


@app.get("/healthz")
def health() -> str:
    """Be well."""
    return "well"
