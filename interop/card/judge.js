// Tokens of jose opened by farthing, and the other way round. The argument is farthing's own program, which reads one
// JSON object a line and answers each with one. Prints a table; complaints go to standard error.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { CompactEncrypt, compactDecrypt, exportJWK, generateKeyPair, importJWK } from "jose";

const program = spawn(process.argv[2], { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
async function ask(question) {
  program.stdin.write(`${JSON.stringify(question)}\n`);
  return JSON.parse((await answers.next()).value);
}

const plain = JSON.stringify({ token: { paymentToken: "0000000000000001" }, note: "Zürich – 100 %" });
const bytes = new TextEncoder().encode(plain);
const header = { alg: "RSA-OAEP-256", enc: "A256GCM" };
const seal = (key, changes = {}, text = bytes) =>
  new CompactEncrypt(text).setProtectedHeader({ ...header, ...changes }).encrypt(key);

async function ownKey(size) {
  const pair = await generateKeyPair("RSA-OAEP-256", { modulusLength: size, extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), alg: "RSA-OAEP-256", use: "enc", kid: `jose-${size}` };
  return { jwk, privateKey: pair.privateKey };
}

const { jwk } = await ask({ key: true });
const theirs = await importJWK(jwk, "RSA-OAEP-256");
const older = await importJWK({ ...jwk, alg: "RSA-OAEP" }, "RSA-OAEP");

const opens = async (token) => (await ask({ open: token })).plain === plain;
const refuses = async (token) => typeof (await ask({ open: token })).refused === "string";
const opensOurs = (size) => async () => {
  const { jwk, privateKey } = await ownKey(size);
  const { token } = await ask({ seal: plain, jwk });
  const opened = await compactDecrypt(token, privateKey, {
    keyManagementAlgorithms: ["RSA-OAEP-256"],
    contentEncryptionAlgorithms: ["A256GCM"],
  });
  return new TextDecoder().decode(opened.plaintext) === plain && opened.protectedHeader.kid === jwk.kid;
};
const flipped = (token, part) => {
  const parts = token.split(".");
  parts[part] = (parts[part][0] === "A" ? "B" : "A") + parts[part].slice(1);
  return parts.join(".");
};

const good = await seal(theirs, { kid: jwk.kid });
const checks = [
  ["made by jose, opened by farthing", () => opens(good)],
  ["made by farthing, opened by jose (2048 bits)", opensOurs(2048)],
  ["made by farthing, opened by jose (3072 bits)", opensOurs(3072)],
  ["made by farthing, opened by jose (4096 bits)", opensOurs(4096)],
  ["made by jose for another `kid`: refused", async () => refuses(await seal(theirs, { kid: "other" }))],
  ["made by jose without a `kid`: refused", async () => refuses(await seal(theirs))],
  ["made by jose with RSA-OAEP (SHA-1): refused", async () => refuses(await seal(older, { alg: "RSA-OAEP", kid: jwk.kid }))],
  ["made by jose with A128GCM: refused", async () => refuses(await seal(theirs, { enc: "A128GCM", kid: jwk.kid }))],
  ["a bit of the key changed: refused", () => refuses(flipped(good, 1))],
  ["a bit of the IV changed: refused", () => refuses(flipped(good, 2))],
  ["a bit of the ciphertext changed: refused", () => refuses(flipped(good, 3))],
  ["a bit of the tag changed: refused", () => refuses(flipped(good, 4))],
];

console.log("| token | outcome |\n|---|---|");
for (const [name, check] of checks) {
  const outcome = await check().catch((error) => error);
  console.log(`| ${name} | ${outcome === true ? "ok" : "FAILED"} |`);
  if (outcome !== true) console.error(`${name}: ${outcome}`);
}
program.stdin.end();
await once(program, "exit");
