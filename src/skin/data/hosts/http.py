"""Requests to the hosts, and what their answers tell of a file."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from skin import __version__
from skin.errors import SkinError

_TIMEOUT = 60.0  # seconds without a byte

BROKEN: Final = (OSError, http.client.HTTPException)
"""What a connection that breaks raises; `urllib.error.HTTPError` is one of them."""

RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses of a host that is busy or broken for now."""


@dataclass(frozen=True)
class Version:
    """How a host tells one version of a file from another, by the headers of RFC 9110, 8.8.

    Attributes:
        etag: the entity tag, empty if there is none.
        modified: `Last-Modified`, empty if there is none.
    """

    etag: str = ""
    modified: str = ""

    @classmethod
    def of(cls, response: http.client.HTTPResponse) -> Self:
        """What the headers of a response say."""
        return cls(response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))

    @property
    def validator(self) -> str:
        """For `If-Range`: a weak tag must not stand there (RFC 9110, 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def open_url(
    url: str,
    *,
    method: Literal["GET", "HEAD"] = "GET",
    headers: Mapping[str, str] | None = None,
) -> http.client.HTTPResponse:
    """Ask for a URL.

    Raises:
        SkinError: the URL is not of the web.
        OSError: the server cannot be reached or refuses.
    """
    if not url.startswith(("https://", "http://")):
        raise SkinError(f"{url} is not a web address")
    all_headers = {"User-Agent": f"skin/{__version__}", **(headers or {})}
    request = urllib.request.Request(  # noqa: S310 - checked above
        url, headers=all_headers, method=method
    )
    response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - checked above
        request, timeout=_TIMEOUT
    )
    return response


def read_listing(url: str, server: str, instead: str) -> Any:  # noqa: ANN401 - whatever it holds
    """Read a host's JSON list of files.

    Args:
        url: of the list.
        server: for the message.
        instead: what to do if the host cannot be reached.

    Raises:
        SkinError: the server cannot be reached, or its answer is not JSON.
    """
    try:
        with open_url(url) as response:
            return json.load(response)
    except BROKEN as error:
        raise SkinError(f"cannot reach {server}: {error}; try again later, or {instead}") from error
    except ValueError as error:
        raise SkinError(f"{url} did not answer with a list of files: {error}") from error


def problem_of(error: Exception) -> str:
    """Say what went wrong with a request."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    return str(error) or type(error).__name__
