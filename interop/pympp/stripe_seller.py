"""A seller on pympp that takes cards. ../README.md has its one argument and what it sells."""

import json
import sys

import uvicorn
from mpp.methods.stripe import server as stripe
from mpp.server import Mpp
from mpp.server.decorator import pay
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from stripe_api import client

terms = json.loads(sys.argv[1])
method = stripe.charge(
    client=client(terms["api"], terms["seller"]),
    network_id=terms["profile"],
    currency="usd",
)
mpp = Mpp(methods=method, realm=terms["realm"], secret_key=terms["secret"])


async def sold(request, credential, receipt):
    return PlainTextResponse("sold")


routes = [
    Route("/charge", pay(mpp.charge(amount="5"))(sold)),
    Route("/referenced", pay(mpp.charge(amount="5", external_id="order-7"))(sold)),
]
host, port = terms["listen"].split(":")
uvicorn.run(Starlette(routes=routes), host=host, port=int(port), log_level="warning")
