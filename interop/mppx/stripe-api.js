// The two calls to Stripe's API that a seller and a buyer on mppx make, against the double of the tests.

/** A client as a seller's Stripe SDK would be, for one API at this URL. */
export function clientOf(api, key) {
  return {
    paymentIntents: {
      async create(params, { apiVersion, idempotencyKey }) {
        const headers = { 'stripe-version': apiVersion, 'idempotency-key': idempotencyKey }
        const response = await post(`${api}/v1/payment_intents`, key, params, headers)
        const object = await response.json()
        if (!response.ok) throw new Error(object.error.message)
        return { ...object, lastResponse: { headers: Object.fromEntries(response.headers) } }
      },
    },
  }
}

/** Issues a token out of the agent's account. */
export async function issue(api, key, { amount, currency, expiresAt, networkId, paymentMethod }) {
  const response = await post(`${api}/v1/shared_payment/issued_tokens`, key, {
    payment_method: paymentMethod,
    usage_limits: { currency, max_amount: amount, expires_at: expiresAt },
    seller_details: { network_business_profile: networkId },
  })
  const token = await response.json()
  if (!response.ok) throw new Error(token.error.message)
  return token.id
}

function post(url, key, params, headers = {}) {
  const body = new URLSearchParams(flat('', params))
  return fetch(url, { method: 'POST', body, headers: { ...headers, authorization: `Bearer ${key}` } })
}

function flat(name, value) {
  if (typeof value !== 'object') return [[name, String(value)]]
  return Object.entries(value).flatMap(([key, inner]) => flat(name ? `${name}[${key}]` : key, inner))
}
