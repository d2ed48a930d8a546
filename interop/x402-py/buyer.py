"""A buyer on x402 and httpx. ../README.md has its one call."""

import asyncio
import json
import sys

from eth_account import Account
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_response_header
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.mechanisms.evm.signers import EthAccountSignerWithRPC
from x402.mechanisms.evm.upto import UptoEvmClientScheme


async def pay(url: str, key: str, rpc: str) -> dict:
    signer = EthAccountSignerWithRPC(Account.from_key(key), rpc)
    client = register_exact_evm_client(x402Client(), signer)
    client.register("eip155:*", UptoEvmClientScheme(signer))
    async with x402HttpxClient(client, timeout=30) as http:
        response = await http.get(url)
    header = response.headers.get("payment-response") or response.headers.get("x-payment-response")
    outcome = decode_payment_response_header(header).model_dump(by_alias=True) if header else None
    return {"status": response.status_code, "body": response.text, "outcome": outcome}


calls = {"pay": pay}
call, *words = sys.argv[1:]
print(json.dumps(asyncio.run(calls[call](*words))))
