from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from genai_otel.instrumentation.openai.uploads import upload_parts

DATA = b"some bytes"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize(
    ("upload", "part"),
    [
        (DATA, {"type": "uri", "modality": "audio", "sha256": DIGEST, "size": 10}),
        (bytearray(DATA), {"type": "uri", "sha256": DIGEST}),
        (("a.wav", DATA), {"type": "uri", "filename": "a.wav", "sha256": DIGEST}),
        (("/home/me/a.wav", DATA), {"filename": "a.wav"}),
        (("a", DATA, "image/png"), {"modality": "image", "mime_type": "image/png"}),
        (("a.mp3", DATA, "audio/mpeg", {"X-Secret": "1"}), {"mime_type": "audio/mpeg", "filename": "a.mp3"}),
        ((None, DATA), {"type": "uri", "filename": None}),
        (io.BytesIO(DATA), {"type": "upload", "modality": "audio", "filename": None, "sha256": None}),
        (("a.mp3", io.BytesIO(DATA)), {"type": "upload", "mime_type": "audio/mpeg", "filename": "a.mp3"}),
        (7, {"type": "upload"}),
    ],
)
@pytest.mark.parametrize("mapping", [False, True])
def test_an_upload_is_known_without_reading_it(upload: Any, part: dict[str, Any], mapping: bool) -> None:
    (found,) = upload_parts({"file": upload} if mapping else [("file", upload)], "audio")

    assert {key: found.get(key) for key in part} == part
    assert "X-Secret" not in str(found)


@pytest.mark.parametrize("files", [None, [], {}, "text", 7, iter([("file", DATA)]), [DATA], [()]])
def test_what_is_no_list_of_uploads_is_none(files: Any) -> None:
    assert upload_parts(files, "audio") == []
