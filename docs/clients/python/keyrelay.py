"""A keyrelay client: protocol 2, and version 1 between the peers (docs/protocol.md 6.10), both roles of an exchange.

    pip install websockets pynacl; python keyrelay.py http://127.0.0.1:8080 alice.json [CODE]
Prints JSON lines: first {"code": ...}, then messages. Lines of standard input go to CODE. alice.json keeps the identity
and others' pinned keys; exchanged keys live as long as the process, and are agreed anew after it.
"""
import asyncio, base64, collections, contextlib, functools, hashlib, hmac, json, math, os, random, re, sys, time, types
import nacl.bindings as sodium, nacl.exceptions, nacl.signing, urllib.error, urllib.request, websockets

DELIVERED = rb'(?s)\{"data":(\{.*\}),"signature":"([0-9a-f]{128})"(?:,"seq":"([^"]*)"(?:,"tries":(\d+))?)?\}'
SENDER = re.compile(rb'"sender":"([0-9A-HJKMNP-TV-Z]{7})"')
# From an unknown sender, forged, or signed and not what we understand: such an envelope is dropped.
NOT_FOR_US = (urllib.error.HTTPError, nacl.exceptions.CryptoError, KeyError, TypeError, ValueError, RuntimeError)
JUMP_MAX, REPEAT_AFTER_S, TRIES_MAX, KEPT, KEY_END = 10_000, 60, 5, 10, 2**255 - 19
dumps = functools.partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
def unique(members):  # of two equal names other parsers may take the other one: one signed text, two meanings
    if len(dict(members)) != len(members):
        raise ValueError("two equal names")
    return dict(members)
loads = functools.partial(json.loads, object_pairs_hook=unique)
def pair(secret):
    return secret, sodium.crypto_scalarmult_base(secret)
def kdf(secret, initiator, responder):
    """HKDF-SHA-256 of an X25519 secret; a party is (code, Ed25519 key, exchange key). Gives the key each way."""
    codes, keys = (initiator[0] + responder[0]).encode(), initiator[1] + responder[1] + initiator[2] + responder[2]
    info = b"keyrelay/kx/1\0" + codes + keys
    key = hmac.digest(bytes(32), secret, "sha256")
    forth = hmac.digest(key, info + b"\1", "sha256")
    return forth, hmac.digest(key, forth + info + b"\2", "sha256")
def aad(exchange, counter, sender, recipient):
    return b"keyrelay/msg/1\0" + (sender + recipient).encode() + bytes.fromhex(exchange) + counter.to_bytes(8, "big")
def session_of(peer):  # to send under: the newest whose keys the other is known to have
    return next((session for session in reversed(peer.sessions) if session.proven), None)
def keep(items, count=KEPT):  # forgets the oldest beyond so many
    for name in list(items)[:-count]:
        del items[name]

