"""Images, audio and files in messages: inline bytes become a reference, addresses and file ids stay.

Binary content is never recorded whole. What stands for it is a ``uri`` part whose address is its digest
(``urn:sha256:<hex>``), with ``mime_type``, ``size`` in bytes and ``sha256`` beside it: enough to tell two
files apart and to find one in a store, and valid where the conventions expect a part.
"""

from __future__ import annotations

import hashlib
import re
from binascii import a2b_base64
from typing import Any
from urllib.parse import unquote_to_bytes

from genai_otel.content.encode import to_json
from genai_otel.content.fields import Part, entries, first, string, with_present
from genai_otel.content.plain import plain

_INNER = (
    "source", "image_url", "input_audio", "file", "image", "audio", "video", "document", "image_file",
    "video_url", "audio_url", "inline_data", "inlineData", "file_data", "fileData",
)  # fmt: skip
_MIME = ("media_type", "mime_type", "mimeType")
_DATA = ("data", "file_data", "b64_json", "base64", "bytes")
_ADDRESS = ("url", "uri", "image_url", "file_url", "audio_url", "video_url", "file_uri", "fileUri")
_FILE_ID = ("file_id", "fileId")
_EXTRA = ("id", "filename", "title", "detail")
_FIELDS = (*_INNER, *_MIME, *_DATA, *_ADDRESS, *_FILE_ID, *_EXTRA, "format", "type", "content")
_BINARY = (bytes, bytearray, memoryview)
_SUBTYPES = {"mp3": "mpeg", "jpg": "jpeg", "svg": "svg+xml", "pcm16": "pcm"}
_URL_SAFE = str.maketrans("-_", "+/", " \t\r\n=")
_DATA_URL = re.compile(r"data:[^,\s]*,", re.IGNORECASE)
_INLINE = re.compile(
    r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,\"\s]*)*;base64,([A-Za-z0-9+/_-]{32,}={0,2})"
)


def reference(data: str | bytes, *, modality: str = "document", mime_type: str | None = None) -> Part:
    """The part that stands for inline bytes, given as they are, as base64 or as a ``data:`` URL."""
    if isinstance(data, str):
        mime_type, data = _decoded(data, mime_type)
    digest = hashlib.sha256(data).hexdigest()
    part: Part = {"type": "uri", "modality": modality_of(mime_type, modality)}
    with_present(part, mime_type=mime_type)
    part.update(uri=f"urn:sha256:{digest}", size=len(data), sha256=digest)
    return part


def located(address: str, *, modality: str, mime_type: str | None = None) -> Part:
    """The part for an address: kept as it is, unless it is a ``data:`` URL or bare base64."""
    if is_data_url(address) or _is_bare_base64(address):
        return reference(address, modality=modality, mime_type=mime_type)
    part: Part = {"type": "uri", "modality": modality_of(mime_type, modality), "uri": address}
    return with_present(part, mime_type=mime_type)


def _is_bare_base64(address: str) -> bool:
    """Whether there is base64 where an address belongs: no scheme, no dot, and it decodes."""
    return len(address) >= _SHORTEST and ":" not in address[:64] and _strictly_decoded(address) is not None


def media_part(obj: object, modality: str = "document") -> Part | None:
    """The part for an image, audio, video or file in any provider's shape, ``None`` if it has no content."""
    fields = _flattened(obj)
    part = _located_in(fields, modality)
    if part is None:
        return None
    return with_present(part, **{name: string(fields.get(name)) for name in _EXTRA})


def _flattened(obj: object, *, levels: int = 2) -> dict[Any, Any]:
    """The fields of the part and of the objects in it that say where the content is."""
    outer = entries(obj, _FIELDS)
    inner: dict[Any, Any] = {}
    for name in _INNER:
        holder = outer.get(name)
        if holder is not None and not isinstance(holder, (*_BINARY, str, list, tuple)):
            inner.update(_flattened(holder, levels=levels - 1) if levels > 1 else entries(holder, _FIELDS))
    return {**outer, **inner} if inner else outer


def _located_in(fields: dict[Any, Any], modality: str) -> Part | None:
    mime_type = _text_of(fields, _MIME) or _mime_of_format(fields.get("format"), modality)
    data = _data_of(fields, modality)
    if data is not None:
        return reference(data, modality=modality, mime_type=mime_type)
    file_id = _text_of(fields, _FILE_ID)
    if file_id is not None:
        part: Part = {"type": "file", "modality": modality_of(mime_type, modality), "file_id": file_id}
        return with_present(part, mime_type=mime_type)
    address = _text_of(fields, (*_ADDRESS, modality))
    return None if address is None else located(address, modality=modality, mime_type=mime_type)


def _data_of(fields: dict[Any, Any], modality: str) -> str | bytes | None:
    """The inline content: bytes wherever they are, text where base64 belongs."""
    names = _DATA if string(fields.get("type")) != "blob" else ("content", *_DATA)
    binary = (
        value for name in (*names, *_ADDRESS, modality) if isinstance(value := fields.get(name), _BINARY)
    )
    found = next(binary, None)
    return _text_of(fields, names) or None if found is None else bytes(found)


