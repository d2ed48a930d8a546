// Buys as any script does: it knows nothing of payments, of a proxy or of certificates.

const seller = process.argv[2];

const say = (what, answer, body) =>
  console.log(what, answer.status, body, answer.headers.get("farthing-refusal") ?? "-");

let answer = await fetch(`${seller}/goods`);
say("get", answer, await answer.text());

answer = await fetch(`${seller}/goods`, { method: "POST", body: "a question" });
say("post", answer, await answer.text());

answer = await fetch(`${seller}/events`);
let events = "";
for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) events += piece;
say("stream", answer, events.split("\n").filter(Boolean).join("|"));

answer = await fetch(`${seller}/dear`);
say("dear", answer, (await answer.json()).rule);