class Client:
    def __init__(self, url, file, on_message):
        self.url, self.file, self.on_message, self.sockets = url.rstrip("/"), file, on_message, 0
        self.dialled = re.sub("^http", "ws", self.url) + "/ws"
        fresh = {"eddsa": os.urandom(32).hex(), "ecdh": os.urandom(32).hex(), "pins": {}}
        self.saved = json.load(open(file)) if os.path.exists(file) else fresh
        self.signer = nacl.signing.SigningKey(bytes.fromhex(self.saved["eddsa"]))
        self.public = bytes(self.signer.verify_key)
        self.peers, self.seen, self.answers, self.live = {}, collections.deque(maxlen=5000), {}, asyncio.Event()
    def save(self):
        with open(self.file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            json.dump(self.saved, out)
    async def http(self, path, data=None):
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        return json.load(await asyncio.to_thread(urllib.request.urlopen, request, None, 10))
    async def register(self):
        self.save()
        keys = pair(bytes.fromhex(self.saved["ecdh"]))[1].hex(), self.public.hex()
        proof = self.signer.sign(("relay-register:%s:%s" % keys).encode()).signature.hex()
        body = {"ecdh_public_key": keys[0], "eddsa_public_key": keys[1], "proof": proof}
        self.code = (await self.http("/users", dumps(body).encode()))["code"]

    async def peer(self, code):
        """Trust on first use: the first key that the relay names for a code is kept."""
        if code not in self.saved["pins"]:
            self.saved["pins"][code] = (await self.http(f"/users/{code}"))["eddsa_public_key"]
            self.save()
        if code not in self.peers:
            peer = self.peers[code] = types.SimpleNamespace(
                code=code, key=bytes.fromhex(self.saved["pins"][code]), pending={}, sessions=[], asked=-math.inf,
                requests=collections.deque(maxlen=1000), sent={}, frames=collections.deque(),
                contents=collections.deque(), wake=asyncio.Event())
            peer.worker = asyncio.create_task(self.work(peer))
        return self.peers[code]
    def say(self, peer, content, tries=1):
        peer.contents.append((content, tries))
        peer.wake.set()
    def ask(self, peer):  # without keys, and again every minute without an answer: a request may get lost, or run out
        if session_of(peer) is None and time.monotonic() - peer.asked >= REPEAT_AFTER_S:
            own, peer.asked = pair(os.urandom(32)), time.monotonic()
            data = self.post(peer, "key_exchange", {"ecdh_public_key": own[1].hex()})
            peer.pending[hashlib.sha256(data.encode()).hexdigest()] = own
            keep(peer.pending)
    def signed(self, data):
        return f'{{"data":{data},"signature":"{self.signer.sign(data.encode()).signature.hex()}"}}'
    def post(self, peer, kind, payload):  # signs an envelope, puts it behind those that wait, and gives its data
        name, message = os.urandom(16).hex(), {"type": kind, "payload": payload}
        data = dumps({"sender": self.code, "recipient": peer.code, "id": name, "message": message})
        peer.frames.append((name, self.signed(data)))
        peer.wake.set()
        return data
    def seal(self, peer, session, content, tries):
        nonce, counter, text, session.sent = os.urandom(24), session.sent, dumps(content).encode(), session.sent + 1
        bound = aad(session.name, counter, self.code, peer.code)
        box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(text, bound, nonce, session.send_key)
        ciphertext = base64.b64encode(nonce + box).decode()
        data = self.post(peer, "message", {"exchange": session.name, "counter": counter, "ciphertext": ciphertext})
        if content["type"] == "message":
            peer.sent[json.loads(data)["id"]] = content, tries
            keep(peer.sent, 1000)

    async def work(self, peer):
        """One envelope at a time, the same bytes until the relay has decided: so none overtakes one in doubt."""
        while True:
            if not peer.frames and peer.contents:
                if session_of(peer):
                    self.seal(peer, session_of(peer), *peer.contents.popleft())
                else:
                    self.ask(peer)
            if not peer.frames:
                peer.wake.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(peer.wake.wait(), REPEAT_AFTER_S if peer.contents else None)
                continue
            await self.live.wait()
            name, frame = peer.frames[0]
            self.answers[name] = asyncio.get_running_loop().create_future()
            with contextlib.suppress(asyncio.TimeoutError, websockets.ConnectionClosed):
                await self.socket.send(frame)
                error, wait_ms = await asyncio.wait_for(self.answers[name], 15)
                if error not in ("unavailable", "rate_limited", "mailbox_full"):
                    peer.frames.popleft()
                else:
                    await asyncio.sleep(wait_ms / 1000 + random.random())

    async def take(self, data, signature):
        """Verifies the bytes, and only then parses them."""
        claimed = SENDER.search(data)
        if claimed is None or claimed[1].decode() == self.code:
            return
        peer = await self.peer(claimed[1].decode())
        nacl.signing.VerifyKey(peer.key).verify(data, bytes.fromhex(signature.decode()))
        envelope, digest = loads(data), hashlib.sha256(data).hexdigest()
        name = envelope.get("id", digest)
        if envelope["sender"] != peer.code or envelope["recipient"] != self.code or (peer.code, name) in self.seen:
            return
        self.seen.append((peer.code, name))
        kind, payload = envelope["message"]["type"], envelope["message"].get("payload")
        # Every request is answered once, also while one of ours is pending: either may be lost.
        if kind == "key_exchange" and digest not in peer.requests:
            peer.requests.append(digest)
            own, peer.asked = pair(os.urandom(32)), time.monotonic()
            self.agree(peer, digest, own, payload, initiator=False)
            self.post(peer, "key_exchange_ack", {"ecdh_public_key": own[1].hex(), "in_reply_to": digest})
        elif kind == "key_exchange_ack" and payload["in_reply_to"] in peer.pending:
            self.agree(peer, payload["in_reply_to"], peer.pending.pop(payload["in_reply_to"]), payload, initiator=True)
            self.say(peer, {"type": "ready"})  # so that the other may use the new keys too
        elif kind == "message":
            self.open(peer, name, payload)
    def agree(self, peer, name, own, payload, initiator):
        theirs = bytes.fromhex(payload["ecdh_public_key"])
        if int.from_bytes(theirs, "little") >= KEY_END:
            raise ValueError("no canonical X25519 key")
        shared = sodium.crypto_scalarmult(own[0], theirs)  # throws if it is all zero
        parties = [(self.code, self.public, own[1]), (peer.code, peer.key, theirs)][:: 1 if initiator else -1]
        send_key, receive_key = kdf(shared, *parties)[:: 1 if initiator else -1]
        peer.sessions.append(types.SimpleNamespace(
            name=name, send_key=send_key, receive_key=receive_key, sent=0, received=0, proven=initiator))
        del peer.sessions[:-KEPT]
    def open(self, peer, name, payload):
        session = next((s for s in peer.sessions if s.name == payload["exchange"]), None)
        box, bound = base64.b64decode(payload["ciphertext"]), (payload["counter"], peer.code, self.code)
        try:
            text = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
                box[24:], aad(session.name, *bound), box[:24], session.receive_key)
        except (AttributeError, nacl.exceptions.CryptoError):  # keys of before a restart: agree on new ones
            peer.sessions.clear()
            return self.say(peer, {"type": "unreadable", "id": name})
        # What the counter says is believed only now.
        if not session.received <= payload["counter"] <= session.received + JUMP_MAX:
            return
        session.received, session.proven, content = payload["counter"] + 1, True, loads(text)
        peer.wake.set()
        if content["type"] == "unreadable" and content["id"] in peer.sent:
            lost, tries = peer.sent.pop(content["id"])
            if tries < TRIES_MAX:
                self.say(peer, lost, tries + 1)
        if content["type"] == "message":
            self.on_message(peer.code, content["body"])
            self.say(peer, {"type": "delivered", "up_to": name})

    async def hear(self, socket, text):
        cut = re.fullmatch(DELIVERED, text.encode())
        if cut is not None:
            if int(cut[4] or 1) - self.sockets >= 5:  # earlier runs of this program have died on it
                return await socket.send(dumps({"skip": cut[3].decode()}))
            with contextlib.suppress(*NOT_FOR_US):
                await self.take(cut[1], cut[2])
            return await socket.send(dumps({"ack": cut[3].decode()}))
        message = json.loads(text)["data"]["message"]
        payload = message.get("payload", {})
        if message["type"] == "challenge":
            if payload["audience"] not in (None, self.dialled):
                raise SystemExit(f"the relay calls itself {payload['audience']}, but {self.dialled} was dialled")
            answer = {"type": "connect", "payload": {"nonce": payload["nonce"], "audience": self.dialled}}
            await socket.send(self.signed(dumps({"sender": self.code, "message": answer})))
        elif message["type"] == "connect_ack":
            self.socket, self.sockets = socket, self.sockets + 1
            self.live.set()
        elif payload.get("id") in self.answers and not self.answers[payload["id"]].done():
            self.answers[payload["id"]].set_result((payload.get("code"), payload.get("retry_after_ms", 1000)))
    async def run(self):
        tries, socket = 0, None
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                async with websockets.connect(self.dialled, subprotocols=["relay.v2"], compression=None) as socket:
                    async for text in socket:
                        await self.hear(socket, text)
                        tries = 0
            if socket and socket.close_code in (1009, 4400, 4401, 4403, 4409, 4410):
                raise SystemExit(f"closed with {socket.close_code}")
            self.live.clear()
            for answer in self.answers.values():  # what was sent on this socket goes again on the next
                answer.done() or answer.set_result(("unavailable", 0))
            tries += 1
            await asyncio.sleep(random.random() * min(30, 2 ** (tries - 2)))

async def main(url, file, code=None):
    client = Client(url, file, lambda sender, body: print(dumps({"from": sender, "body": body}), flush=True))
    await client.register()
    print(dumps({"code": client.code}), flush=True)
    running = asyncio.create_task(client.run())
    while code is not None and (line := await asyncio.to_thread(sys.stdin.readline)):
        client.say(await client.peer(code), {"type": "message", "body": line.rstrip("\n")})
    await running
if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
