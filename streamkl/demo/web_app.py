"""A small HTTP server that takes a while to answer, with a switch that makes it slow and faulty: the patient of the demo.

`GET /` answers "ok" after a service time; `PUT /switch` with {"slow_ms": 150, "error_share": 0.3} makes it ill, {} heals it.
"""

import argparse
import asyncio
import random
from typing import Annotated

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

# Most answers take about 18 ms, a few wait for something slower. Beside that spread, a hiccup of a busy machine is nothing new.
USUAL_SHAPE, USUAL_SCALE_MS = 9.0, 2.0
DETOUR_SHARE, DETOUR_MEAN_MS = 0.06, 80.0
KEEP_ALIVE_SECONDS = 75


class Illness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is wrong with the server at the moment; nothing, unless someone says so."""

    slow_ms: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 0.0  # added to every answer
    error_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  # of the answers that are "500 Internal Server Error"


class Patient:
    """Answers requests according to its illness. One event loop, no threads."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._illness = Illness()

    async def answer(self, _: Request) -> Response:
        """One answer after its service time."""
        illness, dice = self._illness, self._dice
        milliseconds = dice.gammavariate(USUAL_SHAPE, USUAL_SCALE_MS) + illness.slow_ms
        if dice.random() < DETOUR_SHARE:
            milliseconds += dice.expovariate(1 / DETOUR_MEAN_MS)
        await asyncio.sleep(milliseconds / 1000)
        if dice.random() < illness.error_share:
            return PlainTextResponse("this is the demo's incident\n", status_code=500)
        return PlainTextResponse("ok\n")

    async def switch(self, request: Request) -> Response:
        """Fall ill, or get well. PUT, because a web page of somebody else cannot send that."""
        try:
            self._illness = msgspec.json.decode(await request.body(), type=Illness)
        except msgspec.DecodeError as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        return Response(msgspec.json.encode(self._illness), media_type="application/json")


def app(dice: random.Random | None = None) -> Starlette:
    """The application; `dice` draws the service times and who gets an error."""
    patient = Patient(dice or random.Random())  # noqa: S311  # service times, not secrets
    return Starlette(routes=[Route("/", patient.answer, methods=["GET"]), Route("/switch", patient.switch, methods=["PUT"])])


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m streamkl.demo.web_app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args()
    uvicorn.run(
        app(), host=arguments.host, port=arguments.port, log_level="warning", access_log=False, timeout_keep_alive=KEEP_ALIVE_SECONDS
    )


if __name__ == "__main__":
    main()
