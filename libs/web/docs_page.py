"""The page that explains a service's API, without the internet: a shop's PC may have none."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse


def add_docs_page(app: FastAPI, name: str) -> None:
    """Serve Swagger UI at `/<name>/docs` from the files that the package fastapi-offline ships."""
    assets = f"/{name}/docs-assets"
    app.mount(assets, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs-assets")

    @app.get(f"/{name}/docs", include_in_schema=False)
    async def docs_page() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=f"/{name}/openapi.json",
            title=app.title,
            swagger_js_url=f"{assets}/swagger-ui-bundle.js",
            swagger_css_url=f"{assets}/swagger-ui.css",
            swagger_favicon_url=f"{assets}/favicon.png",
            swagger_ui_parameters={"docExpansion": "none", "persistAuthorization": True},
        )
