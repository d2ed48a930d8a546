"""A seller on pympp, Starlette and uvicorn. ../README.md has its one argument and what it sells."""

import json
import sys

import uvicorn
from mpp.methods.evm import server as evm
from mpp.methods.tempo import TempoAccount
from mpp.methods.tempo import server as tempo
from mpp.server import Mpp
from mpp.server.decorator import pay
from mpp.store import MemoryStore
from settler import settler
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

terms = json.loads(sys.argv[1])
sponsor = TempoAccount.from_key(terms["sponsor"])
methods = tempo.charge(
    recipient=terms["recipient"],
    chain_id=terms["chain"],
    rpc_url=terms["rpc"],
    currencies=[terms["currency"]],
    fee_payer=sponsor,
    store=MemoryStore(),
)
mpp = Mpp(methods=methods, realm=terms["realm"], secret_key=terms["secret"])

asset = terms["evm"]
authorized = evm.charge(
    currency=asset["token"],
    recipient=terms["recipient"],
    chain_id=asset["chain"],
    decimals=6,
    authorization={"name": asset["name"], "version": asset["version"]},
    settle=settler(asset["rpc"], asset["token"], sponsor.address),
    store=MemoryStore(),
)
settling = Mpp(methods=authorized, realm=terms["realm"], secret_key=terms["secret"])


async def sold(request, credential, receipt):
    return PlainTextResponse("sold")


def route(path: str, seller: Mpp = mpp, **options) -> Route:
    return Route(path, pay(seller.charge(**options))(sold))


routes = [
    route("/charge", amount="0.01"),
    # It takes a hash for any offer, but cannot ask for one alone.
    route("/push", amount="0.02"),
    route("/sponsored", amount="0.03", fee_payer=True),
    route("/proof", amount="0"),
    route("/splits", amount="0.05", splits=[{"amount": "20000", "recipient": terms["second"]}]),
    route("/authorization", settling, amount="0.04"),
]
host, port = terms["listen"].split(":")
uvicorn.run(Starlette(routes=routes), host=host, port=int(port), log_level="warning")
