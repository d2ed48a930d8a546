"""A seller on pympp, Starlette and uvicorn. ../README.md has its one argument and what it sells."""

import json
import sys

import uvicorn
from mpp.methods.tempo import TempoAccount
from mpp.methods.tempo import server as tempo
from mpp.server import Mpp
from mpp.server.decorator import pay
from mpp.store import MemoryStore
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

terms = json.loads(sys.argv[1])
methods = tempo.charge(
    recipient=terms["recipient"],
    chain_id=terms["chain"],
    rpc_url=terms["rpc"],
    currencies=[terms["currency"]],
    fee_payer=TempoAccount.from_key(terms["sponsor"]),
    store=MemoryStore(),
)
mpp = Mpp(methods=methods, realm=terms["realm"], secret_key=terms["secret"])


async def sold(request, credential, receipt):
    return PlainTextResponse("sold")


def route(path: str, **options) -> Route:
    return Route(path, pay(mpp.charge(**options))(sold))


routes = [
    route("/charge", amount="0.01"),
    # It takes a hash for any offer, but cannot ask for one alone.
    route("/push", amount="0.02"),
    route("/sponsored", amount="0.03", fee_payer=True),
    route("/proof", amount="0"),
    route("/splits", amount="0.05", splits=[{"amount": "20000", "recipient": terms["second"]}]),
]
host, port = terms["listen"].split(":")
uvicorn.run(Starlette(routes=routes), host=host, port=int(port), log_level="warning")
