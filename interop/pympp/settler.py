"""Sends verified EIP-3009 authorizations to the token on an EVM test chain, from an account that its node unlocks."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from eth_abi import encode
from eth_utils import keccak
from mpp.methods.evm import Authorization

TYPES = ["address", "address", "uint256", "uint256", "uint256", "bytes32", "uint8", "bytes32", "bytes32"]
SELECTOR = keccak(text=f"transferWithAuthorization({','.join(TYPES)})")[:4]


def settler(rpc: str, token: str, sender: str) -> Callable[[Authorization], Awaitable[str]]:
    """What pympp calls with an authorization that it verified; it returns the transaction's hash."""

    async def settle(authorization: Authorization) -> str:
        data = "0x" + (SELECTOR + encode(TYPES, arguments(authorization.payload))).hex()
        sent = await ask(rpc, "eth_sendTransaction", {"from": sender, "to": token, "data": data})
        while not (receipt := await ask(rpc, "eth_getTransactionReceipt", sent)):
            await asyncio.sleep(0.05)
        if receipt["status"] != "0x1":
            raise RuntimeError(f"{sent} failed")
        return sent

    return settle


def arguments(payload: dict) -> list:
    signature = bytes.fromhex(payload["signature"][2:])
    times = [int(payload[name]) for name in ("value", "validAfter", "validBefore")]
    nonce = bytes.fromhex(payload["nonce"][2:])
    return [payload["from"], payload["to"], *times, nonce, signature[64], signature[:32], signature[32:64]]


async def ask(rpc: str, method: str, parameter: dict | str):
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [parameter]}
    async with httpx.AsyncClient() as client:
        answer = (await client.post(rpc, json=request)).json()
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    return answer["result"]
