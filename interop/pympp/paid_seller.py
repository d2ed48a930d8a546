"""A seller on pympp, Starlette and uvicorn, for `cargo xtask bench` to compare with: one offer paid by balance.

It checks what a gateway checks, the payer's signature included, and keeps what was used in memory, so that nothing is
durable. python paid_seller.py ADDRESS
"""

import sys
from base64 import urlsafe_b64decode

import base58
import uvicorn
from balance import DEFINITION, signed
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from mpp import Receipt
from mpp.errors import VerificationFailedError
from mpp.server import Mpp
from mpp.server.decorator import pay
from mpp.server.method import ServerMethod, VerifyContext
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

used: set[str] = set()


async def verify(context: VerifyContext) -> Receipt:
    echo, payload = context.credential.challenge, context.credential.payload
    key = base58.b58decode(payload.payer.removeprefix("did:key:z"))[2:]
    signature = urlsafe_b64decode(payload.signature + "==")
    text = signed(echo.id, echo.realm, echo.request, echo.digest, payload.payer)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except InvalidSignature as error:
        raise VerificationFailedError("the signature is not the payer's") from error
    if echo.id in used:
        raise VerificationFailedError("the credential was used")
    used.add(echo.id)
    return Receipt.success(echo.id, method="balance")


mpp = Mpp(
    methods=ServerMethod(method=DEFINITION, verify=verify),
    realm="127.0.0.1",
    secret_key="a secret of this benchmark, 32 bytes or more",
)


async def paid(request, credential, receipt):
    return PlainTextResponse("paid")


route = Route("/", pay(mpp.charge(amount="1000", currency="usd.6"))(paid))
host, port = sys.argv[1].split(":")
uvicorn.run(Starlette(routes=[route]), host=host, port=int(port), log_level="warning")
