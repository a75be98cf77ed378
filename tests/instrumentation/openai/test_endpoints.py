from __future__ import annotations

from time import perf_counter

import pytest

from genai_otel.instrumentation.openai import chat, embeddings, responses, retrieval
from genai_otel.instrumentation.openai.endpoints import find

CHAT, RESPONSES, FETCH, SEARCH = chat.CHAT, responses.RESPONSES, responses.FETCH, retrieval.SEARCH


@pytest.mark.parametrize(
    ("method", "url", "api"),
    [
        ("post", "/chat/completions", CHAT),
        ("POST", "/chat/completions", CHAT),
        ("post", "chat/completions", CHAT),
        ("post", "/chat/completions/", CHAT),
        ("post", "/chat/completions?a=b", CHAT),
        ("post", "/v1/chat/completions", CHAT),
        ("post", "https://api.openai.com/v1/chat/completions", CHAT),
        ("post", "HTTPS://api.openai.com/v1/chat/completions#top", CHAT),
        ("post", "https://api.perplexity.ai/chat/completions", CHAT),
        ("post", "https://openrouter.ai/api/v1/chat/completions", CHAT),
        (
            "post",
            "https://me.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=1",
            CHAT,
        ),
        ("post", "/deployments/gpt-4o/chat/completions", CHAT),
        ("post", "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", CHAT),
        ("post", "/responses?beta=true", RESPONSES),
        ("post", "/responses/compact", RESPONSES),
        ("post", "/responses/compact?beta=true", RESPONSES),
        ("get", "/responses/resp_1", FETCH),
        ("get", "/responses/resp_1?beta=true", FETCH),
        ("post", "/responses/resp_1/cancel", FETCH),
        ("post", "https://api.openai.com/v1/responses/resp_1/cancel/", FETCH),
        ("post", "/vector_stores/vs_1/search", SEARCH),
        ("post", "/vector_stores/v1/search", SEARCH),
        ("post", "/embeddings", embeddings.EMBEDDINGS),
    ],
)
def test_the_operation_is_found_however_the_endpoint_is_written(method: str, url: str, api: object) -> None:
    found = find(method, url)
    assert found is not None
    assert found[0] is api


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("get", "/chat/completions"),
        ("get", "/chat/completions/chatcmpl-1"),
        ("post", "/chat/completions/chatcmpl-1"),
        ("get", "/models"),
        ("get", "/models/embeddings"),
        ("post", "/responses/input_tokens"),
        ("get", "/responses/resp_1/input_items"),
        ("delete", "/responses/resp_1"),
        ("get", "/responses/"),
        ("get", "/responses"),
        ("post", "/files"),
        ("get", "/files/v1/content"),
        ("get", "/organization/usage/completions"),
        ("post", "/vector_stores"),
        ("post", "/vector_stores//search"),
        ("post", "/vector_stores/vs_1/files/search/x"),
        ("post", "/x/embeddings"),
        ("get", "/videos/video_1"),
        ("post", "https://api.openai.com"),
        ("post", ""),
    ],
)
def test_everything_else_is_no_operation(method: str, url: str) -> None:
    assert find(method, url) is None


@pytest.mark.parametrize(
    ("method", "url"), [(None, "/responses"), ("post", None), (1, 2), ("post", b"/responses")]
)
def test_what_is_no_request_is_no_operation(method: object, url: object) -> None:
    assert find(method, url) is None


def test_path_and_parameters_come_with_the_operation() -> None:
    found = find("POST", "https://host/v1/vector_stores/vs%20a%2F1/search?x=y")
    assert found is not None
    assert found[1:] == ("/vector_stores/vs%20a%2F1/search", {"vector_store_id": "vs a/1"})


def test_a_known_endpoint_costs_about_a_microsecond() -> None:
    def best(url: str) -> float:
        def run() -> float:
            begun = perf_counter()
            for _ in range(1_000):
                find("post", url)
            return (perf_counter() - begun) / 1_000

        return min(run() for _ in range(20))

    assert best("/chat/completions") < 2e-6
    assert best("/responses?beta=true") < 20e-6
