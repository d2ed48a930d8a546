"""The two calls to Stripe's API that a seller and a buyer on pympp make, against the double of the tests."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx


class PaymentIntents:
    """As a seller's Stripe SDK would have them, for one API at this URL."""

    def __init__(self, api: str, key: str) -> None:
        self.api, self.key = api, key

    def create(self, params: dict[str, Any], options: dict[str, Any]) -> SimpleNamespace:
        headers = {"stripe-version": options["stripe_version"], "idempotency-key": options["idempotency_key"]}
        response = post(f"{self.api}/v1/payment_intents", self.key, params, headers)
        response.raise_for_status()
        body = response.json()
        return SimpleNamespace(id=body["id"], status=body["status"], last_response=response)


def client(api: str, key: str) -> SimpleNamespace:
    return SimpleNamespace(payment_intents=PaymentIntents(api, key))


def issue(api: str, key: str, wanted: Any) -> str:
    """Issues a token out of the agent's account."""
    limits = {"currency": wanted.currency, "max_amount": wanted.amount, "expires_at": wanted.expires_at}
    params = {
        "payment_method": wanted.payment_method,
        "usage_limits": limits,
        "seller_details": {"network_business_profile": wanted.network_id},
    }
    response = post(f"{api}/v1/shared_payment/issued_tokens", key, params, {})
    response.raise_for_status()
    return response.json()["id"]


def post(url: str, key: str, params: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    headers = {**headers, "authorization": f"Bearer {key}"}
    return httpx.post(url, data=dict(flat("", params)), headers=headers)


def flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, bool):
        yield name, str(value).lower()
    elif isinstance(value, (dict, list)):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in members:
            yield from flat(f"{name}[{key}]" if name else str(key), inner)
    else:
        yield name, str(value)
