"""Why a file can't be shown, in words for the person who named it."""

from __future__ import annotations


class UnreadableError(Exception):
    """The input is missing, can't be read, or is no JSON at all."""


class CutShortError(Exception):
    """The input ends in the middle of what it is packed in; all before that was read."""


class NothingFoundError(Exception):
    """The input is fine, but holds no span that was asked for."""
