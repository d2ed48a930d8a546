"""A buyer on pympp. ../README.md has the five calls."""

import asyncio
import json
import sys
from dataclasses import asdict

import httpx
from balance import balance, did
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_account import Account
from mpp import Challenge, Receipt
from mpp.client import Mpp
from mpp.client.transport import _payment_challenges
from mpp.methods.evm import client as evm
from mpp.methods.tempo import TempoAccount
from mpp.methods.tempo import client as tempo
from mpp.runtime import ClientMethod

JSON = {"content-type": "application/json"}


async def read(url: str, body: str | None = None) -> dict:
    async with httpx.AsyncClient() as client:
        response = await client.request(verb(body), url, content=body, headers=JSON)
    # The SDK's own way to take several challenges out of one header line is inside its transport.
    lines = response.headers.get_list("www-authenticate")
    fields = [field for line in lines for field in _payment_challenges(line)]
    challenges = [asdict(Challenge.from_www_authenticate(field)) for field in fields]
    return {"status": response.status_code, "problem": response.json(), "challenges": challenges}


async def pay(url: str, seed: str, body: str | None = None) -> dict:
    return await bought(balance(key_from(seed)), url, body)


async def charge(url: str, key: str, rpc: str, mode: str) -> dict:
    if mode != "pull":
        raise NotImplementedError(f"pympp has no {mode}")
    # It signs for 60 seconds; the chain of the tests takes 30 at most.
    tempo.EXPIRING_NONCE_VALID_BEFORE_SECS = 25
    return await bought(tempo.charge(account=TempoAccount.from_key(key), rpc_url=rpc), url)


async def authorize(url: str, key: str, asset: str) -> dict:
    of = json.loads(asset)
    method = evm.charge(
        currency=of["token"],
        account=Account.from_key(key),
        chain_id=of["chain"],
        decimals=6,
        authorization={"name": of["name"], "version": of["version"]},
    )
    return await bought(method, url)


async def bought(method: ClientMethod, url: str, body: str | None = None) -> dict:
    async with Mpp(methods=[method]) as buyer:
        response = await buyer.fetch(url, method=verb(body), content=body, headers=JSON)
    header = response.headers.get("payment-receipt")
    receipt = asdict(Receipt.from_payment_receipt(header)) if header else None
    return {"status": response.status_code, "body": response.text, "receipt": receipt}


async def name(seed: str) -> dict:
    return {"did": did(key_from(seed))}


def key_from(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def verb(body: str | None) -> str:
    return "GET" if body is None else "POST"


calls = {"did": name, "read": read, "pay": pay, "charge": charge, "authorize": authorize}
call, *words = sys.argv[1:]
print(json.dumps(asyncio.run(calls[call](*words)), default=str))
