"""The URLs of a Django project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import with_web_story
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import include, path

if TYPE_CHECKING:
    from django.http import HttpRequest


def _is_asgi(request: HttpRequest) -> bool:
    return hasattr(request, "scope")


def item(_: HttpRequest, number: int) -> HttpResponse:
    """Answer."""
    assert number
    return HttpResponse(with_web_story.answer())


def fails(_: HttpRequest) -> HttpResponse:
    """Fail."""
    raise ConnectionError


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Answer bit by bit."""
    return StreamingHttpResponse(with_web_story.stream_async() if _is_asgi(request) else with_web_story.stream())


def endless(request: HttpRequest) -> StreamingHttpResponse:
    """Answer until nobody reads."""
    return StreamingHttpResponse(with_web_story.endless_async() if _is_asgi(request) else with_web_story.endless())


def health(_: HttpRequest) -> HttpResponse:
    """Be well."""
    return HttpResponse("well")


urlpatterns = [
    path("shop/", include([path("items/<int:number>", item)])),
    path("fails", fails),
    path("stream", stream),
    path("endless", endless),
    path("healthz", health),
]
