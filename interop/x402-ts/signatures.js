// What @x402/extensions makes of signed offers and of the receipt of one. ../README.md has its one argument.

import {
  decodeSignedOffers,
  extractOffersFromPaymentRequired,
  extractReceiptFromResponse,
  findAcceptsObjectFromSignedOffer,
  verifyOfferSignatureEIP712,
  verifyReceiptMatchesOffer,
  verifyReceiptSignatureEIP712,
} from '@x402/extensions/offer-receipt'
import { decodePaymentRequiredHeader } from '@x402/core/http'

const { required, response } = JSON.parse(process.argv[2])
const list = decodePaymentRequiredHeader(required)
const offers = extractOffersFromPaymentRequired(list)
const receipt = extractReceiptFromResponse(new Response(null, { headers: { 'PAYMENT-RESPONSE': response } }))

const verified = await Promise.all(offers.map(verifyOfferSignatureEIP712))
const { signer, payload } = await verifyReceiptSignatureEIP712(receipt)
const decoded = decodeSignedOffers(offers)
const age = Date.now() / 1000 - payload.issuedAt + 1
console.log(
  JSON.stringify({
    offers: verified.map((offer) => offer.signer),
    receipt: signer,
    accepts: decoded.map((offer) => list.accepts.indexOf(findAcceptsObjectFromSignedOffer(offer, list.accepts))),
    matches: decoded.map((offer) => verifyReceiptMatchesOffer(receipt, offer, [payload.payer], age)),
  }),
)
