"""The enterprise side of a contact-centre cloud's third-party validation.

A browser carries an enterprise token to the cloud; the cloud asks this server whether the token is good.
A request goes `web.fastpath` (or `web.routes.callbacks`) → `callbacks.wire` → `callbacks.validation` →
`tokens.verifier` and `tokens.subject_state` → `audit.trail`, and the response goes back the same way. Begin
with `app` and `services`.
"""
