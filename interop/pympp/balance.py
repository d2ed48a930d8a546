"""The balance method for pympp: an Ed25519 key signs the challenge."""

from base64 import urlsafe_b64encode

import base58
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mpp import Challenge, Credential
from mpp.client import ClientMethod, CredentialParams, Method
from pydantic import BaseModel


class Request(BaseModel):
    amount: str
    currency: str


class Payload(BaseModel):
    payer: str
    signature: str


DEFINITION = Method(name="balance", intent="charge", request_model=Request, payload_model=Payload)


def balance(key: Ed25519PrivateKey) -> ClientMethod:
    """The method, paying with the balance of this key."""
    payer = did(key)

    async def create_credential(params: CredentialParams) -> str:
        signature = key.sign(message(params.challenge, payer))
        payload = {"payer": payer, "signature": urlsafe_b64encode(signature).rstrip(b"=").decode()}
        echo = params.challenge.to_echo()
        return Credential(challenge=echo, payload=payload, source=payer).to_authorization()

    return ClientMethod(method=DEFINITION, create_credential=create_credential)


def message(challenge: Challenge, payer: str) -> bytes:
    """What the payer signs."""
    return signed(challenge.id, challenge.realm, challenge.request_b64, challenge.digest, payer)


def signed(id: str, realm: str, request: str, digest: str | None, payer: str) -> bytes:
    """The same, from its parts."""
    lines = [
        "farthing balance charge v1",
        f"id: {id}",
        f"realm: {realm}",
        f"request: {request}",
        f"digest: {digest or '-'}",
        f"payer: {payer}",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def did(key: Ed25519PrivateKey) -> str:
    """The payer's name: the public key as a did:key."""
    public = key.public_key().public_bytes_raw()
    return f"did:key:z{base58.b58encode(bytes([0xED, 0x01]) + public).decode()}"
