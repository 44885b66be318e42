// A signing key made here, in its owner's browser. The private key never leaves it but in the file the owner saves:
// what is sent is a request (PKCS#10, RFC 2986), what comes back is a certificate, and both are put together here as
// PKCS#12 (RFC 7292) under the owner's password: AES-256-CBC with PBKDF2-HMAC-SHA-256.
import {
  Attribute, AttributeTypeAndValue, AuthenticatedSafe, BmpString, CertBag, Certificate, CertificationRequest,
  OctetString, PFX, PKCS8ShroudedKeyBag, PrivateKeyInfo, SafeBag, SafeContents, Utf8String,
} from "./vendor/pkijs-4.0.0/pkijs.min.js";

const SHORTEST = 12;
const KEY = { name: "ECDSA", namedCurve: "P-256" };
const KEY_ITERATIONS = 600000; // OWASP's figure for PBKDF2-HMAC-SHA-256
const MAC_ITERATIONS = 200000; // of PKCS#12's own derivation, one call of the browser each
const PAUSE = 1500; // milliseconds between two looks at the order
const LOOKS = 400;
const PATIENCE = 40;

const form = document.getElementById("key");
const state = document.getElementById("state");
const save = document.getElementById("save");
let keyIsOnlyHere = false;

const say = (step) => { state.textContent = state.dataset[step]; };
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const bytesOf = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0)).buffer;

async function call(path, options = {}) {
  const answer = await fetch(path, {
    ...options,
    headers: { "X-Form-Token": form.elements.form_token.value, ...options.headers },
  });
  const isTold = answer.headers.get("Content-Type")?.startsWith("application/json");
  const told = isTold ? await answer.json() : {};
  if (!answer.ok) throw new Error(told.text ?? state.dataset.failed);
  return told;
}

async function requestFor(keys, address) {
  const request = new CertificationRequest({ version: 0, attributes: [] });
  request.subject.typesAndValues.push(
    new AttributeTypeAndValue({ type: "2.5.4.3", value: new Utf8String({ value: address }) }));
  await request.subjectPublicKeyInfo.importKey(keys.publicKey);
  await request.sign(keys.privateKey, "SHA-256");
  return request.toSchema().toBER();
}

// What was made here is lost with this page: a network or a server that is away for a while is waited for.
async function patiently(path, options) {
  for (let look = 0; ; look += 1) {
    try {
      return await call(path, options);
    } catch (error) {
      if (look === PATIENCE) throw error;
    }
    await sleep(PAUSE);
  }
}

async function certificateOf(address) {
  for (let look = 0; look < LOOKS; look += 1) {
    const order = await patiently(address);
    if (order.state === "issued") return order.chain.map(bytesOf);
    if (order.state === "overtaken") throw new Error(state.dataset.overtaken);
    if (order.state === "refused") throw new Error(state.dataset.refused);
    await sleep(PAUSE);
  }
  throw new Error(state.dataset.late);
}

// Whatever the site answers: a file whose key and certificate do not belong together would be of no use to anybody.
async function fits(keys, der) {
  const ours = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
  const theirs = Certificate.fromBER(der).subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  return ours.length === theirs.length && ours.every((byte, at) => byte === theirs[at]);
}

async function fileOf(keys, chain, name, word) {
  const password = new TextEncoder().encode(word).buffer;
  const encryption = {
    password,
    contentEncryptionAlgorithm: { name: "AES-CBC", length: 256 },
    hmacHashAlgorithm: "SHA-256",
    iterationCount: KEY_ITERATIONS,
  };
  const localKeyId = await crypto.subtle.digest("SHA-1", chain[0]);
  const bagAttributes = () => [
    new Attribute({ type: "1.2.840.113549.1.9.20", values: [new BmpString({ value: name })] }),
    new Attribute({ type: "1.2.840.113549.1.9.21", values: [new OctetString({ valueHex: localKeyId })] }),
  ];
  const key = new PKCS8ShroudedKeyBag({
    parsedValue: PrivateKeyInfo.fromBER(await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  });
  await key.makeInternalValues(encryption);
  const contents = [
    new SafeContents({
      safeBags: [new SafeBag({ bagId: "1.2.840.113549.1.12.10.1.2", bagValue: key, bagAttributes: bagAttributes() })],
    }),
    new SafeContents({
      safeBags: chain.map((der, place) => new SafeBag({
        bagId: "1.2.840.113549.1.12.10.1.3",
        bagValue: new CertBag({ parsedValue: Certificate.fromBER(der) }),
        ...(place === 0 ? { bagAttributes: bagAttributes() } : {}),
      })),
    }),
  ];
  const safe = new AuthenticatedSafe({
    parsedValue: { safeContents: contents.map((value, place) => ({ privacyMode: place, value })) },
  });
  await safe.makeInternalValues({ safeContents: [{}, encryption] });
  const file = new PFX({ parsedValue: { integrityMode: 0, authenticatedSafe: safe } });
  await file.makeInternalValues({
    password, iterations: MAC_ITERATIONS, pbkdf2HashAlgorithm: "SHA-256", hmacHashAlgorithm: "SHA-256",
  });
  return new Blob([file.toSchema().toBER()], { type: "application/x-pkcs12" });
}

async function make() {
  const word = form.elements.password.value;
  if (!/^[ -~]+$/.test(word) || word.length < SHORTEST) throw new Error(state.dataset.weak);
  if (word !== form.elements.again.value) throw new Error(state.dataset.differ);
  say("making");
  const keys = await crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
  const address = form.dataset.address;
  const request = await requestFor(keys, address);
  keyIsOnlyHere = true;
  const order = await call(form.dataset.orders, {
    method: "POST", body: request, headers: { "Content-Type": "application/pkcs10" },
  });
  say("waiting");
  const chain = await certificateOf(order.address);
  if (!await fits(keys, chain[0])) throw new Error(state.dataset.overtaken);
  say("packing");
  save.href = URL.createObjectURL(await fileOf(keys, chain, address, word));
  save.download = `${address}.p12`;
  save.hidden = false;
  save.click();
  await patiently(`${order.address}/nhan`, { method: "POST" });
  keyIsOnlyHere = false;
  form.reset();
  say("done");
}

addEventListener("beforeunload", (event) => { if (keyIsOnlyHere) event.preventDefault(); });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const controls = form.querySelector("fieldset");
  controls.disabled = true;
  state.classList.remove("wrong");
  try {
    await make();
  } catch (error) {
    keyIsOnlyHere = false;
    controls.disabled = false;
    state.classList.add("wrong");
    state.textContent = error.message;
  }
});

if (!globalThis.crypto?.subtle) {
  form.querySelector("fieldset").disabled = true;
  state.classList.add("wrong");
  say("unable");
}
