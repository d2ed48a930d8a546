#!/bin/sh
# Buys as any script does: it knows nothing of payments, of a proxy or of certificates.
set -eu

seller=$1
body=$(mktemp)
trap 'rm -f "$body"' EXIT

# say WHAT SHOWN CURL-ARGUMENTS: what the answer was; SHOWN is a sed script that makes one line of its body.
say() {
  what=$1 shown=$2
  shift 2
  answer=$(curl --silent --show-error --output "$body" --write-out '%{http_code} %header{farthing-refusal}' "$@")
  refusal=${answer#* }
  echo "$what ${answer%% *} $(sed -n "$shown" "$body" | paste -s -d '|' -) ${refusal:--}"
}

say get p "$seller/goods"
say post p --data "a question" "$seller/goods"
say stream '/./p' --no-buffer "$seller/events"
say dear 's/.*"rule":"\([^"]*\)".*/\1/p' "$seller/dear"
