"""Output items of a response: one sample of every kind the API knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from genai_otel.testing.server.exchange import JSON
from genai_otel.testing.server.media import base64_text, png
from genai_otel.testing.server.state import ServerState

_URL = "https://example.com/"
_FUNCTION = {"type": "function", "name": "lookup", "parameters": {"type": "object"}, "strict": False}

# kind: (prefix of its id, what it holds)
_SAMPLES: dict[str, tuple[str, JSON]] = {
    "reasoning": ("rs_", {"summary": [{"type": "summary_text", "text": "Look it up, then answer."}]}),
    "file_search_call": (
        "fs_",
        {
            "status": "completed",
            "queries": ["opening hours"],
            "results": [
                {
                    "file_id": "file-1",
                    "filename": "hours.txt",
                    "score": 0.9,
                    "text": "Open 9 to 5.",
                    "attributes": {},
                }
            ],
        },
    ),
    "web_search_call": (
        "ws_",
        {
            "status": "completed",
            "action": {"type": "search", "query": "weather", "sources": [{"type": "url", "url": _URL}]},
        },
    ),
    "function_call": ("fc_", {"status": "completed", "name": "lookup", "arguments": '{"key": "value"}'}),
    "function_call_output": ("fco_", {"status": "completed", "output": "42"}),
    "computer_call": (
        "cu_",
        {"status": "completed", "pending_safety_checks": [], "action": {"type": "screenshot"}},
    ),
    "computer_call_output": (
        "cuo_",
        {"status": "completed", "output": {"type": "computer_screenshot", "image_url": f"{_URL}screen.png"}},
    ),
    "program": ("prog_", {"code": "print(1)", "fingerprint": "fp_1"}),
    "program_output": ("progo_", {"status": "completed", "result": "1"}),
    "tool_search_call": (
        "ts_",
        {"status": "completed", "execution": "server", "arguments": {"query": "weather"}},
    ),
    "tool_search_output": ("tso_", {"status": "completed", "execution": "server", "tools": [_FUNCTION]}),
    "additional_tools": ("at_", {"role": "developer", "tools": [_FUNCTION]}),
    "compaction": ("cmp_", {"encrypted_content": "Y29tcGFjdGVk"}),
    "image_generation_call": (
        "ig_",
        {
            "status": "completed",
            "result": base64_text(png("image")),
            "output_format": "png",
            "revised_prompt": "A dot.",
        },
    ),
    "code_interpreter_call": (
        "ci_",
        {
            "status": "completed",
            "code": "print(6 * 7)",
            "container_id": "cntr_1",
            "outputs": [{"type": "logs", "logs": "42"}],
        },
    ),
    "local_shell_call": (
        "lsh_",
        {"status": "completed", "action": {"type": "exec", "command": ["ls", "-l"], "env": {}}},
    ),
    "local_shell_call_output": ("lsho_", {"status": "completed", "output": "total 0"}),
    "shell_call": (
        "sh_",
        {"status": "completed", "action": {"commands": ["ls -l"]}, "environment": {"type": "local"}},
    ),
    "shell_call_output": (
        "sho_",
        {
            "status": "completed",
            "output": [{"stdout": "total 0", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
        },
    ),
    "apply_patch_call": (
        "apc_",
        {"status": "completed", "operation": {"type": "create_file", "path": "a.txt", "diff": "+hello"}},
    ),
    "apply_patch_call_output": ("apco_", {"status": "completed", "output": "done"}),
    "mcp_list_tools": (
        "mcpl_",
        {"server_label": "docs", "tools": [{"name": "search", "input_schema": {"type": "object"}}]},
    ),
    "mcp_call": (
        "mcp_",
        {
            "status": "completed",
            "server_label": "docs",
            "name": "search",
            "arguments": '{"q": "x"}',
            "output": "found",
        },
    ),
    "mcp_approval_request": ("mcpr_", {"server_label": "docs", "name": "search", "arguments": "{}"}),
    "mcp_approval_response": ("mcpa_", {"approval_request_id": "mcpr_00000001", "approve": True}),
    "custom_tool_call": ("ctc_", {"name": "run_sql", "input": "SELECT 1"}),
    "custom_tool_call_output": ("ctco_", {"status": "completed", "output": "1"}),
}

_WITH_CALL_ID = frozenset(
    {
        "function_call",
        "computer_call",
        "program",
        "tool_search_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "custom_tool_call",
    }
)
_HOSTED: dict[str, tuple[str, ...]] = {
    "web_search": ("web_search_call",),
    "web_search_preview": ("web_search_call",),
    "file_search": ("file_search_call",),
    "code_interpreter": ("code_interpreter_call",),
    "image_generation": ("image_generation_call",),
    "mcp": ("mcp_list_tools", "mcp_call"),
    "tool_search": ("tool_search_call", "tool_search_output"),
    "computer": ("computer_call",),
    "computer_use_preview": ("computer_call",),
    "local_shell": ("local_shell_call",),
    "shell": ("shell_call",),
    "apply_patch": ("apply_patch_call",),
}

LEFT_TO_THE_CALLER = frozenset({"computer_call", "local_shell_call", "shell_call", "apply_patch_call"})


def kinds(wanted: str) -> list[str]:
    """The kinds that an ``items=`` behaviour names; ``ValueError`` for an unknown one."""
    named = list(_SAMPLES) if wanted == "all" else [name.strip() for name in wanted.split(",")]
    for name in named:
        if name not in _SAMPLES:
            raise ValueError(f"unknown item type {name!r}; known: {', '.join(_SAMPLES)}")
    return named


def hosted_kinds(tools: Iterable[JSON]) -> list[str]:
    """The kinds of item that the hosted tools among ``tools`` leave."""
    return [kind for tool in tools for kind in _HOSTED.get(str(tool.get("type")), ())]


def samples(state: ServerState, names: Iterable[str]) -> Iterator[JSON]:
    """One item of each kind; an output refers to the call before it."""
    call_id = "call_00000000"
    for name in names:
        prefix, held = _SAMPLES[name]
        item = {"id": state.next_id(prefix), "type": name, **held}
        if name in _WITH_CALL_ID:
            call_id = state.next_id("call_")
        if name in _WITH_CALL_ID or name.endswith("_output"):
            item["call_id"] = call_id
        yield item


def message(state: ServerState, said: str, *, status: str = "completed", annotated: bool = False) -> JSON:
    """An assistant message; ``annotated`` cites a page, as an answer from a search does."""
    annotation = {
        "type": "url_citation",
        "title": "Example",
        "url": _URL,
        "start_index": 0,
        "end_index": len(said),
    }
    part = {
        "type": "output_text",
        "text": said,
        "annotations": [annotation] if annotated else [],
        "logprobs": [],
    }
    return _message(state, part, status)


def refusal(state: ServerState, said: str) -> JSON:
    return _message(state, {"type": "refusal", "refusal": said}, "completed")


def _message(state: ServerState, part: JSON, status: str) -> JSON:
    id = state.next_id("msg_")
    return {"id": id, "type": "message", "role": "assistant", "status": status, "content": [part]}


def reasoning(state: ServerState, thought: str | None, *, encrypted: bool) -> JSON:
    """A reasoning item with a summary if there is a thought to show."""
    summary = [{"type": "summary_text", "text": thought}] if thought else []
    item: JSON = {"id": state.next_id("rs_"), "type": "reasoning", "summary": summary}
    return item | ({"encrypted_content": "cmVhc29uaW5n"} if encrypted else {})


def function_call(state: ServerState, kind: str, name: str, written: str) -> JSON:
    """A call of one of the caller's own tools."""
    call: JSON = {"call_id": state.next_id("call_"), "name": name}
    if kind == "custom":
        return {"id": state.next_id("ctc_"), "type": "custom_tool_call", **call, "input": written}
    id = state.next_id("fc_")
    return {"id": id, "type": "function_call", "status": "completed", **call, "arguments": written}
