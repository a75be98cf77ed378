"""Uploads of a multipart request as message parts: what is known of them without reading a file."""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Mapping
from typing import Any

from genai_otel.content.fields import Part, with_present
from genai_otel.content.media import modality_of, reference


def upload_parts(files: Any, modality: str) -> list[Part]:
    """Return a part for each upload: bytes as a reference to them, open files by their name only."""
    uploads = list(files.items()) if isinstance(files, Mapping) else files
    if not isinstance(uploads, (list, tuple)):
        return []
    return [
        _part(upload[1], modality) for upload in uploads if isinstance(upload, tuple) and len(upload) == 2
    ]


def _part(upload: Any, modality: str) -> Part:
    """The part for one upload: its content, or a tuple of file name, content and, maybe, MIME type."""
    name, content, mime_type = None, upload, None
    if isinstance(upload, tuple) and len(upload) >= 2:
        name, content, mime_type = upload[0], upload[1], upload[2] if len(upload) > 2 else None
    name = _file_name(name) or _file_name(
        getattr(content, "name", None) if isinstance(content, io.IOBase) else None
    )
    mime_type = mime_type if isinstance(mime_type, str) else _guessed(name)
    if isinstance(content, (bytes, bytearray)):
        return with_present(reference(bytes(content), modality=modality, mime_type=mime_type), filename=name)
    part: Part = {"type": "upload", "modality": modality_of(mime_type, modality)}
    return with_present(part, mime_type=mime_type, filename=name)


def _file_name(name: object) -> str | None:
    """The last component of a path, as the SDK sends it."""
    return os.path.basename(name) or None if isinstance(name, str) else None


def _guessed(name: str | None) -> str | None:
    return mimetypes.guess_type(name)[0] if name is not None else None
