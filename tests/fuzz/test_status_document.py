"""`/slo.json` of the FastAPI example, asked for anything: its answers are those of its schema, and never an error of ours."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.requests import Request
from starlette.responses import JSONResponse

from asgi_driver import Answer, serve
from slo_core.errors import StoreError

SCHEMA = json.loads(Path(__file__).with_name("slo_document.schema.json").read_text(encoding="utf-8"))
DEFINITION_OF_STATUS = {200: "status", 400: "refused", 404: "unknown", 503: "away"}
EXAMPLE = Path(__file__).parents[2] / "example_projects" / "fastapi_service" / "main.py"


def schema_of(status: int) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{DEFINITION_OF_STATUS[status]}", "$defs": SCHEMA["$defs"]}


VALIDATORS = {status: Draft202012Validator(schema_of(status)) for status in DEFINITION_OF_STATUS}


def example() -> Any:
    """The example's module, with some events in it."""
    spec = importlib.util.spec_from_file_location("fastapi_service_main", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path in ("/v1/products", "/v1/checkout/1", "/v1/checkout/1?fail=503"):
        serve(module.app, "POST" if "checkout" in path else "GET", path.partition("?")[0], query=path.partition("?")[2])
    return module


MODULE = example()
NAMES = MODULE.registry.names()


def valid(answer: Answer) -> dict[str, Any]:
    assert answer.exception is None
    assert answer.status in DEFINITION_OF_STATUS
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = json.loads(answer.body)
    VALIDATORS[answer.status].validate(document)
    return document


def test_the_schema_is_one() -> None:
    """JSON Schema 2020-12."""
    Draft202012Validator.check_schema(SCHEMA)


texts = st.text(st.characters(), max_size=30)
values = texts | st.sampled_from(
    [*NAMES, "", "1h", "30d", "month", "-1", "NaN", "../..", "\0", "\r\nX: y", "met", "name", "\ud800"]
)
asked = st.lists(st.tuples(st.sampled_from(["slo", "range", "state", "sort"]) | texts, values), max_size=5)
raw = st.text(st.characters(max_codepoint=255), max_size=60)


def encoded(pairs: list[tuple[str, str]]) -> str:
    return urlencode(pairs, errors="surrogatepass")


@given(query=asked.map(encoded) | raw.map(lambda text: quote(text, safe="&=%;+?/[]", encoding="latin-1")))
def test_any_query_is_answered_by_the_schema(query: str) -> None:
    """200, 400 for a parameter that means nothing, or 404 for an SLO that is none; the page beside it answers as well."""
    answer = serve(MODULE.app, path="/slo.json", query=query)

    valid(answer)
    assert answer.status in (200, 400, 404)
    page = serve(MODULE.app, path="/slo", query=query)
    assert page.status == answer.status or (page.status in (200, 404) and answer.status == 400)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("chosen", ["1h", "6h", "1d", "3d", "7d", "30d"])
def test_a_history_has_columns_of_equal_length(name: str, chosen: str) -> None:
    """One value for each point; what a schema cannot say."""
    past = valid(serve(MODULE.app, path="/slo.json", query=encoded([("slo", name), ("range", chosen)])))["history"]

    columns = [past[key] for key in ("end", "good", "bad", "error_budget_remaining", "even_spend")]
    columns += [rates["burn_rate"] for rates in past["burn_rates"]]
    assert {len(column) for column in columns} == {len(past["end"])}
    assert past["end"] == sorted(past["end"])


@given(query=asked.map(encoded))
def test_a_store_that_is_away_is_a_503_of_the_schema(query: str) -> None:
    """Whatever is asked for, and whatever the store raises."""
    with pytest.MonkeyPatch.context() as patch:
        for trouble in (StoreError("away"), RuntimeError("\ud800 password")):

            def fail(*_: object, trouble: Exception = trouble, **__: object) -> None:
                raise trouble

            patch.setattr(type(MODULE.registry.store), "read", fail)
            patch.setattr(type(MODULE.registry["checkout"]), "snapshot", fail)
            answer = serve(MODULE.app, path="/slo.json", query=query)

            document = valid(answer)
            assert answer.status in (503, 400, 404)
            assert "password" not in document["error"]


def openapi_document() -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}} for name in ("slo", "range", "state", "sort")
    ]
    responses = {
        str(status): {"description": "", "content": {"application/json": {"schema": schema_of(status)}}}
        for status in DEFINITION_OF_STATUS
    }
    # OpenAPI keeps definitions in a place of its own.
    text = json.dumps({"get": {"operationId": "status", "parameters": parameters, "responses": responses}})
    return {
        "openapi": "3.1.0",
        "info": {"title": "SLO status", "version": "1"},
        "paths": {"/slo.json": json.loads(text.replace("#/$defs/", "#/components/schemas/"))},
        "components": {"schemas": json.loads(json.dumps(SCHEMA["$defs"]).replace("#/$defs/", "#/components/schemas/"))},
    }


async def describe(_: Request) -> JSONResponse:
    return JSONResponse(openapi_document())


MODULE.app.add_route("/status-openapi.json", describe)
OPERATION = schemathesis.openapi.from_asgi("/status-openapi.json", MODULE.app)["/slo.json"]["GET"]


@given(case=OPERATION.as_strategy())
def test_what_schemathesis_makes_of_the_schema(case: schemathesis.Case) -> None:
    """Its own checks: statuses, content types and documents are those that are written down."""
    # OpenAPI cannot say that `range` needs `slo`, and has the ranges of one of its SLOs.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
