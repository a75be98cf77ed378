"""compose.yaml as far as it can be checked without an engine: structure, files, ports and variables."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml

from tests.e2e.plain import Plain
from tests.e2e.servers import ROOT

COMPOSE: Plain = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Plain] = COMPOSE["services"]
# What the Compose specification allows for the keys that are used here.
TEXTS: Plain = {"type": "array", "items": {"type": "string"}}
SCHEMA: Plain = {
    "type": "object",
    "additionalProperties": False,
    "required": ["services"],
    "properties": {
        "services": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["image"],
                "properties": {
                    "image": {"type": "string", "pattern": r"^[a-z0-9./-]+:[0-9]+\.[0-9]+\.[0-9]+$"},
                    "command": TEXTS,
                    "environment": {"type": "object", "additionalProperties": {"type": "string"}},
                    "volumes": {**TEXTS, "items": {"pattern": r"^\./[^:]+:/[^:]+:ro$"}},
                    "ports": {**TEXTS, "items": {"pattern": r"^127\.0\.0\.1:[0-9]+:[0-9]+$"}},
                    "depends_on": {**TEXTS, "items": {"enum": list(SERVICES)}},
                    "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
                },
            },
        }
    },
}


def _config(service: Plain) -> str:
    """Return the text of the configuration that a service is started with."""
    mounted = {one.split(":")[1]: one.split(":")[0] for one in service["volumes"]}
    flag, inside = service["command"]
    assert flag == "--config"
    return (ROOT / mounted[inside]).read_text()


def test_the_structure_is_of_the_specification() -> None:
    jsonschema.validate(COMPOSE, SCHEMA)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_started_with_a_configuration_of_the_repository(name: str) -> None:
    assert "receivers" in yaml.safe_load(_config(SERVICES[name]))


@pytest.mark.parametrize("name", SERVICES)
def test_every_published_port_is_one_that_the_configuration_listens_on(name: str) -> None:
    listening = set(re.findall(r"endpoint: \S+:([0-9]+)", _config(SERVICES[name])))
    published = {port.split(":")[2] for port in SERVICES[name]["ports"]}
    assert published
    assert published <= listening


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_read_by_the_configuration(name: str) -> None:
    read = set(re.findall(r"\$\{env:(\w+)", _config(SERVICES[name])))
    assert set(SERVICES[name]["environment"]) == read


def test_the_collector_finds_jaeger() -> None:
    host, port = SERVICES["collector"]["environment"]["JAEGER_ENDPOINT"].split(":")
    endpoint: Any = yaml.safe_load(_config(SERVICES[host]))["receivers"]["otlp"]["protocols"]["grpc"][
        "endpoint"
    ]
    assert endpoint.endswith(f":{port}")


def test_the_image_of_the_collector_has_the_version_that_is_built() -> None:
    manifest = yaml.safe_load((ROOT / "deploy/collector/builder-config.yaml").read_text())
    assert SERVICES["collector"]["image"].endswith(f":{manifest['dist']['version']}")
