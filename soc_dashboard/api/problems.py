"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from soc_dashboard.plain_pages import plain_page, wants_html
from soc_dashboard.store.database import StoreFailedError

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Problem details of RFC 9457 section 3; `type` is `about:blank`, so `title` is the status phrase."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str
    instance: str


def problem(request: Request, status: int, detail: str) -> JSONResponse:
    """The response for one error."""
    body = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, instance=request.url.path[:500]
    )
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem; a database that is away is 503, with a hint to retry."""

    async def on_http(request: Request, failure: Exception) -> Response:
        status = failure.status_code if isinstance(failure, HTTPException) else 500
        detail = str(failure.detail) if isinstance(failure, HTTPException) else "unexpected error"
        if wants_html(request):
            return plain_page(request, status, detail)
        answer = problem(request, status, detail)
        if isinstance(failure, HTTPException) and failure.headers:
            answer.headers.update(failure.headers)
        return answer

    async def on_invalid(request: Request, failure: Exception) -> JSONResponse:
        errors = failure.errors() if isinstance(failure, RequestValidationError) else []
        detail = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors[:10])
        return problem(request, 422, detail)

    async def on_store(request: Request, failure: Exception) -> JSONResponse:
        response = problem(request, 503, f"The database could not answer: {failure}")
        response.headers["Retry-After"] = "5"
        return response

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(StoreFailedError, on_store)
