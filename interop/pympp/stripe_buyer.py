"""A buyer on pympp with a card: python stripe_buyer.py URL API KEY PAYMENT_METHOD"""

import asyncio
import json
import sys

from mpp import Receipt
from mpp.client import Mpp
from mpp.methods.stripe import client as stripe
from stripe_api import issue


async def main(url: str, api: str, key: str, payment_method: str) -> dict:
    async def create_token(wanted) -> str:
        return issue(api, key, wanted)

    method = stripe.charge(create_token=create_token, payment_method=payment_method)
    async with Mpp(methods=[method]) as buyer:
        response = await buyer.fetch(url)
    header = response.headers.get("payment-receipt")
    receipt = None
    if header:
        read = Receipt.from_payment_receipt(header)
        receipt = {"method": read.method, "reference": read.reference}
    return {"status": response.status_code, "body": response.text, "receipt": receipt}


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
