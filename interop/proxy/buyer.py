"""Buys as any script does: it knows nothing of payments, of a proxy or of certificates."""

import sys

import requests

seller = sys.argv[1]


def say(what, answer, body):
    print(what, answer.status_code, body, answer.headers.get("farthing-refusal", "-"))


answer = requests.get(f"{seller}/goods", timeout=60)
say("get", answer, answer.text)

answer = requests.post(f"{seller}/goods", data="a question", timeout=60)
say("post", answer, answer.text)

answer = requests.get(f"{seller}/events", stream=True, timeout=60)
say("stream", answer, "|".join(line.decode() for line in answer.iter_lines() if line))

answer = requests.get(f"{seller}/dear", timeout=60)
say("dear", answer, answer.json()["rule"])