def _text_of(fields: dict[Any, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := string(fields.get(name)))), None)


def modality_of(mime_type: str | None, default: str) -> str:
    """``image``, ``video``, ``audio`` or ``document``; the default where the MIME type doesn't tell."""
    if not mime_type or mime_type == "application/octet-stream":
        return default
    family = mime_type.partition("/")[0].lower()
    return family if family in ("image", "video", "audio") else "document"


def _mime_of_format(file_format: object, modality: str) -> str | None:
    """The MIME type for a bare format such as ``wav`` or ``png``."""
    name = string(file_format)
    if not name or modality not in ("image", "audio", "video"):
        return None
    return name if "/" in name else f"{modality}/{_SUBTYPES.get(name, name)}"


def image_mime_type(file_format: object) -> str | None:
    """The MIME type of an image from its ``output_format``."""
    return _mime_of_format(file_format, "image")


def is_data_url(text: str) -> bool:
    """Whether the string is a ``data:`` URL."""
    return _DATA_URL.match(text) is not None


def _decoded(text: str, mime_type: str | None) -> tuple[str | None, bytes]:
    if not is_data_url(text):
        return mime_type, _from_base64(text)
    comma = text.index(",")
    declared, *parameters = text[5:comma].split(";")
    body = text[comma + 1 :]
    is_base64 = any(parameter.strip().lower() == "base64" for parameter in parameters)
    return declared or mime_type, _from_base64(body) if is_base64 else unquote_to_bytes(body)


def _from_base64(text: str) -> bytes:
    """The bytes behind base64, be it wrapped, URL-safe or unpadded; of any other text, its own bytes."""
    data = _strictly_decoded(text)
    if data is None:
        bare = text.translate(_URL_SAFE)
        data = _strictly_decoded(bare + "=" * (-len(bare) % 4))
    return text.encode("utf-8", "surrogatepass") if data is None else data


def _strictly_decoded(text: str) -> bytes | None:
    if len(text) % 4:
        return None
    try:
        data = a2b_base64(text)
    except ValueError:
        return None
    # a2b_base64 skips what is not base64: then there is less than there should be
    return data if len(data) == len(text) // 4 * 3 - text[-2:].count("=") else None


def inline_text(text: str) -> str:
    """The text with every base64 ``data:`` URL in it replaced by the digest of its bytes."""
    return _INLINE.sub(_inline_reference, text) if has_data_url(text) else text


def has_data_url(text: str) -> bool:
    """Whether there may be a base64 ``data:`` URL in the text; the look for one character is next to free."""
    return ";" in text and ";base64," in text


def _inline_reference(match: re.Match[str]) -> str:
    part = reference(match.group(2), mime_type=match.group(1))
    return f"{part['uri']}?size={part['size']}&mime_type={part.get('mime_type', '')}"


_BASE64_KEYS = frozenset({"b64_json", "file_data", "partial_image_b64"})
_SEALED = ("encrypted_content", "encrypted_index")
_MAX_DEPTH = 100
_SHORTEST = 32


def without_binaries(value: Any, *, sealed: bool = True, depth: int = 0) -> Any:
    """The same plain data (a copy of our own, changed in place) with references for the base64 inside it.

    With ``sealed=False`` encrypted fields, which nobody can read, are left out too.
    """
    if type(value) is str:
        return _clean_string(value)
    if type(value) is not dict and type(value) is not list:
        return value
    if depth == _MAX_DEPTH:
        return inline_text(to_json(value))
    if type(value) is dict:
        return _clean_dict(value, sealed, depth + 1)
    for index, entry in enumerate(value):
        value[index] = without_binaries(entry, sealed=sealed, depth=depth + 1)
    return value


def _clean_dict(holder: dict[str, Any], sealed: bool, depth: int) -> dict[str, Any]:
    for key in [key for key in _SEALED if key in holder] if not sealed else ():
        del holder[key]
    for key, entry in holder.items():
        if _is_base64(holder, key):
            holder[key] = reference(entry, **_media_hint(holder))
        else:
            holder[key] = without_binaries(entry, sealed=sealed, depth=depth)
    return holder


def _clean_string(text: str) -> Any:
    if ";base64," not in text:
        return text
    return reference(text) if is_data_url(text) else inline_text(text)


def _is_base64(holder: dict[str, Any], key: str) -> bool:
    if not isinstance(holder[key], str) or not holder[key]:
        return False
    return key in _BASE64_KEYS or (key == "data" and first(holder, _MIME) is not None)


def _media_hint(holder: dict[str, Any]) -> dict[str, Any]:
    mime_type = string(first(holder, _MIME))
    modality = "image" if "b64_json" in holder or "partial_image_b64" in holder else "document"
    return {"mime_type": mime_type, "modality": modality}


def provider_fields(obj: object, *left_out: str) -> dict[str, Any]:
    """A provider's object as plain data, without ``None``, inline binaries and encrypted content."""
    fields = plain(obj)
    if not isinstance(fields, dict):
        return {"content": without_binaries(fields, sealed=False)}
    kept = {key: value for key, value in fields.items() if value is not None and key not in left_out}
    return _clean_dict(kept, sealed=False, depth=1)
