"""An identity asked from the API server, for workers that may not touch its database."""

from __future__ import annotations

from otel_agent_telemetry.errors import SettingError, StoreError
from otel_agent_telemetry.settings import check_endpoint

TYPE_CHECKING = False  # the typing module costs milliseconds that an opted-out program should not pay
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HTTPStore"]

_LONGEST_BODY = 4096
_OK = 200


class HTTPStore:
    """What ``installation_endpoint`` answers under that address, to who has its ``secret``.

    ``headers`` are for an authentication of the host's own before it. Never makes an identity. No redirect is followed,
    no ``.netrc`` read and no cookie kept; ``timeout`` is in seconds and for the whole request. Raises SettingError for
    an address that is neither https nor on this machine.
    """

    mint = False

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, timeout: float = 5.0, *, secret: str | None = None
    ) -> None:
        try:
            check_endpoint(url)
        except SettingError:
            shown = url if "@" not in url else "(not shown: it holds a password)"
            raise SettingError(
                f"HTTPStore url is {shown}; expected https://host/path, or http:// on this machine"
            ) from None
        self._url = url
        self._headers = dict(headers or {})
        if secret is not None:
            self._headers["Authorization"] = f"Bearer {secret}"
        self._timeout = timeout
        self._answer: dict[str, str] | None = None

    def get(self, key: str) -> str | None:
        """The server's value; asked once, as it stays the same for the life of the installation."""
        if self._answer is None:
            self._answer = self._ask()
        return self._answer.get(key)

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """Refused: the API server alone makes an identity."""
        del value, replacing
        raise StoreError(f"{key!r} is made by the API server at {self._url}, not by its workers")

    def _ask(self) -> dict[str, str]:
        import json

        from otel_agent_telemetry._http import NoAnswerError, exchange

        headers = {**self._headers, "Accept": "application/json"}
        try:
            answer = exchange("GET", self._url, headers=headers, seconds=self._timeout, limit=_LONGEST_BODY)
        except NoAnswerError as error:
            raise StoreError(f"no identity from {self._url}: {error}") from error
        if answer.status != _OK:
            raise StoreError(f"no identity from {self._url}: status {answer.status}; is installation_endpoint there?")
        try:
            pairs = dict(json.loads(answer.body))
        except (TypeError, ValueError) as error:
            raise StoreError(f"no identity from {self._url}: the answer is not a JSON object") from error
        return {str(key): value for key, value in pairs.items() if isinstance(value, str)}
