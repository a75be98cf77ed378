from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import openai
import pytest

from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation.openai.providers import facts_of, provider_of

HOSTS = {
    "api.openai.com": "openai",
    "eu.api.openai.com": "openai",
    "us.api.openai.com": "openai",
    "my-resource.openai.azure.com": "azure.ai.openai",
    "MY-RESOURCE.OPENAI.AZURE.COM": "azure.ai.openai",
    "my-resource.openai.azure.us": "azure.ai.openai",
    "my-resource.cognitiveservices.azure.com": "azure.ai.openai",
    "my-resource.services.ai.azure.com": "azure.ai.openai",
    "models.inference.ai.azure.com": "azure.ai.inference",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "us-east-1.api.x.ai": "x_ai",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "us-central1-aiplatform.googleapis.com": "gcp.vertex_ai",
    "bedrock-runtime.us-west-2.amazonaws.com": "aws.bedrock",
    "bedrock-mantle.eu-central-1.api.aws": "aws.bedrock",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.cohere.ai": "cohere",
    "api.anthropic.com": "anthropic",
    "us-south.ml.cloud.ibm.com": "ibm.watsonx.ai",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "api.cerebras.ai": "cerebras",
    "ollama": "ollama",
    "ollama.internal": "ollama",
    "vllm.models.svc.cluster.local": "vllm",
    "litellm.example.org": "litellm",
    "llm.example.org": "openai",
    "notopenai.azure.com": "openai",
    "groq.com.example.org": "openai",
    "evilgroq.com": "openai",
    "s3.eu-central-1.amazonaws.com": "openai",
    "api.openai.com.": "openai",
    "api.groq.com.": "groq",
}


@pytest.mark.parametrize(("host", "provider"), HOSTS.items())
def test_the_host_says_who_answers(host: str, provider: str) -> None:
    assert provider_of(openai.OpenAI, host, 443) == provider


@pytest.mark.parametrize(
    ("host", "port", "provider"),
    [
        ("localhost", 11434, "ollama"),
        ("127.0.0.1", 11434, "ollama"),
        ("::1", 11434, "ollama"),
        ("10.0.0.5", 11434, "openai"),
        ("localhost", 8000, "openai"),
        ("localhost", 4000, "openai"),
        (None, None, "openai"),
        ("", None, "openai"),
    ],
)
def test_a_local_server_is_ollama_by_its_port_only(host: str | None, port: int | None, provider: str) -> None:
    assert provider_of(openai.OpenAI, host, port) == provider


@pytest.mark.parametrize("name", ["AzureOpenAI", "AsyncAzureOpenAI"])
def test_the_azure_classes_say_azure_whatever_the_host(name: str) -> None:
    client = getattr(openai, name)(
        api_key="x",
        api_version="2024-10-21",
        base_url="https://gateway.example.org/openai",
        azure_deployment=None,
    )
    assert facts_of(client) == {
        attr.PROVIDER_NAME: "azure.ai.openai",
        attr.SERVER_ADDRESS: "gateway.example.org",
        attr.SERVER_PORT: 443,
    }


def test_a_subclass_of_an_azure_client_is_azure() -> None:
    class Ours(openai.AzureOpenAI):
        pass

    assert provider_of(Ours, "gateway.example.org") == "azure.ai.openai"


@pytest.mark.parametrize("name", ["BedrockOpenAI", "AsyncBedrockOpenAI"])
def test_the_bedrock_classes_say_bedrock_whatever_the_host(name: str) -> None:
    assert provider_of(type(name, (), {}), "gateway.example.org") == "aws.bedrock"


@pytest.mark.parametrize(
    ("base_url", "address", "port"),
    [
        ("https://api.openai.com/v1", "api.openai.com", 443),
        ("http://api.example.org/v1", "api.example.org", 80),
        ("http://127.0.0.1:8080/v1", "127.0.0.1", 8080),
        ("https://[::1]:8443/v1", "::1", 8443),
    ],
)
def test_address_and_port_are_those_of_the_base_url(base_url: str, address: str, port: int) -> None:
    found = facts_of(openai.OpenAI(api_key="x", base_url=base_url))
    assert (found[attr.SERVER_ADDRESS], found[attr.SERVER_PORT]) == (address, port)


@pytest.mark.parametrize(
    "base_url", [None, "https://api.openai.com/v1", SimpleNamespace(host=None, port="x")]
)
def test_a_client_without_a_proper_address_is_openai_without_an_address(base_url: Any) -> None:
    assert facts_of(SimpleNamespace(base_url=base_url)) == {attr.PROVIDER_NAME: "openai"}


def test_changing_the_base_url_of_a_client_changes_the_address() -> None:
    client = openai.OpenAI(api_key="x", base_url="https://api.groq.com/openai/v1")
    assert facts_of(client)[attr.PROVIDER_NAME] == "groq"
    client.base_url = "https://api.deepseek.com/v1"  # type: ignore[assignment]
    assert facts_of(client)[attr.PROVIDER_NAME] == "deepseek"


def test_no_key_and_no_path_is_among_the_facts() -> None:
    client = openai.OpenAI(
        api_key="sk-secret", base_url="https://user:password@host.example.org/tenant-42/v1"
    )
    assert set(facts_of(client).values()) == {"openai", "host.example.org", 443}
