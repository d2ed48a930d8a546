"""A buyer on x402 and httpx. ../README.md has its arguments and what it reads and writes."""

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

key, rpc = sys.argv[1:]
signer = EthAccountSignerWithRPC(Account.from_key(key), rpc)
client = register_exact_evm_client(x402Client(), signer)
client.register("eip155:*", UptoEvmClientScheme(signer))


async def buy(url: str) -> dict:
    async with x402HttpxClient(client, timeout=30) as http:
        response = await http.get(url)
    header = response.headers.get("payment-response") or response.headers.get("x-payment-response")
    outcome = decode_payment_response_header(header).model_dump(by_alias=True) if header else None
    return {"status": response.status_code, "body": response.text, "outcome": outcome}


for line in sys.stdin:
    try:
        answer = asyncio.run(buy(line.strip()))
    except Exception as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
