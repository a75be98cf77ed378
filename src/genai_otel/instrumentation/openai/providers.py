"""Who answers: ``gen_ai.provider.name``, server address and port, from the client that makes the call."""

from __future__ import annotations

import ipaddress
import weakref
from typing import Any, Final

from genai_otel.conventions import attributes as attr

OPENAI: Final = "openai"
AZURE: Final = "azure.ai.openai"
BEDROCK: Final = "aws.bedrock"

# client class (anywhere in its bases) -> provider
_CLASSES: Final = {
    "AzureOpenAI": AZURE,
    "AsyncAzureOpenAI": AZURE,
    "BedrockOpenAI": BEDROCK,
    "AsyncBedrockOpenAI": BEDROCK,
}

# host, or the end of one at a label boundary -> provider
_HOSTS: Final = {
    "openai.com": OPENAI,
    "openai.azure.com": AZURE,
    "openai.azure.us": AZURE,
    "openai.azure.cn": AZURE,
    "cognitiveservices.azure.com": AZURE,
    "services.ai.azure.com": AZURE,
    "models.inference.ai.azure.com": "azure.ai.inference",
    "models.ai.azure.com": "azure.ai.inference",
    "groq.com": "groq",
    "deepseek.com": "deepseek",
    "x.ai": "x_ai",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "cohere.com": "cohere",
    "cohere.ai": "cohere",
    "anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "openrouter.ai": "openrouter",
    "together.xyz": "together_ai",
    "together.ai": "together_ai",
    "fireworks.ai": "fireworks_ai",
    "cerebras.ai": "cerebras",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
}
# first label, end of the host -> provider: the region stands between them, or is part of the label
_REGIONAL: Final = (
    ("bedrock", ".api.aws", BEDROCK),
    ("bedrock", ".amazonaws.com", BEDROCK),
    ("", "-aiplatform.googleapis.com", "gcp.vertex_ai"),
)
# Ollama's own port is as good as a name; 8000 and 4000 are everybody's: vLLM and LiteLLM go by host name only
_OLLAMA_PORT: Final = 11434
_LOCAL_NAMES: Final = ("ollama", "vllm", "litellm")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


_known: weakref.WeakKeyDictionary[Any, tuple[Any, dict[str, Any]]] = weakref.WeakKeyDictionary()


def facts_of(client: Any) -> dict[str, Any]:
    """Return provider name, server address and port as span attributes; remembered until the client's URL changes."""
    try:
        url = vars(client).get("_base_url")  # the property behind it costs an import at each access
        known_url, facts = _known.get(client, _NOT_KNOWN)
        if url is None or url is not known_url:
            facts = _facts(client)
            _known[client] = (url, facts)
    except TypeError:  # a client that cannot be a key
        return _facts(client)
    return facts


_NOT_KNOWN: Final[tuple[Any, dict[str, Any]]] = (None, {})


def _facts(client: Any) -> dict[str, Any]:
    url = getattr(client, "base_url", None)
    host, port = getattr(url, "host", None), getattr(url, "port", None)
    facts: dict[str, Any] = {attr.PROVIDER_NAME: provider_of(type(client), host, port)}
    if isinstance(host, str) and host:
        facts[attr.SERVER_ADDRESS] = host
        port = port if isinstance(port, int) else _DEFAULT_PORTS.get(str(getattr(url, "scheme", "")))
        if port is not None:
            facts[attr.SERVER_PORT] = port
    return facts


def provider_of(client_class: type, host: str | None, port: int | None = None) -> str:
    """Return the provider's name by class, then host; ``openai`` when nothing says otherwise."""
    for base in client_class.__mro__:
        if base.__name__ in _CLASSES:
            return _CLASSES[base.__name__]
    return OPENAI if not host else _by_host(host.lower().rstrip("."), port)


def _by_host(host: str, port: int | None) -> str:
    labels = host.split(".")
    for start in range(len(labels)):
        provider = _HOSTS.get(".".join(labels[start:]))
        if provider is not None:
            return provider
    for beginning, ending, provider in _REGIONAL:
        if host.startswith(beginning) and host.endswith(ending):
            return provider
    for name in _LOCAL_NAMES:
        if name in labels:
            return name
    return "ollama" if port == _OLLAMA_PORT and _is_loopback(host) else OPENAI


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
