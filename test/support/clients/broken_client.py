"""The client of docs/clients/python with one rule broken: the first argument names it. Then the path of keyrelay.py, and its arguments."""
import asyncio, contextlib, functools, json, os, sys

sys.path.insert(0, os.path.dirname(sys.argv[2]))
import keyrelay

BROKEN, PARTNER = sys.argv[1], sys.argv[5]


class Client(keyrelay.Client):
    async def hear(self, socket, text):
        if BROKEN == "audience" and '"challenge"' in text:
            message = json.loads(text)
            message["data"]["message"]["payload"]["audience"] = self.dialled
            text = json.dumps(message)
        await super().hear(Socket(self, socket), text)

    def signed(self, data):
        if BROKEN == "login" and '"connect"' in data:
            data = data.replace('"nonce"', '"device":"phone","nonce"')
        return super().signed(data)

    def ask(self, peer):
        if BROKEN != "asking":
            super().ask(peer)

    def post(self, peer, kind, payload):
        if BROKEN == "digests" and kind == "key_exchange_ack":
            payload["in_reply_to"] = "00" * 32
        return super().post(peer, kind, payload)

    async def take(self, data, signature):
        pending = any(peer.pending for peer in self.peers.values())
        if BROKEN == "crossing" and b'"key_exchange"' in data and pending:
            return
        if BROKEN in ("repeats", "twice"):
            self.seen.clear()
        if BROKEN == "repeats":
            for peer in self.peers.values():
                peer.requests.clear()
        await super().take(data, signature)

    async def peer(self, code):
        if BROKEN == "pins" and code in self.peers:
            self.peers[code].key = bytes.fromhex((await self.http(f"/users/{code}"))["eddsa_public_key"])
        return await super().peer(code)

    def open(self, peer, name, payload):
        kept = list(peer.sessions)
        if BROKEN == "unknown keys" and payload["exchange"] not in [session.name for session in kept]:
            return
        for session in kept:
            if BROKEN in ("twice", "order"):
                session.received = 0
            if BROKEN == "counters":
                session.received = max(session.received, payload["counter"])
        super().open(peer, name, payload)
        if BROKEN == "counters" and not peer.sessions:
            peer.sessions.extend(kept)
            peer.contents.clear()

    async def run(self):
        ends = SystemExit if BROKEN == "displaced" else ()
        while True:
            with contextlib.suppress(ends):
                await super().run()


class Socket:
    """Of a client that acknowledges nothing, or that never sends the same bytes twice."""
    def __init__(self, client, socket):
        self.client, self.socket = client, socket

    async def send(self, text):
        if BROKEN == "acks" and text.startswith('{"ack"'):
            return
        if BROKEN == "bytes" and '"recipient"' in text:
            data = {**json.loads(text)["data"], "try": os.urandom(4).hex()}
            text = self.client.signed(keyrelay.dumps(data))
        await self.socket.send(text)


def believing(name, value):
    """JSON in which a member is what we hope that it is."""
    def loads(text):
        read = strict(text)
        return {**read, name: value()} if name in read else read
    strict = keyrelay.loads
    return loads


def client(*arguments):
    made.append(Client(*arguments))
    return made[0]


made = []
keyrelay.Client = client
if BROKEN == "large frames":
    keyrelay.websockets.connect = functools.partial(keyrelay.websockets.connect, max_size=60_000)
if BROKEN == "coming back":
    keyrelay.random.random = lambda: 1_000_000
if BROKEN == "signatures":
    keyrelay.nacl.signing.VerifyKey.verify = lambda *_: None
if BROKEN == "recipients":
    keyrelay.loads = believing("recipient", lambda: made[0].code)
if BROKEN == "senders":
    keyrelay.loads = believing("sender", lambda: PARTNER)
if BROKEN == "names":
    keyrelay.loads = json.loads
if BROKEN == "small order":
    keyrelay.sodium.crypto_scalarmult = lambda *_: bytes(32)
if BROKEN == "canonical keys":
    keyrelay.KEY_END = 2**256
asyncio.run(keyrelay.main(*sys.argv[3:]))
