"""Computes docs/vectors/peers.json again, as docs/protocol.md 6 says and with code that the SDK does not use.

usage: python peer_vectors.py peers.json     Ends with an AssertionError at the first value that differs.
"""
import base64, hashlib, hmac, json, re, sys

import nacl.bindings as sodium
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

vectors = json.load(open(sys.argv[1], encoding="utf-8"))
raw = bytes.fromhex
alice, bob = vectors["alice"], vectors["bob"]
checked = 0


def same(what, computed, expected):
    global checked
    assert computed == expected, f"{what}: {computed!r} is not {expected!r}"
    checked += 1


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hkdf(secret, salt, info, length):
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def x25519(secret, public):
    return X25519PrivateKey.from_private_bytes(raw(secret)).exchange(X25519PublicKey.from_public_bytes(raw(public)))


def open_box(box, bound, key):
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(box[24:], bound, box[:24], key)


def canonical(text):
    value = base64.b64decode(text, validate=True)
    same("base64", base64.b64encode(value).decode(), text)
    return value


# Who they are, and what they have signed.
for person in (alice, bob):
    signer = Ed25519PrivateKey.from_private_bytes(raw(person["eddsa_seed"]))
    same("Ed25519 key", signer.public_key().public_bytes_raw().hex(), person["eddsa_public_key"])
    x = X25519PrivateKey.from_private_bytes(raw(person["ecdh_secret"]))
    same("X25519 key", x.public_key().public_bytes_raw().hex(), person["ecdh_public_key"])
    text = f"relay-register:{person['ecdh_public_key']}:{person['eddsa_public_key']}"
    same("proof", signer.sign(text.encode()).hex(), person["proof"])

FRAME = re.compile(rb'^\{"data":(\{.*\}),"signature":"([0-9a-f]{128})"(?:,"seq":"([^"]*)")?\}$', re.S)
payloads = {}
for part, signer in (("request", alice), ("answer", bob)):
    data, signature, _ = FRAME.match(vectors[part]["frame"].encode()).groups()
    same(f"{part}: D", data.decode(), vectors[part]["data"])
    Ed25519PublicKey.from_public_bytes(raw(signer["eddsa_public_key"])).verify(raw(signature.decode()), data)
    same(f"{part}: digest", sha256(data).hex(), vectors[part]["sha256"])
    payloads[part] = json.loads(data)["message"]["payload"]
request, answer = payloads["request"], payloads["answer"]
same("in_reply_to", answer["in_reply_to"], vectors["request"]["sha256"])

# 6.7: the message inside the request.
codes = (alice["code"] + bob["code"]).encode()
identities = codes + raw(alice["eddsa_public_key"]) + raw(bob["eddsa_public_key"])
fresh = raw(request["ecdh_public_key"])
context = b"keyrelay/first/2\0" + identities + fresh + raw(request["first"]["key"]) + bytes(64)
same("first: context", context.hex(), vectors["first"]["context"])
same("first: key", request["first"]["key"], bob["ecdh_public_key"])
key = hkdf(x25519(bob["ecdh_secret"], request["ecdh_public_key"]), bytes(32), context, 32)
box = canonical(request["first"]["ciphertext"])
same("first: nonce", box[:24].hex(), vectors["first"]["nonce"])
same("first: plaintext", open_box(box, context, key).decode(), vectors["first"]["plaintext_utf8"])

# The same to keys that the recipient has published.
published = vectors["prekeys"]
Ed25519PublicKey.from_public_bytes(raw(bob["eddsa_public_key"])).verify(
    raw(published["signature"]), published["signed_text"].encode()
)
label, code, generation, kem_text, keys_text = published["signed_text"].split(":")
first = published["first"]
same("prekeys: label", label, "relay-prekeys")
same("prekeys: code", code, bob["code"])
same("prekeys: generation", first["generation"], int(generation))
prekey = X25519PrivateKey.from_private_bytes(raw(published["secret"])).public_key().public_bytes_raw()
same("prekeys: key", prekey.hex(), first["prekey"])
same("prekeys: in the batch", first["prekey"] in keys_text.split(","), True)
last_resort = MLKEM768PrivateKey.from_seed_bytes(raw(published["kem_seed"]))
same("prekeys: ML-KEM key", last_resort.public_key().public_bytes_raw(), canonical(kem_text))
ciphertext = canonical(first["kem_ciphertext"])
same("prekeys: ML-KEM", last_resort.decapsulate(ciphertext).hex(), published["kem_secret"])
context = b"keyrelay/first/2\0" + identities + fresh + raw(first["key"]) + prekey + sha256(ciphertext)
same("prekeys: context", context.hex(), published["context"])
secrets = x25519(bob["ecdh_secret"], request["ecdh_public_key"]) + x25519(published["secret"], request["ecdh_public_key"])
key = hkdf(secrets + raw(published["kem_secret"]), bytes(32), context, 32)
box = canonical(first["ciphertext"])
same("prekeys: plaintext", open_box(box, context, key).decode(), vectors["first"]["plaintext_utf8"])

# 6.4: name and keys.
name = sha256(b"keyrelay/exchange/2\0", raw(vectors["request"]["sha256"]), raw(vectors["answer"]["sha256"]))
same("name", name.hex(), vectors["name"])
shared = x25519(vectors["initiator_secret"], answer["ecdh_public_key"])
same("X25519", shared.hex(), vectors["ecdh_secret"])
same("X25519, the other side", x25519(vectors["responder_secret"], request["ecdh_public_key"]), shared)
kem = MLKEM768PrivateKey.from_seed_bytes(raw(vectors["kem_seed"]))
same("ML-KEM key", kem.public_key().public_bytes_raw(), canonical(request["kem_public_key"]))
kem_secret = kem.decapsulate(canonical(answer["kem_ciphertext"]))
same("ML-KEM", kem_secret.hex(), vectors["kem_secret"])
okm = hkdf(shared + kem_secret, name, b"keyrelay/kx/2\0" + identities, 64)
same("initiator to responder", okm[:32].hex(), vectors["initiator_to_responder"])
same("responder to initiator", okm[32:].hex(), vectors["responder_to_initiator"])

# 6.6: messages.
for way, chain, sender, recipient in (
    ("initiator_to_responder", okm[:32], alice, bob),
    ("responder_to_initiator", okm[32:], bob, alice),
):
    link = name
    for counter, message in enumerate(vectors["messages"][way]):
        payload = message["payload"]
        same("exchange", payload["exchange"], name.hex())
        same("counter", payload["counter"], counter)
        same("link", payload["link"], link.hex())
        same("chain key", chain.hex(), message["chain_key"])
        key, chain = hmac.digest(chain, b"\1", "sha256"), hmac.digest(chain, b"\2", "sha256")
        same("message key", key.hex(), message["message_key"])
        codes = (sender["code"] + recipient["code"]).encode()
        bound = b"keyrelay/msg/2\0" + codes + name + counter.to_bytes(8, "big") + link
        same("associated data", bound.hex(), message["associated_data"])
        box = canonical(payload["ciphertext"])
        same("nonce", box[:24].hex(), message["nonce"])
        text = open_box(box, bound, key)
        same("plaintext", text.decode(), message["plaintext_utf8"])
        same("padding", len(text), 256)
        link = sha256(b"keyrelay/chain/2\0", link, box)

print(checked)
